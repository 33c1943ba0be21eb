"""Task groups: whose they are, and whether their results go to a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from .schema import identities, task_groups, tasks


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """A task group.

    Attributes:
        has_queue: whether results are put on a queue, besides being kept.
        group_id: the group whose members may see its tasks, or None.
    """

    task_group_id: str
    owner_id: str
    has_queue: bool
    group_id: str | None = None


_ONE = select(
    task_groups.c.task_group_id, task_groups.c.owner_id, task_groups.c.has_queue, task_groups.c.group_id
).where(task_groups.c.task_group_id == bindparam("task_group_id"))
_TASKS = select(tasks.c.task_id).where(tasks.c.task_group_id == bindparam("task_group_id")).order_by(tasks.c.seq)


def one(connection: Connection, task_group_id: str) -> TaskGroup | None:
    """Find a group."""
    row = connection.execute(_ONE, {"task_group_id": task_group_id}).first()
    return None if row is None else TaskGroup(*row)


def add(connection: Connection, group: TaskGroup, now: float) -> None:
    """Keep a new group."""
    connection.execute(
        insert(task_groups),
        {
            "task_group_id": group.task_group_id,
            "owner_id": group.owner_id,
            "has_queue": group.has_queue,
            "created_at": now,
        },
    )


def give_queue(connection: Connection, task_group_id: str) -> None:
    """Have the results of a group put on a queue from now on."""
    connection.execute(update(task_groups).where(task_groups.c.task_group_id == task_group_id).values(has_queue=True))


def share(connection: Connection, task_group_id: str, group_id: str | None) -> None:
    """Let the members of a group see the tasks of a task group, and no others; None: nobody but its owner."""
    connection.execute(
        update(task_groups).where(task_groups.c.task_group_id == task_group_id).values(group_id=group_id)
    )


def task_ids(connection: Connection, task_group_id: str) -> list[str]:
    """List the tasks of a group, in the order of submission."""
    return list(connection.execute(_TASKS, {"task_group_id": task_group_id}).scalars())


def with_queue(connection: Connection) -> list[tuple[str, str]]:
    """List the groups that have a queue, each with the queue prefix of its owner."""
    statement = (
        select(task_groups.c.task_group_id, identities.c.queue_prefix)
        .join(identities, identities.c.identity_id == task_groups.c.owner_id)
        .where(task_groups.c.has_queue)
        .order_by(task_groups.c.created_at)
    )
    return [(row[0], row[1]) for row in connection.execute(statement)]


def empty(connection: Connection, created_before: float, limit: int) -> list[tuple[str, str]]:
    """List old groups that hold no task any more, each with the queue prefix of its owner."""
    statement = (
        select(task_groups.c.task_group_id, identities.c.queue_prefix)
        .join(identities, identities.c.identity_id == task_groups.c.owner_id)
        .where(
            task_groups.c.created_at < created_before,
            ~select(tasks.c.seq).where(tasks.c.task_group_id == task_groups.c.task_group_id).exists(),
        )
        .limit(limit)
    )
    return [(row[0], row[1]) for row in connection.execute(statement)]


def remove(connection: Connection, task_group_ids: Sequence[str]) -> None:
    """Delete groups."""
    connection.execute(delete(task_groups).where(task_groups.c.task_group_id.in_(task_group_ids)))
