"""The journal: what was submitted is found again, by whoever may; and nothing depends on the file."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from farpool.executor.future import Future
from farpool.executor.journal import Entry, Journal, JournalFile, Shelf, State
from farpool.executor.journal.file import journal_file
from farpool.executor.journal.records import MAX_RESULT_CHARS
from farpool.executor.journal.shelf import MAX_AGE_S, MAX_FINISHED_AGE_S
from farpool.executor.journal.text import BIG_CHARS, MAX_CHARS, call_text
from farpool.executor.pipeline.task import Batch, Route, Task
from farpool.wire.messages import ErrorDetails, Result
from farpool.wire.rest import TaskDocument

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "0b7d5f0e-6a0c-4b3f-8f6e-2f3b8f0f7c11"
GROUP = "6c2d4c3e-5b7a-4d0f-8a51-0a6d2c4f2f6f"
ROUTE = Route(ENDPOINT, resource_specification='{"cores": 2}', result_serializers=("a.b", "c.d"), priority=3)


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "journal.db"


class Program:
    """What an executor's pipeline does with its journal."""

    def __init__(self, file: JournalFile, **how: Any) -> None:
        about: dict[str, Any] = {"label": "scan", "service_url": "http://service", "endpoint_id": ENDPOINT}
        self.journal = Journal(file, **{**about, **how})

    def submit(self, count: int, *, label: str = "scan", payload: str = "packed") -> list[Task]:
        tasks: list[Task] = []
        for number in range(count):
            future = Future[Any](label=label, size_bytes=len(payload), called_off=self.journal.cancelled)
            self.journal.describe(future, "work", ((number,), {"mode": "fast"}))
            tasks.append(Task(ROUTE, "a function", f"{payload} {number}", future))
            self.journal.put(tasks[-1])
        return tasks

    def send(self, tasks: Sequence[Task]) -> str:
        batch = Batch(ROUTE, tasks)
        return self.journal.sending(batch, batch.request(None, {"python": "3.13"}, extended=True))

    def answer(self, tasks: Sequence[Task], *, is_own: bool = True) -> None:
        pairs = [(task, f"task {task.future.number}") for task in tasks]
        self.journal.accepted(pairs, GROUP, is_own=is_own)
        for task, task_id in pairs:
            task.future.task_id = task_id

    def run(self, count: int, **how: Any) -> list[Task]:
        tasks = self.submit(count, **how)
        self.send(tasks)
        self.answer(tasks)
        return tasks

    def result(self, task: Task, data: str = "4 2", **how: Any) -> None:
        result = Result(task.future.task_id or "", data, **how)
        self.journal.result(task.future, result, failed=result.is_error)

    def end(self, *, ended: bool = True) -> None:
        self.journal.close(ended=ended)


@contextmanager
def shelf_of(file: JournalFile, **how: Any) -> Generator[Shelf, None, None]:
    with file.opened() as connection:
        yield Shelf(file, connection, **how)


def entries_of(file: JournalFile, name: str | int = "scan", *, payloads: bool = True) -> list[Entry]:
    with shelf_of(file) as shelf:
        return shelf.entries(shelf.find(name)[0].campaign, payloads=payloads)


def ran(file: JournalFile, count: int = 1, *, results: int = 1, **how: Any) -> None:
    """Let a program run tasks to their end."""
    program = Program(file, **how)
    for task in program.run(count)[:results]:
        program.result(task)
    program.end()


# ---- what is remembered


