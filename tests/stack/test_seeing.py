"""What a future knows of its run: when, where, and what was printed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from farpool import Client, Executor, WorkerLost
from farpool.local import StackLease
from support.embedded import TIMEOUT

pytestmark = pytest.mark.slow


def speak(word: str) -> int:
    print(word, "é")
    print(word, "to err", file=sys.stderr)
    subprocess.run(["echo", word, "of a child"], check=True)
    return os.getpid()


def speak_and_fail(word: str) -> None:
    print(word)
    raise LookupError(word)


def speak_and_die(word: str) -> None:
    print(word)
    os._exit(3)


def test_a_future_tells_when_and_where_its_task_ran_and_what_it_printed(executor: Executor) -> None:
    before = time.time()
    future = executor.submit(speak, "apple")
    assert future.timings.submitted is not None
    pid = future.result(TIMEOUT)
    after = time.time()

    times = future.timings
    known = [times.submitted, times.sent, times.started, times.ended, times.received]
    assert None not in known
    assert known == sorted(known, key=lambda time: time or 0.0)
    assert before <= (times.submitted or 0.0)
    assert (times.received or 0.0) <= after
    assert times.run_s is not None
    assert times.total_s is not None
    assert 0 < times.run_s < times.total_s
    assert (times.worker or "").endswith(f"/{pid}")
    assert future.stdout == "apple é\napple of a child\n"
    assert (future.stderr or "").endswith("apple to err\n")


def test_each_future_has_its_own_output(executor: Executor) -> None:
    futures = [executor.submit(speak, f"word {number}") for number in range(20)]
    silent = executor.submit(abs, -1)

    assert [future.result(TIMEOUT) > 0 and future.stdout for future in futures] == [
        f"word {number} é\nword {number} of a child\n" for number in range(20)
    ]
    assert silent.result(TIMEOUT) == 1
    assert silent.stdout == ""
    assert silent.stderr is not None


def test_a_task_that_fails_has_its_output_and_its_times_too(executor: Executor) -> None:
    failed = executor.submit(speak_and_fail, "alas")
    lost = executor.submit(speak_and_die, "farewell")

    assert isinstance(failed.exception(TIMEOUT), LookupError)
    assert isinstance(lost.exception(TIMEOUT), WorkerLost)
    assert (failed.stdout, lost.stdout) == ("alas\n", "farewell\n")
    for future in (failed, lost):
        assert future.timings.run_s is not None
        assert future.timings.worker is not None


def test_all_of_it_comes_from_the_service_as_well(executor: Executor, stack: StackLease) -> None:
    future = executor.submit(speak, "pear")
    future.result(TIMEOUT)
    assert executor.task_group_id is not None

    with (
        Client(service_url=stack.service_url, token=stack.token) as client,
        Executor(executor.endpoint_id, client=client) as other,
    ):
        reloaded = {one.task_id: one for one in other.reload_tasks(executor.task_group_id)}[future.task_id]
        reloaded.result(TIMEOUT)

    assert (reloaded.stdout, reloaded.stderr) == (future.stdout, future.stderr)
    theirs, ours = reloaded.timings, future.timings
    assert (theirs.worker, theirs.submitted) == (ours.worker, None)
    assert (theirs.started, theirs.ended) == (ours.started, ours.ended)


def test_a_callback_sees_it(executor: Executor) -> None:
    seen: list[str | None] = []
    called = threading.Event()

    future = executor.submit(speak, "plum")

    def look(_future: object) -> None:
        seen.append(future.stdout)
        called.set()

    future.add_done_callback(look)

    assert called.wait(TIMEOUT)
    assert seen == ["plum é\nplum of a child\n"]
