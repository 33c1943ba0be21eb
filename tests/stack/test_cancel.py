"""Cancelling futures on the embedded stack: what has not been sent, what waits at the endpoint, what runs."""

from __future__ import annotations

import concurrent.futures
import time
from pathlib import Path

import pytest

from farpool import Client, Executor, Future, TaskTimeout
from farpool.local import StackLease
from support.waiting import eventually

TIMEOUT = 60


def marks_and_sleeps(path: str, seconds: float) -> None:
    """Say that it runs, then sleep."""
    with open(path, "a") as file:
        file.write("x")
    time.sleep(seconds)


@pytest.fixture
def single(stack: StackLease) -> Executor:
    return Executor(max_workers=1)


def block(ex: Executor, path: Path, seconds: float = 60) -> Future[None]:
    """Keep a worker busy; return when it is."""
    future = ex.submit(marks_and_sleeps, str(path), seconds)
    eventually(path.exists)
    return future


def test_a_running_task_is_stopped_and_its_worker_slot_is_back(single: Executor, tmp_path: Path) -> None:
    with single as ex:
        future = block(ex, tmp_path / "runs")

        assert not future.cancel()
        assert future.cancel_remote()

        assert future.cancelled()
        assert ex.submit(pow, 2, 3).result(TIMEOUT) == 8


def test_what_waits_at_the_endpoint_never_runs_once_it_is_cancelled(single: Executor, tmp_path: Path) -> None:
    with single as ex:
        running = block(ex, tmp_path / "runs")
        waiting = [ex.submit(marks_and_sleeps, str(tmp_path / f"{number}"), 0) for number in range(20)]
        eventually(lambda: all(one.task_id for one in waiting))

        assert all(one.cancel_remote() for one in waiting)
        running.cancel_remote()
        assert ex.submit(pow, 2, 3).result(TIMEOUT) == 8

    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_service_hears_of_many_cancels_in_few_requests(single: Executor, tmp_path: Path) -> None:
    with single as ex:
        running = block(ex, tmp_path / "runs")
        waiting = [ex.submit(pow, 2, number) for number in range(500)]
        eventually(lambda: all(one.task_id for one in waiting))

        for future in waiting:
            future.cancel_remote()
        running.cancel_remote()

    assert concurrent.futures.wait([*waiting, running], timeout=0).not_done == set()
    assert ex.stats().cancelled == 501


def test_cancelled_tasks_are_cancelled_for_whoever_asks_the_service(
    single: Executor, tmp_path: Path, client: Client
) -> None:
    with single as ex:
        future = block(ex, tmp_path / "runs")
        task_id = future.task_id or ""
        future.cancel_remote()

        eventually(lambda: client.get_batch_status([task_id])[task_id].status == "cancelled")


def test_shutdown_cancels_what_no_worker_has_begun_and_lets_the_rest_finish(single: Executor, tmp_path: Path) -> None:
    running = block(single, tmp_path / "runs", seconds=1)
    waiting = [single.submit(marks_and_sleeps, str(tmp_path / f"{number}"), 60) for number in range(30)]
    eventually(lambda: all(one.task_id for one in waiting))

    single.shutdown(cancel_futures=True)

    assert running.result(0) is None
    assert sum(one.cancelled() for one in waiting) >= 29  # one may have been handed to the worker just then
    assert concurrent.futures.wait(waiting, timeout=0).not_done == set()


def test_a_task_past_its_time_out_is_stopped_and_counts_as_one_attempt(single: Executor, tmp_path: Path) -> None:
    with single as ex:
        future = ex.options(timeout=2).submit(marks_and_sleeps, str(tmp_path / "once"), 60)
        twice = ex.options(timeout=1, retries=1, backoff=0.0).submit(time.sleep, 60)

        for one in (future, twice):
            with pytest.raises(TaskTimeout, match="longer than its time-out"):
                one.result(TIMEOUT)
        assert ex.submit(pow, 2, 3).result(TIMEOUT) == 8
        assert ex.stats().retried == 1

    assert (tmp_path / "once").stat().st_size == 1
