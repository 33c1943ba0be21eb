"""Identities: who may ask, and whose token that is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from ...wire import new_id
from .schema import group_members, groups, identities, tokens

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
        hides_groups: whether there may be groups of theirs elsewhere that the service has not been allowed to see.
    """

    identity_id: str
    name: str
    queue_prefix: str
    group_ids: frozenset[str] = frozenset()
    may_know_all: bool = False
    hides_groups: bool = False


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
_REMOVED_AT = select(identities.c.removed_at).where(identities.c.identity_id == bindparam("identity_id"))
_BY_NAME = select(*_COLUMNS).where(identities.c.name == bindparam("name"))


def by_token(connection: Connection, token: str, now: float) -> Identity | None:
    """Find whose token that is; nobody's when it has expired, or its owner was removed."""
    rows = connection.execute(_BY_TOKEN, {"token_hash": hash_of(token), "now": now}).all()
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


@dataclass(frozen=True, slots=True)
class User:
    """An identity, as it takes to look after it.

    Attributes:
        created_at: unix time.
        groups: the names of the groups that it is in.
        tokens: how many it has.
    """

    identity_id: str
    name: str
    created_at: float
    groups: tuple[str, ...] = ()
    tokens: int = 0


def named(connection: Connection, name: str) -> Identity | None:
    """Find the identity of a name; None when there is none, or it was removed."""
    row = connection.execute(_BY_NAME.where(identities.c.removed_at.is_(None)), {"name": name}).first()
    return None if row is None else Identity(*row)


def bring_back(connection: Connection, name: str, now: float) -> Identity:
    """Find or make the identity of a name; one that was removed is as it was, but for its tokens and groups."""
    connection.execute(update(identities).where(identities.c.name == name).values(removed_at=None))
    return ensure(connection, name, now)


def remove(connection: Connection, identity_id: str, now: float) -> None:
    """Have nobody ask in the name of an identity any more. What it has stays."""
    connection.execute(delete(tokens).where(tokens.c.identity_id == identity_id))
    connection.execute(delete(group_members).where(group_members.c.identity_id == identity_id))
    connection.execute(update(identities).where(identities.c.identity_id == identity_id).values(removed_at=now))


def is_removed(connection: Connection, identity_id: str) -> bool:
    """Say whether an identity was removed."""
    return connection.execute(_REMOVED_AT, {"identity_id": identity_id}).scalar() is not None


def listing(connection: Connection) -> list[User]:
    """List the identities that were not removed, oldest first."""
    joined = select(group_members.c.identity_id, groups.c.name).join(
        groups, groups.c.group_id == group_members.c.group_id
    )
    member_of: dict[str, list[str]] = {}
    for identity_id, group in connection.execute(joined.order_by(groups.c.name)):
        member_of.setdefault(identity_id, []).append(group)
    counted = select(tokens.c.identity_id, func.count()).group_by(tokens.c.identity_id)
    token_counts = {row[0]: row[1] for row in connection.execute(counted)}
    statement = select(identities.c.identity_id, identities.c.name, identities.c.created_at)
    rows = connection.execute(statement.where(identities.c.removed_at.is_(None)).order_by(identities.c.created_at))
    return [
        User(identity_id, name, created_at, tuple(member_of.get(identity_id, ())), token_counts.get(identity_id, 0))
        for identity_id, name, created_at in rows
    ]


def hash_of(token: str) -> str:
    """Write what is kept of a token."""
    # Tokens are long and random: a plain hash cannot be guessed backwards, and costs a microsecond per request.
    return hashlib.sha256(token.encode()).hexdigest()
