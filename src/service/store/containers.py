"""Containers: what functions run in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select

from ...wire.containers import Environment
from ...wire.rest import ContainerRegistration
from .database import keys
from .schema import containers, functions, tasks


@dataclass(frozen=True, slots=True)
class StoredContainer:
    """A container and whose it is."""

    owner_id: str
    description: str
    environment: Environment

    def document(self) -> dict[str, Any]:
        """Write what is shown of it: funcX's words, and ours after them."""
        one = self.environment
        return {
            "container_uuid": one.container_id,
            "name": one.name,
            "type": one.type,
            "location": one.location,
            "description": self.description,
            "owner": self.owner_id,
            "created_at": one.created_at,
        }


#: What `environment_of` reads.
COLUMNS = (
    containers.c.container_id,
    containers.c.type,
    containers.c.location,
    containers.c.name,
    containers.c.created_at,
)
_STORED = (containers.c.owner_id, containers.c.description, *COLUMNS)
_SOME = select(*_STORED).where(containers.c.container_id.in_(bindparam("container_ids", expanding=True)))


def add(
    connection: Connection, container_id: str, owner_id: str, registration: ContainerRegistration, now: float
) -> None:
    """Keep a registration."""
    connection.execute(
        insert(containers),
        {**registration.to_json(), "container_id": container_id, "owner_id": owner_id, "created_at": now},
    )


def some(connection: Connection, container_ids: Sequence[str]) -> dict[str, StoredContainer]:
    """Find containers by id; those that are not there are left out."""
    found: dict[str, StoredContainer] = {}
    for chunk in keys(container_ids):
        for row in connection.execute(_SOME, {"container_ids": chunk}):
            stored = _stored(row)
            found[stored.environment.container_id] = stored
    return found


def of_owner(connection: Connection, owner_id: str, limit: int) -> list[StoredContainer]:
    """List somebody's containers, newest first."""
    statement = (
        select(*_STORED)
        .where(containers.c.owner_id == owner_id)
        .order_by(containers.c.created_at.desc(), containers.c.container_id)
        .limit(limit)
    )
    return [_stored(row) for row in connection.execute(statement)]


def used_by(connection: Connection, container_id: str) -> list[str]:
    """List the ids of the functions that run in a container, oldest first; deleted ones while they have tasks."""
    has_tasks = exists().where(tasks.c.function_id == functions.c.function_id, tasks.c.finished_at.is_(None))
    statement = (
        select(functions.c.function_id)
        .where(functions.c.container_id == container_id, or_(functions.c.deleted_at.is_(None), has_tasks))
        .order_by(functions.c.number)
    )
    return list(connection.execute(statement).scalars())


def remove(connection: Connection, container_id: str) -> None:
    """Delete a container."""
    connection.execute(delete(containers).where(containers.c.container_id == container_id))


def environment_of(row: Sequence[Any]) -> Environment:
    """Make an environment of `COLUMNS`."""
    container_id, type_, location, name, created_at = row
    return Environment(container_id, type_, location, name, int(created_at))


def _stored(row: Any) -> StoredContainer:
    return StoredContainer(row[0], row[1], environment_of(row[2:]))
