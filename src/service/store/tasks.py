"""Tasks: what was submitted, where each is, and what its endpoint is to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from ...wire.queues import result_queue
from ...wire.states import TaskState
from . import functions
from .database import fitting, keys
from .functions import Code
from .identities import Identity
from .schema import (
    blob_uses,
    cancels,
    counters,
    endpoints,
    identities,
    payloads,
    reports,
    results,
    task_groups,
    tasks,
)


@dataclass(frozen=True, slots=True)
class NewTask:
    """One task of a submission: its number, its ids and its packed arguments."""

    seq: int
    task_id: str
    function_id: str
    payload: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What the tasks of one submission have in common.

    Attributes:
        options: JSON of what `wire.queues.task_headers` takes besides ids, or None when there is nothing of it.
    """

    owner_id: str
    task_group_id: str
    endpoint_id: str
    options: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a task stands, as it takes to judge an event.

    Attributes:
        queue: the queue its outcome is to be put on, or None.
    """

    seq: int
    task_id: str
    endpoint_id: str
    state: TaskState
    queue: str | None


@dataclass(frozen=True, slots=True)
class Publishable:
    """A task as it takes to publish it."""

    seq: int
    task_id: str
    function_id: str
    code: Code
    payload: str
    options: str | None


_ADD = insert(tasks)
_ADD_PAYLOAD = insert(payloads)
_NUMBERS = select(counters.c.next).where(counters.c.name == "tasks")
_TAKE = update(counters).where(counters.c.name == "tasks").values(next=counters.c.next + bindparam("count"))
_STANDING = (
    select(
        tasks.c.seq,
        tasks.c.task_id,
        tasks.c.endpoint_id,
        tasks.c.state,
        tasks.c.task_group_id,
        task_groups.c.has_queue,
        identities.c.queue_prefix,
    )
    .join(task_groups, task_groups.c.task_group_id == tasks.c.task_group_id)
    .join(identities, identities.c.identity_id == tasks.c.owner_id)
)
_STANDING_BY_ID = _STANDING.where(tasks.c.task_id.in_(bindparam("task_ids", expanding=True)))
_STANDING_OF = _STANDING_BY_ID.where(tasks.c.owner_id == bindparam("owner_id"))
_MOVE = (
    update(tasks)
    .where(tasks.c.seq.in_(bindparam("seqs", expanding=True)), tasks.c.state.in_(bindparam("sources", expanding=True)))
    .values(state=bindparam("target"))
)
_MOVE_BY_ID = (
    update(tasks)
    .where(
        tasks.c.task_id.in_(bindparam("task_ids", expanding=True)),
        tasks.c.endpoint_id == bindparam("endpoint"),
        tasks.c.state.in_(bindparam("sources", expanding=True)),
    )
    .values(state=bindparam("target"))
)
_PUBLISHABLE = (
    select(tasks.c.seq, tasks.c.task_id, tasks.c.function_id, tasks.c.options, payloads.c.payload)
    .join(payloads, payloads.c.seq == tasks.c.seq)
    .where(tasks.c.seq.in_(bindparam("seqs", expanding=True)), tasks.c.finished_at.is_(None))
    .order_by(tasks.c.seq)
)
_PAYLOAD_CHARS = (
    select(payloads.c.seq, func.length(payloads.c.payload))
    .where(payloads.c.seq.in_(bindparam("seqs", expanding=True)))
    .order_by(payloads.c.seq)
)
_IS_THERE = select(tasks.c.endpoint_id, tasks.c.task_group_id).where(tasks.c.task_id == bindparam("task_id"))
_OPEN_OF = select(tasks.c.seq).where(tasks.c.endpoint_id == bindparam("endpoint_id"), tasks.c.finished_at.is_(None))
_HAS_OPEN = _OPEN_OF.limit(1)
_COUNT_OPEN = select(func.count()).where(tasks.c.endpoint_id == bindparam("endpoint_id"), tasks.c.finished_at.is_(None))


def take_numbers(connection: Connection, count: int) -> int:
    """Take the next `count` task numbers; return the first."""
    connection.execute(_TAKE, {"count": count})
    last: int = connection.execute(_NUMBERS).scalar_one()
    return last - count


def add(connection: Connection, submission: Submission, new: Sequence[NewTask], now: float) -> None:
    """Keep new tasks, in state received."""
    common = {
        "task_group_id": submission.task_group_id,
        "owner_id": submission.owner_id,
        "endpoint_id": submission.endpoint_id,
        "state": TaskState.RECEIVED.value,
        "options": submission.options,
        "created_at": now,
        "finished_at": None,
        "is_owed": False,
    }
    connection.execute(
        _ADD, [{**common, "seq": one.seq, "task_id": one.task_id, "function_id": one.function_id} for one in new]
    )
    connection.execute(_ADD_PAYLOAD, [{"seq": one.seq, "payload": one.payload} for one in new])


def where_is(connection: Connection, task_id: str) -> tuple[str, str] | None:
    """Find the endpoint and the task group of a task; None when there is no such task."""
    row = connection.execute(_IS_THERE, {"task_id": task_id}).first()
    return None if row is None else (row[0], row[1])


def standing(connection: Connection, task_ids: Sequence[str]) -> dict[str, Standing]:
    """Find where tasks stand; unknown ones are left out."""
    found: dict[str, Standing] = {}
    for chunk in keys(task_ids):
        for row in connection.execute(_STANDING_BY_ID, {"task_ids": chunk}):
            found[row[1]] = _standing(row)
    return found


def standing_of(connection: Connection, owner_id: str, task_ids: Sequence[str]) -> dict[str, Standing]:
    """Find where somebody's tasks stand; unknown ones, and those of others, are left out."""
    found: dict[str, Standing] = {}
    for chunk in keys(task_ids):
        for row in connection.execute(_STANDING_OF, {"task_ids": chunk, "owner_id": owner_id}):
            found[row[1]] = _standing(row)
    return found


