from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from farpool.errors import FarpoolError
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
TABLES = ["groups", "group_members", "containers", "deleted_endpoints"]


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


def test_an_upgrade_that_was_broken_off_is_made_as_a_whole_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    database = Database(f"sqlite:///{file}")
    database.open()
    database.close()
    wanted = columns(file)
    as_version_1(file)
    before = columns(file)
    store = sqlite3.connect(file)
    store.execute("ALTER TABLE task_groups ADD COLUMN group_id VARCHAR(36)")  # the last step cannot be made
    store.close()

    database = Database(f"sqlite:///{file}")
    with pytest.raises(FarpoolError, match="duplicate column name: group_id"):
        database.open()
    database.close()
    assert columns(file) == {**before, "task_groups": wanted["task_groups"]}

    store = sqlite3.connect(file)
    store.execute("ALTER TABLE task_groups DROP COLUMN group_id")
    store.close()
    database = Database(f"sqlite:///{file}")
    database.open()
    database.close()
    assert columns(file) == wanted


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("3F1B2C8E-5B0E-4C0E-9D0A-2F6D9A1F8C11", "3f1b2c8e-5b0e-4c0e-9d0a-2f6d9a1f8c11"),
        ("everybody in the laboratory, and their guests", None),
    ],
)
def test_what_the_first_version_took_for_a_group_counts_when_it_can_be_one(
    tmp_path: Path, sent: str, kept: str | None
) -> None:
    file = tmp_path / "store.sqlite"
    old = Database(f"sqlite:///{file}")
    old.open()
    registration = FunctionRegistration("f", "CODE", description="adds")
    old.run(lambda connection: functions.add(connection, new_id(), new_id(), registration, 2.0))
    old.close()
    as_version_1(file)
    store = sqlite3.connect(file)
    said = json.dumps({"function_name": "f", "function_code": "CODE", "description": "adds", "group": sent})
    store.execute("UPDATE functions SET registration = ?", (said,))
    store.commit()
    store.close()

    new = Database(f"sqlite:///{file}")
    new.open()
    new.close()

    store = sqlite3.connect(file)
    assert store.execute("SELECT description, group_id FROM functions").fetchall() == [("adds", kept)]
    store.close()


def test_a_store_of_this_version_is_opened_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    for _ in range(2):
        database = Database(f"sqlite:///{file}")
        database.open()
        database.close()

    assert set(columns(file)) == set(metadata.tables)
