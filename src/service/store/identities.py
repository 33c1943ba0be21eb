"""Identities: who may ask, and the tokens they ask with. Tokens are kept as hashes only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from ...wire import new_id
from .schema import identities, tokens

#: What the names of all result queues begin with.
RESULT_QUEUES = "results."


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who may ask.

    Attributes:
        queue_prefix: what the names of this identity's result queues begin with.
    """

    identity_id: str
    name: str
    queue_prefix: str


_COLUMNS = (identities.c.identity_id, identities.c.name, identities.c.queue_prefix)
_BY_TOKEN = (
    select(*_COLUMNS)
    .join(tokens, tokens.c.identity_id == identities.c.identity_id)
    .where(tokens.c.token_hash == bindparam("token_hash"))
)
_BY_ID = select(*_COLUMNS).where(identities.c.identity_id == bindparam("identity_id"))
_BY_NAME = select(*_COLUMNS).where(identities.c.name == bindparam("name"))


def by_token(connection: Connection, token: str) -> Identity | None:
    """Find whose token that is."""
    row = connection.execute(_BY_TOKEN, {"token_hash": _hash(token)}).first()
    return None if row is None else Identity(*row)


def one(connection: Connection, identity_id: str) -> Identity:
    """Find an identity that is known to be there: they are never deleted."""
    return Identity(*connection.execute(_BY_ID, {"identity_id": identity_id}).one())


def ensure(connection: Connection, name: str, now: float) -> Identity:
    """Find the identity of that name; make it when there is none."""
    row = connection.execute(_BY_NAME, {"name": name}).first()
    if row is not None:
        return Identity(*row)
    identity = Identity(new_id(), name, f"{RESULT_QUEUES}{new_id()}.")
    connection.execute(
        insert(identities),
        {
            "identity_id": identity.identity_id,
            "name": name,
            "queue_prefix": identity.queue_prefix,
            "created_at": now,
        },
    )
    return identity


def set_token(connection: Connection, identity: Identity, label: str, token: str, now: float) -> None:
    """Let `token` stand for the identity; the one it had under that label no longer does."""
    connection.execute(
        delete(tokens).where(tokens.c.identity_id == identity.identity_id, tokens.c.label == label),
    )
    connection.execute(
        insert(tokens),
        {"token_hash": _hash(token), "identity_id": identity.identity_id, "label": label, "created_at": now},
    )


def _hash(token: str) -> str:
    # Tokens are long and random: a plain hash cannot be guessed backwards, and costs a microsecond per request.
    return hashlib.sha256(token.encode()).hexdigest()