def open_ids(connection: Connection, endpoint_id: str) -> list[str]:
    """List the ids of an endpoint's unfinished tasks, oldest first."""
    statement = _OPEN_OF.with_only_columns(tasks.c.task_id).order_by(tasks.c.seq)
    return list(connection.execute(statement, {"endpoint_id": endpoint_id}).scalars())


def open_numbers(connection: Connection, endpoint_id: str) -> list[int]:
    """List the numbers of an endpoint's unfinished tasks, oldest first."""
    return list(connection.execute(_OPEN_OF.order_by(tasks.c.seq), {"endpoint_id": endpoint_id}).scalars())


def numbers_in(connection: Connection, endpoint_id: str, state: TaskState) -> list[int]:
    """List the numbers of an endpoint's tasks that are in one unfinished state, oldest first."""
    statement = _OPEN_OF.where(tasks.c.state == state.value).order_by(tasks.c.seq)
    return list(connection.execute(statement, {"endpoint_id": endpoint_id}).scalars())


def has_open(connection: Connection, endpoint_id: str) -> bool:
    """Say whether an endpoint has unfinished tasks."""
    return connection.execute(_HAS_OPEN, {"endpoint_id": endpoint_id}).first() is not None


def count_open(connection: Connection, endpoint_id: str) -> int:
    """Count an endpoint's unfinished tasks."""
    return connection.execute(_COUNT_OPEN, {"endpoint_id": endpoint_id}).scalar_one()


def move(connection: Connection, seqs: Sequence[int], sources: Iterable[TaskState], target: TaskState) -> None:
    """Put tasks into a state, those of them that are in one of `sources`."""
    names = [state.value for state in sources]
    for chunk in keys(seqs):
        connection.execute(_MOVE, {"seqs": chunk, "sources": names, "target": target.value})


def move_by_id(
    connection: Connection, endpoint_id: str, task_ids: Sequence[str], sources: Iterable[TaskState], target: TaskState
) -> None:
    """Put tasks of an endpoint into a state, those of them that are in one of `sources`."""
    names = [state.value for state in sources]
    for chunk in keys(task_ids):
        connection.execute(
            _MOVE_BY_ID, {"task_ids": chunk, "endpoint": endpoint_id, "sources": names, "target": target.value}
        )


