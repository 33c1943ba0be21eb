"""Views, retries, time limits and asyncio on the embedded stack."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from farpool import Executor, Future, TaskExecutionFailed, TaskTimeout, WorkerLost, idempotent

TIMEOUT = 60


def fails_until(path: str, attempt: int) -> int:
    """Fail with an OSError until called so many times."""
    with open(path, "a") as file:
        file.write("x")
        calls = file.tell()
    if calls < attempt:
        raise OSError(5, f"call {calls} fails")
    return calls


def dies_until(path: str, attempt: int) -> int:
    """Kill the worker until called so many times."""
    import os
    import signal

    with open(path, "a") as file:
        file.write("x")
        calls = file.tell()
    if calls < attempt:
        os.kill(os.getpid(), signal.SIGKILL)
    return calls


def calls_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_a_function_that_fails_twice_succeeds_at_the_third_attempt(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "calls"

    future = executor.options(retries=3, retry_on=TaskExecutionFailed, backoff=0.01).submit(fails_until, str(path), 3)

    assert future.result(TIMEOUT) == 3
    assert calls_of(path) == 3
    stats = executor.stats()
    assert (stats.submitted, stats.done, stats.failed, stats.retried) == (1, 1, 0, 2)


def test_the_last_failure_is_the_outcome_when_the_attempts_are_used_up(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "calls"

    future = executor.options(retries=2, backoff=0.01).submit(fails_until, str(path), 99)

    with pytest.raises(TaskExecutionFailed, match="call 3 fails"):
        future.result(TIMEOUT)
    assert calls_of(path) == 3


def test_without_retries_there_is_one_attempt(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "calls"

    with pytest.raises(TaskExecutionFailed, match="call 1 fails"):
        executor.submit(fails_until, str(path), 2).result(TIMEOUT)
    assert calls_of(path) == 1


def test_a_lost_worker_is_another_attempt_for_idempotent_functions_only(executor: Executor, tmp_path: Path) -> None:
    view = executor.options(retries=2, backoff=0.01)

    plain = view.submit(dies_until, str(tmp_path / "plain"), 2)
    marked = view.submit(idempotent(dies_until), str(tmp_path / "marked"), 2)

    assert marked.result(TIMEOUT) == 2
    # It is the same function: the mark holds from the time it was set.
    with pytest.raises(WorkerLost):
        plain.result(TIMEOUT)


def test_shutdown_waits_for_attempts_that_are_still_to_come(tmp_path: Path) -> None:
    path = tmp_path / "calls"

    with Executor(max_workers=2) as ex:
        future = ex.options(retries=2, backoff=0.3).submit(fails_until, str(path), 3)

    assert future.done()
    assert future.result() == 3


def test_cancelling_while_the_next_attempt_waits_ends_it(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "calls"
    attempted = concurrent.futures.Future[int]()

    def wait_long(attempt: int) -> float:
        attempted.set_result(attempt)
        return 3600.0

    future = executor.options(retries=2, backoff=wait_long).submit(fails_until, str(path), 3)
    assert attempted.result(TIMEOUT) == 1
    assert future.cancel_remote()
    executor.shutdown()

    assert future.cancelled()
    assert calls_of(path) == 1


def test_a_future_past_its_deadline_fails_and_the_executor_goes_on(executor: Executor, tmp_path: Path) -> None:
    future = executor.options(deadline=0.2).submit(time.sleep, 3)

    with pytest.raises(TaskTimeout, match="deadline"):
        future.result(TIMEOUT)
    assert executor.submit(pow, 2, 3).result(TIMEOUT) == 8


def test_a_deadline_ends_the_attempts(executor: Executor, tmp_path: Path) -> None:
    path = tmp_path / "calls"

    future = executor.options(retries=9, backoff=3600.0, deadline=1).submit(fails_until, str(path), 9)

    with pytest.raises(TaskTimeout, match="deadline"):
        future.result(TIMEOUT)
    assert calls_of(path) <= 1


@pytest.mark.slow
def test_eight_threads_with_different_options_mix_nothing_up(executor: Executor) -> None:
    def run(number: int) -> list[tuple[str, int, int]]:
        futures: list[Future[tuple[int, int]]] = []
        for call in range(100):
            view = executor.options(label=f"{number}-{call}", priority=number)
            futures.append(view.submit(_identity, (number, call)))
        return [(one.label, *one.result(TIMEOUT)) for one in futures]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(run, range(8)))

    expected = [[(f"{number}-{call}", number, call) for call in range(100)] for number in range(8)]
    assert outcomes == expected


def test_what_is_set_on_the_executor_holds_for_what_is_submitted_after(executor: Executor) -> None:
    first = executor.submit(pow, 2, 2)
    executor.label = "later"
    view = executor.options(priority=1)
    executor.label = "latest"

    labels = [first.label, executor.submit(pow, 2, 2).label, view.submit(pow, 2, 2).label]

    assert labels == ["", "latest", "later"]


def test_a_view_is_an_executor_and_its_shutdown_ends_nothing(executor: Executor) -> None:
    with executor.options(label="view") as view:
        assert list(view.map(pow, range(4), [2] * 4)) == [0, 1, 4, 9]
        assert isinstance(view, concurrent.futures.Executor)

    assert view.submit(pow, 2, 3).result(TIMEOUT) == 8
    assert view.options(priority=2).submit(pow, 2, 3).label == "view"
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        view.submit(pow, 2, 3)


def test_a_configured_class_has_its_defaults_bound_and_takes_the_number_of_workers_first() -> None:
    Two = Executor.configured(max_workers=7, label="bound")  # noqa: N806 - it is a class

    with Two(2) as ex:  # type: ignore[arg-type]  # the type is that of Executor, whose first argument is another
        assert isinstance(ex, Executor)
        assert (ex.label, ex.submit(pow, 2, 3).result(TIMEOUT), ex.max_workers) == ("bound", 8, 2)
    with pytest.raises(TypeError, match=r"no argument 'worker'.*max_workers"):
        Executor.configured(worker=3)


def _identity(value: tuple[int, int]) -> tuple[int, int]:
    return value


async def _gathered(ex: Executor, fn: Callable[[int], int], count: int) -> list[int]:
    return await asyncio.gather(*(ex.submit(fn, number) for number in range(count)))


def test_futures_are_awaited_and_gathered() -> None:
    async def main() -> list[int]:
        async with Executor(max_workers=2) as ex:
            return await _gathered(ex, abs, 20)

    assert asyncio.run(main()) == list(range(20))


def test_run_in_executor_works(executor: Executor) -> None:
    async def main() -> int:
        return await asyncio.get_running_loop().run_in_executor(executor, pow, 2, 10)

    assert asyncio.run(main()) == 1024


def test_an_asyncio_timeout_cancels_the_call(executor: Executor) -> None:
    future = executor.submit(time.sleep, 3)

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_awaited(future), 0.2)

    asyncio.run(main())
    assert future.cancelled()


async def _awaited(future: object) -> None:
    await future  # type: ignore[misc]  # a Future
