"""Outcomes: the results of finished tasks, kept as the endpoints sent them, and which of them a queue is still owed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from ...wire.queues import result_queue
from ...wire.states import TaskState
from .database import fitting, keys
from .schema import identities, payloads, results, task_groups, tasks


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended.

    Attributes:
        is_owed: whether the task group's queue is to get it.
        message: the result's envelope.
    """

    seq: int
    state: TaskState
    is_owed: bool
    message: bytes


@dataclass(frozen=True, slots=True)
class Owed:
    """An outcome that is to be put on a queue."""

    seq: int
    task_id: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a task, for the one who asks for it.

    Attributes:
        group_id: the group whose members may see it as well, or None.
        message: the result's envelope, or None when there is none yet.
    """

    task_id: str
    task_group_id: str
    group_id: str | None
    owner_id: str
    endpoint_id: str
    function_id: str
    state: str
    created_at: float
    finished_at: float | None
    message: bytes | None


_FINISH = (
    update(tasks)
    .where(tasks.c.seq.in_(bindparam("seqs", expanding=True)), tasks.c.finished_at.is_(None))
    .values(state=bindparam("target"), finished_at=bindparam("now"), is_owed=bindparam("owed"))
)
_ADD = insert(results)
_DROP_PAYLOADS = delete(payloads).where(payloads.c.seq.in_(bindparam("seqs", expanding=True)))
_TAKEN = (
    update(tasks)
    .where(tasks.c.task_id.in_(bindparam("task_ids", expanding=True)), tasks.c.is_owed)
    .values(is_owed=False)
)
_OWED = (
    select(tasks.c.seq, tasks.c.task_id, results.c.message)
    .join(results, results.c.seq == tasks.c.seq)
    .where(tasks.c.seq.in_(bindparam("seqs", expanding=True)), tasks.c.is_owed)
    .order_by(tasks.c.seq)
)
_SIZES = (
    select(results.c.seq, func.length(results.c.message))
    .where(results.c.seq.in_(bindparam("seqs", expanding=True)))
    .order_by(results.c.seq)
)
_RECORDS = (
    select(
        tasks.c.task_id,
        tasks.c.task_group_id,
        task_groups.c.group_id,
        tasks.c.owner_id,
        tasks.c.endpoint_id,
        tasks.c.function_id,
        tasks.c.state,
        tasks.c.created_at,
        tasks.c.finished_at,
        results.c.message,
    )
    .join(results, results.c.seq == tasks.c.seq, isouter=True)
    .join(task_groups, task_groups.c.task_group_id == tasks.c.task_group_id, isouter=True)
    .where(tasks.c.task_id.in_(bindparam("task_ids", expanding=True)))
)

_by_fate = attrgetter("state", "is_owed")


def finish(connection: Connection, outcomes: Iterable[Outcome], now: float) -> None:
    """Keep outcomes of unfinished tasks, and drop the arguments, which nobody needs any more."""
    ordered = sorted(outcomes, key=_by_fate)
    for (state, is_owed), group in groupby(ordered, key=_by_fate):
        for chunk in keys([outcome.seq for outcome in group]):
            connection.execute(_FINISH, {"seqs": chunk, "target": state.value, "now": now, "owed": is_owed})
    if ordered:
        connection.execute(_ADD, [{"seq": outcome.seq, "message": outcome.message} for outcome in ordered])
    for chunk in keys([outcome.seq for outcome in ordered]):
        connection.execute(_DROP_PAYLOADS, {"seqs": chunk})


def taken(connection: Connection, task_ids: Sequence[str]) -> None:
    """Note that queues are no longer owed these outcomes."""
    for chunk in keys(task_ids):
        connection.execute(_TAKEN, {"task_ids": chunk})


def owed_numbers(connection: Connection, finished_after: float) -> dict[str, list[int]]:
    """List the numbers of tasks whose outcome a queue is owed, in the order of submission, by queue."""
    statement = (
        select(identities.c.queue_prefix, tasks.c.task_group_id, tasks.c.seq)
        .join(task_groups, task_groups.c.task_group_id == tasks.c.task_group_id)
        .join(identities, identities.c.identity_id == tasks.c.owner_id)
        .where(tasks.c.is_owed, tasks.c.finished_at >= finished_after, task_groups.c.has_queue)
        .order_by(tasks.c.seq)
    )
    by_queue: dict[str, list[int]] = {}
    for queue_prefix, task_group_id, seq in connection.execute(statement):
        by_queue.setdefault(result_queue(queue_prefix, task_group_id), []).append(seq)
    return by_queue


def owed(connection: Connection, seqs: Sequence[int], max_bytes: int) -> tuple[list[Owed], int]:
    """Load outcomes to publish, in the order of their numbers.

    Args:
        connection: to the store.
        seqs: task numbers, ascending; at most `KEYS_PER_STATEMENT`.
        max_bytes: load no more once they are that large together; one is always loaded.

    Returns:
        The outcomes that a queue is still owed, and how many of `seqs` were looked at.
    """
    wanted = fitting(connection.execute(_SIZES, {"seqs": seqs}), seqs, max_bytes)
    return [Owed(*row) for row in connection.execute(_OWED, {"seqs": wanted})], len(wanted)


def records(connection: Connection, task_ids: Sequence[str]) -> dict[str, Record]:
    """Find what is known of tasks; unknown ones are left out."""
    found: dict[str, Record] = {}
    for chunk in keys(task_ids):
        for row in connection.execute(_RECORDS, {"task_ids": chunk}):
            columns: Sequence[Any] = row
            found[row[0]] = Record(*columns)
    return found
