"""Cancels: what an endpoint is to be told, now and when it comes back, until it has said that it knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from ...wire.states import TaskState
from .database import keys
from .schema import cancels, tasks

#: An endpoint that said that it knows may die before its broker knows; so long it is told again (seconds).
ANSWER_SETTLES_S = 60.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """A task that is no longer wanted.

    Attributes:
        running: whether it is to be stopped when it runs.
    """

    seq: int
    task_id: str
    endpoint_id: str
    running: bool


_KNOWN = select(cancels.c.seq).where(cancels.c.seq.in_(bindparam("seqs", expanding=True)))
_RUNNING = (
    update(cancels)
    .where(cancels.c.seq.in_(bindparam("seqs", expanding=True)))
    .values(running=True, asked_at=bindparam("now"))
)
_ANSWERED = (
    update(cancels)
    .where(cancels.c.seq.in_(bindparam("seqs", expanding=True)), cancels.c.answered_at.is_(None))
    .values(answered_at=bindparam("now"))
)
_ALL = select(cancels.c.seq, tasks.c.task_id, cancels.c.endpoint_id, cancels.c.running).join(
    tasks, tasks.c.seq == cancels.c.seq
)
_SOME = _ALL.where(cancels.c.seq.in_(bindparam("seqs", expanding=True))).order_by(cancels.c.seq)
#: A task that has another outcome is over at its endpoint, too.
_NOT_OVER = tasks.c.state.not_in([TaskState.SUCCESS.value, TaskState.FAILED.value])
_UNSETTLED = _ALL.where(tasks.c.finished_at.is_(None)).order_by(cancels.c.seq)
_TO_TELL = _ALL.where(
    cancels.c.endpoint_id == bindparam("endpoint_id"),
    or_(cancels.c.answered_at.is_(None), cancels.c.answered_at > bindparam("answered_after")),
    _NOT_OVER,
).order_by(cancels.c.seq)


def put(connection: Connection, asked: Sequence[Cancel], now: float) -> None:
    """Note that endpoints are to be told; a task that was to be stopped even when it runs still is."""
    known: set[int] = set()
    for chunk in keys([one.seq for one in asked]):
        known.update(connection.execute(_KNOWN, {"seqs": chunk}).scalars())
    for chunk in keys([one.seq for one in asked if one.running and one.seq in known]):
        connection.execute(_RUNNING, {"seqs": chunk, "now": now})
    new = [
        {
            "seq": one.seq,
            "endpoint_id": one.endpoint_id,
            "running": one.running,
            "asked_at": now,
            "answered_at": None,
        }
        for one in asked
        if one.seq not in known
    ]
    if new:
        connection.execute(insert(cancels), new)


def answered(connection: Connection, seqs: Sequence[int], now: float) -> None:
    """Note that endpoints said that they know."""
    for chunk in keys(seqs):
        connection.execute(_ANSWERED, {"seqs": chunk, "now": now})


def to_tell(connection: Connection, endpoint_id: str, now: float) -> list[Cancel]:
    """List what an endpoint is to be told when it comes, or comes back."""
    rows = connection.execute(_TO_TELL, {"endpoint_id": endpoint_id, "answered_after": now - ANSWER_SETTLES_S})
    return [Cancel(*row) for row in rows]


def unsettled(connection: Connection) -> list[Cancel]:
    """List the cancels of tasks that have no outcome."""
    return [Cancel(*row) for row in connection.execute(_UNSETTLED)]


def some(connection: Connection, seqs: Iterable[int]) -> list[Cancel]:
    """Find cancels by the numbers of their tasks."""
    return [Cancel(*row) for chunk in keys(list(seqs)) for row in connection.execute(_SOME, {"seqs": chunk})]


def drop_old(connection: Connection, asked_before: float) -> None:
    """Forget what was asked long ago of tasks that have an outcome."""
    finished = select(tasks.c.seq).where(tasks.c.seq == cancels.c.seq, tasks.c.finished_at.is_not(None))
    connection.execute(delete(cancels).where(cancels.c.asked_at < asked_before, finished.exists()))


def forget(connection: Connection, endpoint_id: str) -> None:
    """Forget what an endpoint was to be told: it is no more."""
    connection.execute(delete(cancels).where(cancels.c.endpoint_id == endpoint_id))
