"""Functions: what was registered, and the code as a task buffer begins with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from ...wire.containers import Environment
from ...wire.rest import FunctionRegistration
from . import containers
from .database import keys
from .schema import containers as containers_table
from .schema import functions


@dataclass(frozen=True, slots=True)
class Code:
    """What all tasks of a function have in common.

    Attributes:
        packed: the first of the three buffers of a task.
        environment: what they run in; None: where the endpoint's workers are.
    """

    packed: str
    environment: Environment | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function, as submitting it needs it.

    Attributes:
        group_id: the group whose members may run it, or None.
        code: what every task of it begins with, and runs in.
    """

    function_id: str
    owner_id: str
    is_public: bool
    group_id: str | None
    code: Code


_CODE_COLUMNS = (functions.c.packed_code, *containers.COLUMNS)
_RUNNABLE = (functions.c.function_id, functions.c.owner_id, functions.c.is_public, functions.c.group_id)
_WITH_CONTAINER = functions.outerjoin(containers_table, containers_table.c.container_id == functions.c.container_id)
_SOME = (
    select(*_RUNNABLE, *_CODE_COLUMNS)
    .select_from(_WITH_CONTAINER)
    .where(functions.c.function_id.in_(bindparam("function_ids", expanding=True)), functions.c.deleted_at.is_(None))
)
# A deleted function still belongs to the tasks that were submitted with it.
_CODE = (
    select(functions.c.function_id, *_CODE_COLUMNS)
    .select_from(_WITH_CONTAINER)
    .where(functions.c.function_id.in_(bindparam("function_ids", expanding=True)))
)
_LISTED = (
    functions.c.function_id,
    functions.c.owner_id,
    functions.c.is_public,
    functions.c.created_at,
    functions.c.registration,
)


def add(connection: Connection, function_id: str, owner_id: str, function: FunctionRegistration, now: float) -> None:
    """Keep a registration."""
    connection.execute(
        insert(functions),
        {
            "function_id": function_id,
            "owner_id": owner_id,
            "name": function.function_name,
            "description": function.description,
            "group_id": function.group,
            "container_id": function.container_uuid,
            "is_public": function.public,
            "packed_code": function.packed_code,
            "registration": json.dumps(function.to_json()),
            "created_at": now,
        },
    )


def some(connection: Connection, function_ids: Sequence[str]) -> dict[str, Function]:
    """Find functions by id; those that are not there, or were deleted, are left out."""
    found: dict[str, Function] = {}
    for chunk in keys(function_ids):
        for row in connection.execute(_SOME, {"function_ids": chunk}):
            found[row[0]] = Function(row[0], row[1], row[2], row[3], _code(row[4:]))
    return found


def owner_of_deleted(connection: Connection, function_id: str) -> str | None:
    """Find whose a function was that was deleted."""
    statement = select(functions.c.owner_id).where(
        functions.c.function_id == function_id, functions.c.deleted_at.is_not(None)
    )
    return connection.execute(statement).scalar()


def code(connection: Connection, function_ids: Sequence[str]) -> dict[str, Code]:
    """Find the code of functions, deleted ones too."""
    found: dict[str, Code] = {}
    for chunk in keys(function_ids):
        for row in connection.execute(_CODE, {"function_ids": chunk}):
            found[row[0]] = _code(row[1:])
    return found


def document(connection: Connection, function_id: str) -> dict[str, Any] | None:
    """Return the registration of a function with its id, owner and age; None when it is not there."""
    statement = select(*_LISTED).where(functions.c.function_id == function_id, functions.c.deleted_at.is_(None))
    row = connection.execute(statement).first()
    return None if row is None else _document(*row)


def of_owner(connection: Connection, owner_id: str, limit: int) -> list[dict[str, Any]]:
    """List somebody's functions, newest first, without their code."""
    statement = (
        select(*_LISTED)
        .where(functions.c.owner_id == owner_id, functions.c.deleted_at.is_(None))
        .order_by(functions.c.number.desc())
        .limit(limit)
    )
    listed = [_document(*row) for row in connection.execute(statement)]
    for entry in listed:
        entry["function_code_chars"] = len(entry.pop("function_code"))
    return listed


def remove(connection: Connection, function_id: str, now: float) -> None:
    """Delete a function: it can no longer be submitted or seen."""
    connection.execute(update(functions).where(functions.c.function_id == function_id).values(deleted_at=now))


def _code(row: Sequence[Any]) -> Code:
    return Code(row[0], None if row[1] is None else containers.environment_of(row[1:]))


def _document(function_id: str, owner_id: str, is_public: bool, created_at: float, registration: str) -> dict[str, Any]:
    return {
        **json.loads(registration),
        "function_uuid": function_id,
        "owner": owner_id,
        "public": is_public,
        "created_at": created_at,
    }
