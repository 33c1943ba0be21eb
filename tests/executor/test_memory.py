"""What is remembered from one program to the next: kept by many processes, and never in the way."""

from __future__ import annotations

import logging
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from farpool.executor.functions.memory import MAX_AGE_S, FunctionFile, Memory, function_file


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "functions.db"


def test_what_was_kept_is_found_by_another_and_is_its_owners_alone(path: Path) -> None:
    FunctionFile(path).keep(b"key", "an id")

    assert FunctionFile(path).get(b"key") == "an id"
    assert FunctionFile(path).get(b"another") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_later_id_takes_the_place_of_an_earlier_one(path: Path) -> None:
    file = FunctionFile(path)
    file.keep(b"key", "first")
    file.keep(b"key", "second")

    assert file.get(b"key") == "second"


def test_only_the_id_that_is_named_is_forgotten(path: Path) -> None:
    file = FunctionFile(path)
    file.keep(b"key", "new")
    file.forget(b"key", "old")

    assert file.get(b"key") == "new"
    file.forget(b"key", "new")
    assert file.get(b"key") is None


def test_a_function_is_too_old_after_a_while_and_leaves_the_file(path: Path) -> None:
    clock = Clock()
    file = FunctionFile(path, clock=clock)
    file.keep(b"key", "an id")

    clock.now += MAX_AGE_S - 1
    assert file.get(b"key") == "an id"
    clock.now += 2
    assert file.get(b"key") is None
    file.keep(b"another", "an id")
    with sqlite3.connect(path) as opened:
        assert opened.execute("SELECT count(*) FROM functions_1").fetchone() == (1,)
    opened.close()


def test_the_oldest_make_room(path: Path) -> None:
    file = FunctionFile(path, max_functions=3)
    for number in range(5):
        file.keep(b"%d" % number, str(number))

    assert [file.get(b"%d" % number) for number in range(5)] == [None, None, "2", "3", "4"]


def test_users_and_services_do_not_see_each_others(path: Path) -> None:
    file = FunctionFile(path)
    Memory(file, "https://a", lambda: "ann").keep(b"key", "an id")

    assert Memory(file, "https://a", lambda: "ann").get(b"key") == "an id"
    assert Memory(file, "https://a", lambda: "bob").get(b"key") is None
    assert Memory(file, "https://b", lambda: "ann").get(b"key") is None


def test_nothing_is_kept_for_a_user_who_is_not_known(path: Path) -> None:
    memory = Memory(FunctionFile(path), "https://a", lambda: None)
    memory.keep(b"key", "an id")
    memory.forget(b"key", "an id")

    assert memory.get(b"key") is None
    assert not path.exists()


def test_neither_the_service_nor_the_user_stands_in_the_file(path: Path) -> None:
    Memory(FunctionFile(path), "https://a.example", lambda: "token abc").keep(b"key", "an id")

    assert b"a.example" not in path.read_bytes()
    assert b"token" not in path.read_bytes()


def damage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def lock(path: Path) -> None:
    """Leave a writer behind who never ends: its connection lives as long as the process."""
    FunctionFile(path).keep(b"other", "an id")
    writer = subprocess.Popen(
        [sys.executable, "-c", LOCKED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "locked\n"
    LOCKS.append(writer)


LOCKED = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
LOCKS: list[subprocess.Popen[str]] = []


def open_to_others(path: Path) -> None:
    FunctionFile(path).keep(b"key", "an id")
    path.chmod(0o622)


def make_a_directory_of_it(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [damage, lock, open_to_others, make_a_directory_of_it])
def test_whatever_is_wrong_with_the_file_is_said_once_and_nothing_depends_on_it(
    path: Path, spoil: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(spoil)
    path.parent.mkdir()
    spoil(path)
    file = FunctionFile(path, lock_timeout=0.05)

    with caplog.at_level(logging.WARNING, "farpool"):
        for _ in range(2):
            file.keep(b"key", "an id")
            assert file.get(b"key") is None
            file.forget(b"key", "an id")

    while LOCKS:
        LOCKS.pop().communicate()
    assert len(caplog.records) == 1
    assert str(path) in caplog.text
    assert "FARPOOL_REMEMBER_FUNCTIONS=0" in caplog.text


def test_a_home_that_cannot_be_made_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    file = FunctionFile(tmp_path / "file" / "functions.db")

    with caplog.at_level(logging.WARNING, "farpool"):
        file.keep(b"key", "an id")
        assert file.get(b"key") is None

    assert len(caplog.records) == 1


def test_one_process_has_one_object_for_a_home(tmp_path: Path) -> None:
    assert function_file(tmp_path) is function_file(tmp_path)


WRITER = """
import sys
from pathlib import Path
from farpool.executor.functions.memory import FunctionFile
file = FunctionFile(Path(sys.argv[1]), lock_timeout=60)
for number in range(50):
    file.keep(f"{sys.argv[2]} {number}".encode(), "an id")
"""


@pytest.mark.slow
def test_many_processes_write_at_once_and_nothing_is_lost(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)], stderr=subprocess.PIPE, text=True)
        for number in range(6)
    ]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 6

    file = FunctionFile(path)
    assert {file.get(f"{writer} {number}".encode()) for writer in range(6) for number in range(50)} == {"an id"}