def publishable(connection: Connection, seqs: Sequence[int], max_chars: int) -> tuple[list[Publishable], int]:
    """Load tasks to publish, in the order of their numbers.

    Args:
        connection: to the store.
        seqs: task numbers, ascending; at most `KEYS_PER_STATEMENT`.
        max_chars: load no more once their arguments are that long together; one is always loaded.

    Returns:
        The tasks that are not finished, and how many of `seqs` were looked at.
    """
    wanted = fitting(connection.execute(_PAYLOAD_CHARS, {"seqs": seqs}), seqs, max_chars)
    rows = connection.execute(_PUBLISHABLE, {"seqs": wanted}).all()
    code = functions.code(connection, list({row[2] for row in rows}))
    loaded = [Publishable(row[0], row[1], row[2], code[row[2]], row[4], row[3]) for row in rows]
    return loaded, len(wanted)


def old(connection: Connection, finished_before: float, limit: int) -> list[int]:
    """List the numbers of tasks that finished long ago, oldest first."""
    statement = select(tasks.c.seq).where(tasks.c.finished_at < finished_before).order_by(tasks.c.seq).limit(limit)
    return list(connection.execute(statement).scalars())


def idle(connection: Connection, before: float, limit: int) -> list[tuple[str, str]]:
    """List unfinished tasks that were submitted, and whose endpoint was last heard of, before a time.

    Returns:
        The endpoint and the id of each, those of one endpoint together, oldest first.
    """
    statement = (
        select(tasks.c.endpoint_id, tasks.c.task_id)
        .join(endpoints, endpoints.c.endpoint_id == tasks.c.endpoint_id)
        .join(reports, reports.c.endpoint_id == tasks.c.endpoint_id, isouter=True)
        .where(
            tasks.c.finished_at.is_(None),
            tasks.c.created_at < before,
            endpoints.c.registered_at < before,
            or_(reports.c.reported_at.is_(None), reports.c.reported_at < before),
        )
        .order_by(tasks.c.endpoint_id, tasks.c.seq)
        .limit(limit)
    )
    return [(endpoint_id, task_id) for endpoint_id, task_id in connection.execute(statement)]


def remove(connection: Connection, seqs: Sequence[int]) -> None:
    """Delete tasks, with all that is kept of them."""
    for chunk in keys(seqs):
        for table in (results, payloads, cancels, blob_uses, tasks):
            connection.execute(delete(table).where(table.c.seq.in_(chunk)))


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; None is any."""

    task_group_id: str | None = None
    endpoint_id: str | None = None
    state: str | None = None


def listing(connection: Connection, identity: Identity, wanted: TaskFilter, limit: int) -> list[dict[str, Any]]:
    """List somebody's tasks, newest first, without arguments and results; of a task group all that they may see."""
    may_see: Any = tasks.c.owner_id == identity.identity_id
    if wanted.task_group_id is not None and identity.group_ids:
        shared = select(task_groups.c.task_group_id).where(task_groups.c.group_id.in_(identity.group_ids))
        may_see = or_(may_see, tasks.c.task_group_id.in_(shared))
    statement: Any = select(
        tasks.c.task_id,
        tasks.c.state.label("status"),
        tasks.c.task_group_id,
        tasks.c.endpoint_id,
        tasks.c.function_id,
        tasks.c.created_at,
        tasks.c.finished_at,
    ).where(may_see)
    for column, value in (
        (tasks.c.task_group_id, wanted.task_group_id),
        (tasks.c.endpoint_id, wanted.endpoint_id),
        (tasks.c.state, wanted.state),
    ):
        if value is not None:
            statement = statement.where(column == value)
    rows = connection.execute(statement.order_by(tasks.c.seq.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]


def _standing(row: Any) -> Standing:
    seq, task_id, endpoint_id, state, task_group_id, has_queue, queue_prefix = row
    queue = result_queue(queue_prefix, task_group_id) if has_queue else None
    return Standing(seq, task_id, endpoint_id, TaskState(state), queue)
