"""`as_completed`, as the standard library's."""

from __future__ import annotations

import concurrent.futures
import gc
import weakref
from concurrent.futures import Future
from typing import Any

import pytest

from farpool import as_completed


def settled(value: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def test_finished_futures_come_first_and_each_once() -> None:
    waiting: Future[Any] = Future()
    done = settled(1)
    finished = as_completed([waiting, done, done])

    assert next(finished) is done
    waiting.set_result(2)
    assert list(finished) == [waiting]


def test_a_cancelled_future_counts_as_finished() -> None:
    future: Future[Any] = Future()
    future.cancel()
    future.set_running_or_notify_cancel()

    assert list(as_completed([future])) == [future]


def test_what_is_not_finished_in_time_is_told() -> None:
    with pytest.raises(concurrent.futures.TimeoutError, match=r"1 \(of 2\) futures unfinished"):
        list(as_completed([settled(1), Future()], timeout=0))


def test_nothing_is_kept_of_what_was_given() -> None:
    futures = [settled(number) for number in range(3)]
    finished = as_completed(futures)
    futures.clear()
    gc.disable()
    try:
        for future in finished:
            there = weakref.ref(future)
            del future
            assert there() is None
    finally:
        gc.enable()


def test_a_progress_that_is_no_progress_is_refused() -> None:
    with pytest.raises(TypeError, match="progress must be True, False or a label, not 3"):
        list(as_completed([], progress=3))  # type: ignore[arg-type]
