"""Tokens: what identities ask with, each under a label of its own. They are kept as hashes only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from .identities import Identity, hash_of
from .schema import identities, tokens


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token, which is nothing that one could ask with.

    Attributes:
        user: whose it is, by name.
        label: one of its owner's tokens only has it.
        created_at: unix time.
        expires_at: unix time, or None when it does not.
    """

    user: str
    label: str
    created_at: float
    expires_at: float | None


def put(
    connection: Connection,
    identity: Identity,
    label: str,
    token: str,
    now: float,
    *,
    expires_at: float | None = None,
) -> None:
    """Let `token` stand for the identity until it expires; the one it had under that label no longer does."""
    remove(connection, identity.identity_id, label)
    connection.execute(
        insert(tokens),
        {
            "token_hash": hash_of(token),
            "identity_id": identity.identity_id,
            "label": label,
            "created_at": now,
            "expires_at": expires_at,
        },
    )


def listing(connection: Connection, user: str | None = None) -> list[Token]:
    """List tokens, of one user or of all, oldest first."""
    statement = select(identities.c.name, tokens.c.label, tokens.c.created_at, tokens.c.expires_at).join(
        identities, identities.c.identity_id == tokens.c.identity_id
    )
    if user is not None:
        statement = statement.where(identities.c.name == user)
    return [Token(*row) for row in connection.execute(statement.order_by(tokens.c.created_at))]


def remove(connection: Connection, identity_id: str, label: str) -> bool:
    """Have a token stand for nobody from now on; say whether there was one."""
    gone = connection.execute(delete(tokens).where(tokens.c.identity_id == identity_id, tokens.c.label == label))
    return gone.rowcount > 0
