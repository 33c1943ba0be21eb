"""Identities: who may ask, and the tokens they ask with. Tokens are kept as hashes only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, or_, select

from ...wire import new_id
from .schema import group_members, identities, tokens

#: What the names of all result queues begin with.
RESULT_QUEUES = "results."

#: The administrator of the service: whoever can read its directory, and the token in it.
ADMINISTRATOR = "local"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who may ask.

    Attributes:
        queue_prefix: what the names of this identity's result queues begin with.
        group_ids: the groups that this identity is in; of one that asks, and empty of one that was looked up by its id.
        may_know_all: whether they may be told that things of others are there: the administrator of the service.
    """

    identity_id: str
    name: str
    queue_prefix: str
    group_ids: frozenset[str] = frozenset()
    may_know_all: bool = False


_COLUMNS = (identities.c.identity_id, identities.c.name, identities.c.queue_prefix)
# Who asks and all their groups in one statement, as every request begins with it: one row per group, at least one.
_BY_TOKEN = (
    select(*_COLUMNS, group_members.c.group_id)
    .join(tokens, tokens.c.identity_id == identities.c.identity_id)
    .join(group_members, group_members.c.identity_id == identities.c.identity_id, isouter=True)
    .where(
        tokens.c.token_hash == bindparam("token_hash"),
        or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > bindparam("now")),
        identities.c.removed_at.is_(None),
    )
)
_BY_ID = select(*_COLUMNS).where(identities.c.identity_id == bindparam("identity_id"))
_BY_NAME = select(*_COLUMNS).where(identities.c.name == bindparam("name"))


def by_token(connection: Connection, token: str, now: float) -> Identity | None:
    """Find whose token that is; nobody's when it has expired, or its owner was removed."""
    rows = connection.execute(_BY_TOKEN, {"token_hash": _hash(token), "now": now}).all()
    if not rows:
        return None
    identity_id, name, queue_prefix, _ = rows[0]
    groups = frozenset(row[3] for row in rows if row[3] is not None)
    return Identity(identity_id, name, queue_prefix, groups, may_know_all=name == ADMINISTRATOR)


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


def set_token(
    connection: Connection,
    identity: Identity,
    label: str,
    token: str,
    now: float,
    *,
    expires_at: float | None = None,
) -> None:
    """Let `token` stand for the identity until it expires; the one it had under that label no longer does."""
    connection.execute(
        delete(tokens).where(tokens.c.identity_id == identity.identity_id, tokens.c.label == label),
    )
    connection.execute(
        insert(tokens),
        {
            "token_hash": _hash(token),
            "identity_id": identity.identity_id,
            "label": label,
            "created_at": now,
            "expires_at": expires_at,
        },
    )


def _hash(token: str) -> str:
    # Tokens are long and random: a plain hash cannot be guessed backwards, and costs a microsecond per request.
    return hashlib.sha256(token.encode()).hexdigest()
