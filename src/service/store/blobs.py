"""Blobs: what is kept of each, who has sent it, and which tasks refer to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, delete, exists, insert, or_, select, update

from .database import keys
from .identities import Identity
from .schema import blob_senders, blob_uses, blobs, endpoints, task_groups, tasks


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that is kept.

    Attributes:
        key: its name in the blob store.
    """

    digest: str
    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Use:
    """A task that refers to a blob, by the task's number."""

    seq: int
    digest: str
    is_result: bool


_ONE = select(blobs.c.digest, blobs.c.key, blobs.c.size).where(blobs.c.digest == bindparam("of"))
_SENT_BY = exists().where(
    blob_senders.c.digest == blobs.c.digest, blob_senders.c.identity_id == bindparam("identity_id")
)
_SHARED = select(task_groups.c.task_group_id).where(task_groups.c.group_id.in_(bindparam("group_ids", expanding=True)))
_HAS_A_TASK = (
    exists()
    .where(blob_uses.c.digest == blobs.c.digest, blob_uses.c.seq == tasks.c.seq)
    .where(
        or_(
            tasks.c.owner_id == bindparam("identity_id"),
            tasks.c.task_group_id.in_(_SHARED),
            and_(
                ~blob_uses.c.is_result,
                exists().where(
                    endpoints.c.endpoint_id == tasks.c.endpoint_id, endpoints.c.owner_id == bindparam("identity_id")
                ),
            ),
        )
    )
)
_SENT = _ONE.where(_SENT_BY)
_READABLE = _ONE.where(or_(_SENT_BY, _HAS_A_TASK))
_TOUCH = update(blobs).where(blobs.c.digest == bindparam("of")).values(touched_at=bindparam("now"))
_ADD = insert(blobs)
_MOVE = (
    update(blobs).where(blobs.c.digest == bindparam("of")).values(key=bindparam("new_key"), size=bindparam("new_size"))
)
_KNOWN_SENDER = select(blob_senders.c.digest).where(
    blob_senders.c.digest == bindparam("of"), blob_senders.c.identity_id == bindparam("identity_id")
)
_OWNER_OF_ENDPOINT = select(endpoints.c.owner_id).where(endpoints.c.endpoint_id == bindparam("endpoint_id"))


def one(connection: Connection, digest: str) -> Blob | None:
    """Find a blob, whosever it is."""
    return _found(connection.execute(_ONE, {"of": digest}).first())


def sent_by(connection: Connection, digest: str, identity_id: str) -> Blob | None:
    """Find a blob that somebody has sent."""
    return _found(connection.execute(_SENT, {"of": digest, "identity_id": identity_id}).first())


def readable_by(connection: Connection, digest: str, identity: Identity) -> Blob | None:
    """Find a blob that somebody may read: has sent it, or may see a task or has an endpoint that has to do with it."""
    who = {"identity_id": identity.identity_id, "group_ids": list(identity.group_ids)}
    return _found(connection.execute(_READABLE, {"of": digest, **who}).first())


def keep(connection: Connection, blob: Blob, identity_id: str, now: float, *, instead_of: Blob | None = None) -> Blob:
    """Note that somebody has sent a blob.

    Args:
        connection: to the store.
        blob: where it is now.
        identity_id: who.
        now: the time.
        instead_of: where it was, and is no more.

    Returns:
        What is kept of it, which may be what another one has sent meanwhile.
    """
    known = one(connection, blob.digest)
    if known is None:
        connection.execute(_ADD, {"digest": blob.digest, "key": blob.key, "size": blob.size_bytes, "touched_at": now})
    elif known == instead_of:
        connection.execute(_MOVE, {"of": blob.digest, "new_key": blob.key, "new_size": blob.size_bytes})
        known = None
    who = {"identity_id": identity_id}
    if connection.execute(_KNOWN_SENDER, {"of": blob.digest, **who}).first() is None:
        connection.execute(insert(blob_senders), {"digest": blob.digest, **who})
    return known or blob


def touch(connection: Connection, digest: str, now: float) -> None:
    """Note that a blob is wanted."""
    connection.execute(_TOUCH, {"of": digest, "now": now})


def missing(connection: Connection, digests: Collection[str], identity_id: str) -> list[str]:
    """List those of these blobs that somebody has not sent."""
    return [digest for digest in digests if sent_by(connection, digest, identity_id) is None]


def owner_of(connection: Connection, endpoint_id: str) -> str | None:
    """Find whose an endpoint is: what its agent sends, it sends as that identity."""
    return connection.execute(_OWNER_OF_ENDPOINT, {"endpoint_id": endpoint_id}).scalar()


def use(connection: Connection, uses: Sequence[Use], now: float) -> None:
    """Note which tasks refer to which blobs."""
    if uses:
        connection.execute(
            insert(blob_uses), [{"seq": one.seq, "digest": one.digest, "is_result": one.is_result} for one in uses]
        )
    for digest in {one.digest for one in uses}:
        touch(connection, digest, now)


def unused(connection: Connection, before: float, limit: int) -> list[Blob]:
    """List blobs that nobody has wanted for long, and that no task needs.

    A task needs its result's as long as it is known, and its arguments' until it is done, and a while longer: it may be
    tried again.
    """
    needed = exists().where(
        blob_uses.c.digest == blobs.c.digest,
        blob_uses.c.seq == tasks.c.seq,
        or_(blob_uses.c.is_result, tasks.c.finished_at.is_(None), tasks.c.finished_at >= before),
    )
    rows = connection.execute(
        select(blobs.c.digest, blobs.c.key, blobs.c.size).where(blobs.c.touched_at < before, ~needed).limit(limit)
    )
    return [Blob(*row) for row in rows]


def forget(connection: Connection, gone: Iterable[Blob]) -> None:
    """Keep these no longer, with all that is known of them."""
    for chunk in keys([blob.digest for blob in gone]):
        for table in (blob_senders, blob_uses, blobs):
            connection.execute(delete(table).where(table.c.digest.in_(chunk)))


def known_keys(connection: Connection, names: Sequence[str]) -> set[str]:
    """Find which of these names in the blob store are those of blobs that are kept."""
    found: set[str] = set()
    for chunk in keys(names):
        found |= set(connection.execute(select(blobs.c.key).where(blobs.c.key.in_(chunk))).scalars())
    return found


def _found(row: object) -> Blob | None:
    return None if row is None else Blob(*row)  # type: ignore[misc]  # a row is a tuple of these columns