def test_tasks_are_found_in_the_order_of_submission_with_what_they_were(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    program.run(3)
    program.end()

    first, second, third = entries_of(file)

    assert (first.number, second.number, third.number) == (1, 2, 3)
    assert first.call == "work(0, mode='fast')"
    assert (third.function_id, third.label, third.task_id, third.task_group_id) == (
        "a function",
        "scan",
        "task 3",
        GROUP,
    )
    assert third.route == {
        "endpoint_id": ENDPOINT,
        "resource_specification": '{"cores": 2}',
        "result_serializers": ["a.b", "c.d"],
        "priority": 3,
    }
    assert [entry.state for entry in (first, second, third)] == [State.SENT] * 3


def test_the_file_is_its_owners_alone(path: Path) -> None:
    ran(JournalFile(path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()] == [0o600] * len(
        list(path.parent.iterdir())
    )


def test_a_campaign_is_found_by_its_label_its_groups_the_labels_of_views_and_its_number(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    program.run(1)
    program.run(1, label="odd ones")
    program.end()

    with shelf_of(file) as shelf:
        found = [[one.campaign for one in shelf.find(name)] for name in ("scan", "odd ones", GROUP, 1, "another", 2)]
        (campaign,) = shelf.find(1)
    assert found == [[1], [1], [1], [1], [], []]
    assert (campaign.label, campaign.service_url, campaign.task_group_id) == ("scan", "http://service", GROUP)
    assert (campaign.pid, campaign.endpoint_id) == (os.getpid(), ENDPOINT)


def test_of_several_with_one_label_the_latest_comes_first(path: Path) -> None:
    file = JournalFile(path)
    ran(file)
    ran(file)

    with shelf_of(file) as shelf:
        assert [one.campaign for one in shelf.find("scan")] == [2, 1]


def test_a_request_is_in_the_file_before_it_is_sent_with_its_key_and_its_arguments(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    tasks = program.submit(2)

    key = program.send(tasks)

    first, second = entries_of(file)
    assert first.state is State.SENDING
    assert first.sending is not None
    assert (first.sending.key, first.sending.endpoint_id) == (key, ENDPOINT)
    assert first.sending.numbers == {"a function": [1, 2]}
    assert first.sending.head == {
        "create_queue": True,
        "user_runtime": {"python": "3.13"},
        "resource_specification": {"cores": 2},
        "result_serializers": ["a.b", "c.d"],
        "priority": 3,
    }
    assert [first.payload, second.payload] == ["packed 0", "packed 1"]
    program.end()


def test_arguments_are_dropped_when_the_service_has_the_tasks(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    program.run(2)
    program.end()

    assert [(entry.payload, entry.sending) for entry in entries_of(file)] == [(None, None)] * 2


def test_what_waits_for_its_turn_is_in_the_file_after_a_moment(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file, linger_s=0)
    first = program.submit(1)
    program.send(first)  # the writer is up from here on

    program.submit(2)

    wait_until(lambda: len(entries_of(file)) == 3)
    assert [(entry.state, entry.payload) for entry in entries_of(file)[1:]] == [
        (State.WAITING, "packed 0"),
        (State.WAITING, "packed 1"),
    ]
    program.end()


def test_results_are_kept_as_they_came(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    value, failure, document, large = program.run(4)
    program.result(value, details={"python_version": "3.13"})
    program.result(failure, "Traceback", error_details=ErrorDetails("SomeCode", "it is so"), details={"one": "fact"})
    answer = TaskDocument("359e2ec3-caef-4258-a149-a67767af0ee8", "success", result="4 2", details={"one": "fact"})
    program.journal.result(document.future, answer, failed=False)
    program.result(large, "x" * (MAX_RESULT_CHARS + 1))
    program.end()

    outcomes = [entry.outcome for entry in entries_of(file)]

    assert [None if one is None else one.result for one in outcomes] == [
        Result("task 1", "4 2"),  # what the worker said of itself is not worth the room
        Result("task 2", "Traceback", {"one": "fact"}, ErrorDetails("SomeCode", "it is so")),
        TaskDocument("359e2ec3-caef-4258-a149-a67767af0ee8", "success", result="4 2"),
        None,  # the service has it
    ]
    assert [entry.state.value for entry in entries_of(file)] == ["success", "failed", "success", "success"]


def test_a_task_that_is_tried_again_stands_where_its_last_attempt_stands(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    (task,) = program.run(1)
    program.result(task, "Traceback", error_details=ErrorDetails("SomeCode", "it is so"))
    program.send([task])

    (entry,) = entries_of(file)
    assert (entry.state, entry.payload, entry.task_id) == (State.SENDING, "packed 0", "task 1")

    program.answer([task])
    program.result(task)
    program.end()
    (entry,) = entries_of(file)
    assert (entry.state, entry.payload) == (State.SUCCESS, None)


def test_a_task_that_moves_is_found_where_it_was_sent_last_with_its_arguments_while_it_is_under_way(
    path: Path,
) -> None:
    file = JournalFile(path)
    program = Program(file)
    first, second = program.run(2)

    program.journal.moving([first])
    entries = entries_of(file)
    assert [(entry.state, entry.is_moving, entry.payload) for entry in entries] == [
        (State.SENT, True, "packed 0"),
        (State.SENT, False, None),
    ]

    batch = Batch(Route(OTHER), [first])
    program.journal.sending(batch, batch.request(None, {}, extended=True))
    program.answer([first])
    program.end()
    entries = entries_of(file)
    assert [(entry.is_moving, entry.payload) for entry in entries] == [(False, None)] * 2
    assert [entry.route["endpoint_id"] for entry in entries] == [OTHER, ENDPOINT]
    assert second.future.task_id == "task 2"


def test_what_was_cancelled_stays_so(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    waiting, sent = program.submit(2)
    waiting.future.cancel()
    program.send([sent])
    sent.future.cancel_remote()
    program.answer([sent])
    program.result(sent)
    program.end()

    assert [entry.state for entry in entries_of(file)] == [State.CANCELLED, State.CANCELLED]


def test_a_campaign_that_is_gone_on_with_keeps_its_numbers_and_its_arguments(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    first, second = program.submit(2)
    program.send([first])
    program.end(ended=False)
    kept = {entry.number: entry.kept_in for entry in entries_of(file) if entry.kept_in is not None}
    assert file.locks.take(1)

    again = Program(file, campaign=1, first_number=3, kept=kept)
    again.journal.put(second)
    (third,) = again.submit(1)
    again.send([second, third])
    again.answer([first, second, third])
    again.end()

    assert [(entry.number, entry.state, entry.payload) for entry in entries_of(file)] == [
        (1, State.SENT, None),
        (2, State.SENT, None),
        (3, State.SENT, None),
    ]


def test_texts_that_are_no_unicode_are_remembered_all_the_same(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file, label="half \ud800")
    future = Future[Any](label="half \ud800")
    program.journal.describe(future, "work", (("half \ud800",), {}))
    task = Task(ROUTE, "a function", "packed", future)
    program.journal.put(task)
    program.send([task])
    program.end()

    (entry,) = entries_of(file, 1)
    assert entry.call == "work('half \\ud800')"


# ---- who has it


def test_a_campaign_at_work_cannot_be_taken_up_and_one_that_ended_can(path: Path) -> None:
    file = JournalFile(path)
    program = Program(file)
    program.run(1)

    with shelf_of(file) as shelf:
        program.send([])
        assert shelf.is_at_work(1)
        assert not shelf.take(1)
        program.end()
        assert not shelf.is_at_work(1)
        assert shelf.take(1)
        shelf.let_go(1)


HOLDER = """
import sys
from pathlib import Path
from farpool.executor.journal import JournalFile
file = JournalFile(Path(sys.argv[1]))
print(file.locks.take(7), flush=True)
sys.stdin.read()
"""


def test_a_campaign_is_free_when_the_process_that_had_it_was_killed(path: Path) -> None:
    ran(JournalFile(path))
    locks = JournalFile(path).locks
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert locks.is_held(7)
        assert not locks.take(7)
        assert not locks.is_held(8)

        holder.kill()
        holder.wait()

    assert not locks.is_held(7)
    assert locks.take(7)


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from executor.test_journal import Program
from farpool.executor.journal import JournalFile
for number in range(20):
    program = Program(JournalFile(Path(sys.argv[1])), label=sys.argv[2])
    for task in program.run(50):
        program.result(task)
    program.end()
"""


def test_two_programs_write_to_one_file_at_once(path: Path) -> None:
    file = JournalFile(path)
    script = WRITER.format(tests=str(Path(__file__).parents[1]))
    programs = [subprocess.Popen([sys.executable, "-c", script, str(path), label]) for label in ("left", "right")]
    assert [program.wait(60) for program in programs] == [0, 0]

    with shelf_of(file) as shelf:
        assert {len(shelf.find(label)) for label in ("left", "right")} == {20}
        found = [shelf.entries(one.campaign) for one in shelf.campaigns()]
    assert [[entry.number for entry in one] for one in found] == [list(range(1, 51))] * 40
    assert {entry.state for one in found for entry in one} == {State.SUCCESS}


# ---- how much is kept


def test_old_campaigns_are_thrown_away_finished_ones_sooner(path: Path) -> None:
    file, clock = JournalFile(path), Clock()
    ran(file, results=1, clock=clock)  # 1 is finished
    ran(file, 2, results=1, clock=clock)  # 2 is not
    clock.now += MAX_FINISHED_AGE_S + 1
    ran(file, clock=clock)
    with shelf_of(file) as shelf:
        assert [one.campaign for one in shelf.campaigns()] == [3, 2]

    clock.now += MAX_AGE_S
    ran(file, clock=clock)

    with shelf_of(file) as shelf:
        assert [one.campaign for one in shelf.campaigns()] == [4]
        assert [one.campaign for one in shelf.find("scan")] == [4]


def test_an_old_campaign_that_cannot_be_read_is_in_nobodys_way(path: Path) -> None:
    file, clock = JournalFile(path), Clock()
    ran(file, clock=clock)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE records_1 SET body = x'00'")
    clock.now += MAX_FINISHED_AGE_S + 1

    ran(file, clock=clock)

    with shelf_of(file) as shelf:
        assert [one.campaign for one in shelf.campaigns()] == [2, 1]
    assert [entry.state for entry in entries_of(file, 2)] == [State.SUCCESS]


def test_a_full_file_makes_room_by_what_is_finished_then_by_what_is_oldest(path: Path) -> None:
    file = JournalFile(path, max_bytes=400_000)
    ran(file, 200, results=0)  # 1 is not finished
    ran(file, 200, results=200)  # 2 is
    program = Program(file)

    with shelf_of(file) as shelf:
        while shelf.find(2):
            program.run(100)
            program.send([])
        assert shelf.find(1)
        while shelf.find(1):
            program.run(100)
            program.send([])

    program.end()
    assert path.stat().st_size <= 400_000
    assert entries_of(file)


def test_the_arguments_of_more_waiting_tasks_than_there_is_room_for_are_not_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farpool.executor.journal.writing.MAX_KEPT_BYTES", 2500)
    file = JournalFile(path)
    program = Program(file)
    first = program.submit(3, payload="x" * 1000)
    program.send(first)
    program.answer(first)
    second = program.submit(1, payload="x" * 1000)
    program.send(second)
    program.end()

    assert [entry.payload is not None for entry in entries_of(file)] == [False, False, False, True]
    with file.opened() as connection:
        (kept,) = connection.execute("SELECT count(*) FROM records_1 WHERE payloads IS NOT NULL").fetchone()
    assert kept == 1


# ---- what is wrong with the file is said once, and the program goes on


def goes_on(file: JournalFile, caplog: pytest.LogCaptureFixture, **how: Any) -> str:
    """Submit as always; give the one warning that there was."""
    program = Program(file, **how)
    with caplog.at_level(logging.WARNING, "farpool"):
        for task in [*program.run(5), *program.run(5)]:
            program.result(task)
        program.end()
    (record,) = [record for record in caplog.records if record.name.startswith("farpool")]
    assert "the executor goes on without" in record.getMessage()
    assert "FARPOOL_JOURNAL=0" in record.getMessage()
    return record.getMessage()


def test_a_file_that_is_no_journal_is_left_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("something else, and more of it than a header" * 100)
    path.chmod(0o600)

    assert "not a database" in goes_on(JournalFile(path), caplog)

    assert path.read_text().startswith("something else")


def test_a_file_that_was_damaged_is_left_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ran(JournalFile(path))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    assert str(path) in goes_on(JournalFile(path), caplog)


def test_a_file_that_others_can_write_to_is_not_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ran(JournalFile(path))
    path.chmod(0o622)

    assert "others can write to it" in goes_on(JournalFile(path), caplog)


def test_a_file_that_others_can_read_is_made_private(path: Path) -> None:
    ran(JournalFile(path))
    path.chmod(0o644)

    ran(JournalFile(path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_directory_that_cannot_be_made_is_no_obstacle(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home").write_text("a file where the directory should be")

    goes_on(JournalFile(tmp_path / "home" / "journal.db"), caplog)


def test_a_file_that_is_locked_for_long_is_no_obstacle(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ran(JournalFile(path))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")

        assert "locked" in goes_on(JournalFile(path, lock_timeout=0.1), caplog)

        other.execute("ROLLBACK")
    other.close()


FULL = """
import logging, resource, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from executor.test_journal import Program
from farpool.executor.journal import JournalFile
program = Program(JournalFile(Path(sys.argv[1])))
program.run(10)
program.send([])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for _ in range(20):
    for task in program.run(100):
        program.result(task)
program.end()
print("went on")
"""


def test_a_disk_that_is_full_is_no_obstacle(path: Path) -> None:
    script = FULL.format(tests=str(Path(__file__).parents[1]))

    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout == "went on\n", done.stderr
    assert done.stderr.count("the executor goes on without") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(entries_of(JournalFile(path))) >= 10  # what was written before is still there


def test_the_file_of_a_home_is_one_object_as_its_locks_are_the_processs(tmp_path: Path) -> None:
    assert journal_file(tmp_path) is journal_file(tmp_path)
    assert journal_file(tmp_path).path == tmp_path / "journal.db"


def test_nothing_is_written_where_nothing_was_submitted(path: Path) -> None:
    program = Program(JournalFile(path))

    program.end()

    assert not path.exists()


# ---- how calls are described


class Loud:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Grid:
    shape = (3, 4)

    def __repr__(self) -> str:
        raise AssertionError("big things are not asked")


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((3,), {}, "3"),
        ((), {}, ""),
        ((1, "two"), {"three": [3.0]}, "1, 'two', three=[3.0]"),
        (("two\nlines",), {}, r"'two\nlines'"),
        ((list(range(100)),), {}, "[0, 1, 2, 3, 4, 5, ...]"),
    ],
)
def test_arguments_are_described_in_a_line(args: tuple[Any, ...], kwargs: dict[str, Any], text: str) -> None:
    assert call_text(args, kwargs, 100) == text


def test_descriptions_are_short_and_never_fail() -> None:
    assert len(call_text(["x" * 1000] * 1000, {}, 1_000_000)) <= MAX_CHARS
    assert call_text((Loud(), 2), {}, 100).startswith("<Loud instance at 0x")
    assert call_text((Grid(),), {}, BIG_CHARS) == "<Grid of shape (3, 4)>"


def wait_until(is_so: Any) -> None:
    from support.waiting import eventually

    eventually(is_so)
