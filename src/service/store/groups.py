"""Groups: identities that functions and task groups are shared with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from ...wire import new_id
from .schema import functions, group_members, groups, identities, task_groups


@dataclass(frozen=True, slots=True)
class Group:
    """A group.

    Attributes:
        created_at: unix time.
        members: the names of who is in it.
    """

    group_id: str
    name: str
    created_at: float
    members: tuple[str, ...] = ()


def add(connection: Connection, name: str, now: float) -> Group:
    """Make a group that nobody is in."""
    group = Group(new_id(), name, now)
    connection.execute(insert(groups), {"group_id": group.group_id, "name": name, "created_at": now})
    return group


def named(connection: Connection, name_or_id: str) -> Group | None:
    """Find a group by its name or its id."""
    return next((one for one in listing(connection) if name_or_id in {one.name, one.group_id}), None)


def is_there(connection: Connection, group_id: str) -> bool:
    """Say whether there is a group of that id."""
    return connection.execute(select(groups.c.group_id).where(groups.c.group_id == group_id)).first() is not None


def names(connection: Connection, group_ids: Collection[str]) -> dict[str, str]:
    """Find the names of groups; those of another source of identities have none here."""
    statement = select(groups.c.group_id, groups.c.name).where(groups.c.group_id.in_(group_ids))
    return {row[0]: row[1] for row in connection.execute(statement.order_by(groups.c.name))}


def listing(connection: Connection) -> list[Group]:
    """List the groups, oldest first."""
    joined = select(group_members.c.group_id, identities.c.name).join(
        identities, identities.c.identity_id == group_members.c.identity_id
    )
    members: dict[str, list[str]] = {}
    for group_id, name in connection.execute(joined.order_by(identities.c.name)):
        members.setdefault(group_id, []).append(name)
    statement = select(groups.c.group_id, groups.c.name, groups.c.created_at).order_by(groups.c.created_at)
    return [
        Group(group_id, name, created_at, tuple(members.get(group_id, ())))
        for group_id, name, created_at in connection.execute(statement)
    ]


def join(connection: Connection, group_id: str, identity_id: str) -> None:
    """Put an identity, which is not in it, into a group."""
    connection.execute(insert(group_members), {"group_id": group_id, "identity_id": identity_id})


def leave(connection: Connection, group_id: str, identity_id: str) -> None:
    """Take an identity out of a group."""
    connection.execute(
        delete(group_members).where(group_members.c.group_id == group_id, group_members.c.identity_id == identity_id)
    )


def shared(connection: Connection, group_id: str) -> tuple[int, int]:
    """Count the functions and the task groups that are shared with a group."""
    run = select(func.count()).where(functions.c.group_id == group_id, functions.c.deleted_at.is_(None))
    seen = select(func.count()).where(task_groups.c.group_id == group_id)
    return connection.execute(run).scalar_one(), connection.execute(seen).scalar_one()


def remove(connection: Connection, group_id: str) -> None:
    """Delete a group: what was shared with it is its owner's alone again."""
    connection.execute(delete(group_members).where(group_members.c.group_id == group_id))
    connection.execute(delete(groups).where(groups.c.group_id == group_id))
