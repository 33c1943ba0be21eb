from __future__ import annotations

import sqlite3
from pathlib import Path

from farpool.service.store import Database, functions, identities
from farpool.service.store.migrations import SCHEMA_VERSION
from farpool.service.store.schema import metadata
from farpool.wire import new_id
from farpool.wire.rest import FunctionRegistration

#: What version 2 brought.
COLUMNS = {
    "identities": ["removed_at"],
    "tokens": ["expires_at"],
    "functions": ["description", "group_id", "container_id"],
    "endpoints": ["listed_functions"],
    "task_groups": ["group_id"],
}
TABLES = ["groups", "group_members", "containers"]


def columns(file: Path) -> dict[str, list[tuple[str, str, int]]]:
    """Give the columns of each table: name, type, and whether there must be a value."""
    store = sqlite3.connect(file)
    try:
        return {
            table: sorted((row[1], row[2], row[3]) for row in store.execute(f"PRAGMA table_info({table})"))
            for table in metadata.tables
        }
    finally:
        store.close()


def as_version_1(file: Path) -> None:
    store = sqlite3.connect(file)
    for table, names in COLUMNS.items():
        for name in names:
            store.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
    for table in TABLES:
        store.execute(f"DROP TABLE {table}")
    store.execute("UPDATE counters SET next = 1 WHERE name = 'schema'")
    store.commit()
    store.close()


def test_a_store_of_the_first_version_becomes_one_of_this_with_what_it_held(tmp_path: Path) -> None:
    file, function_id, group_id = tmp_path / "store.sqlite", new_id(), new_id()
    old = Database(f"sqlite:///{file}")
    old.open()
    owner = old.run(lambda connection: identities.ensure(connection, "ann", 1.0))
    registration = FunctionRegistration("f", "CODE", description="adds", group=group_id)
    old.run(lambda connection: functions.add(connection, function_id, owner.identity_id, registration, 2.0))
    old.close()
    wanted = columns(file)
    as_version_1(file)

    new = Database(f"sqlite:///{file}")
    new.open()
    document = new.run(lambda connection: functions.document(connection, function_id))
    same = new.run(lambda connection: identities.ensure(connection, "ann", 3.0))
    new.close()

    assert columns(file) == wanted
    assert same == owner
    assert document is not None
    assert document["description"] == "adds"
    store = sqlite3.connect(file)
    assert store.execute("SELECT description, group_id FROM functions").fetchall() == [("adds", group_id)]
    assert store.execute("SELECT next FROM counters WHERE name = 'schema'").fetchone() == (SCHEMA_VERSION,)
    store.close()


def test_a_store_of_this_version_is_opened_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    for _ in range(2):
        database = Database(f"sqlite:///{file}")
        database.open()
        database.close()

    assert set(columns(file)) == set(metadata.tables)
