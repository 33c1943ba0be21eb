"""Migrations: what turns the tables of an older farpool into those of `schema`. New tables are made without this."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Column, Connection, select, update
from sqlalchemy.schema import CreateColumn

from ...wire import as_id
from .schema import counters, endpoints, functions, identities, task_groups, tokens

log = logging.getLogger(__name__)

#: The version of the tables in `schema`; a store written by a newer farpool is refused.
SCHEMA_VERSION = 2


def upgrade(connection: Connection, found: int) -> None:
    """Turn the tables of version `found` into those of this version, in the caller's transaction."""
    for version in range(found, SCHEMA_VERSION):
        log.info("bringing the store from version %d to %d", version, version + 1)
        _STEPS[version](connection)
    if found < SCHEMA_VERSION:
        connection.execute(update(counters).where(counters.c.name == "schema").values(next=SCHEMA_VERSION))


def _share(connection: Connection) -> None:
    """1 to 2: groups, containers, descriptions, lists of functions, removed users and tokens that expire."""
    for column in (
        identities.c.removed_at,
        tokens.c.expires_at,
        functions.c.description,
        functions.c.group_id,
        functions.c.container_id,
        endpoints.c.listed_functions,
        task_groups.c.group_id,
    ):
        _add(connection, column)
    for number, text in connection.execute(select(functions.c.number, functions.c.registration)).all():
        registration = json.loads(text)
        told = {"description": registration.get("description"), "group_id": _group_id(registration.get("group"))}
        if any(told.values()):
            connection.execute(update(functions).where(functions.c.number == number).values(told))


def _group_id(named: object) -> str | None:
    """Read what a function was registered for: the first version took any text, and only an id can be a group's."""
    try:
        return as_id(named, "group")
    except (TypeError, ValueError):
        return None


def _add(connection: Connection, column: Column[Any]) -> None:
    spelt = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {spelt}")


_STEPS: Mapping[int, Callable[[Connection], None]] = {1: _share}
