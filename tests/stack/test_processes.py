"""Many executors, many threads, and a process that stays as it was."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from farpool import Executor
from farpool.local import StackLease
from support.environments import clean_environment

TIMEOUT = 60


def test_an_import_starts_no_thread_and_an_executor_none_before_its_first_submit() -> None:
    program = """if 1:
        import threading, farpool
        [getattr(farpool, name) for name in farpool.__all__]
        executor = farpool.Executor(initializer=print)
        view = executor.options(label='x')
        print(threading.active_count())
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_twenty_executors_work_at_once(stack: StackLease) -> None:
    executors = [Executor(max_workers=2, label=str(number)) for number in range(20)]
    futures = [(number, executor.submit(pow, number, 2)) for _ in range(5) for number, executor in enumerate(executors)]

    assert [future.result(TIMEOUT) for _, future in futures] == [number**2 for number, _ in futures]
    assert len({executor.task_group_id for executor in executors}) == 20
    for executor in executors:
        executor.shutdown()


def test_many_threads_share_one_executor_from_its_first_submit_on(stack: StackLease) -> None:
    results: list[tuple[int, int]] = []
    start = threading.Barrier(16)
    with Executor(max_workers=2) as executor:

        def work(number: int) -> None:
            start.wait(TIMEOUT)
            results.extend((number**power, executor.submit(pow, number, power).result(TIMEOUT)) for power in range(10))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(results) == 160
        assert all(wanted == given for wanted, given in results)
        assert executor.stats().submitted == 160


@pytest.mark.slow
def test_executors_are_made_used_and_shut_down_by_many_threads(stack: StackLease) -> None:
    results: list[int] = []

    def work(number: int) -> None:
        for _ in range(3):
            with Executor(max_workers=2) as executor:
                results.append(sum(executor.map(pow, [number] * 3, range(3))))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == sorted([1 + number + number**2 for number in range(8)] * 3)
