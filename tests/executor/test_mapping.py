import concurrent.futures
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from farpool.executor.mapping import chunked, mapped


class Lines:
    """Submits by hand: each call is a future that the test settles, or that settles itself."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.futures: list[Future[Any]] = []

    def submit(self, value: int) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.append(future)
        if self.at_once:
            future.set_result(value * 10)
        return future


def calls(count: int) -> Iterator[tuple[int]]:
    return ((number,) for number in range(count))


def test_results_come_in_order_and_everything_is_submitted_at_once() -> None:
    lines = Lines()

    results = mapped(lines.submit, calls(5), timeout=None, buffersize=None)

    assert len(lines.futures) == 5
    assert list(results) == [0, 10, 20, 30, 40]


def test_the_buffer_bounds_what_is_submitted_and_not_taken() -> None:
    lines = Lines()

    results = mapped(lines.submit, ((number,) for number in itertools.count()), timeout=None, buffersize=3)

    assert len(lines.futures) == 3
    assert next(results) == 0
    assert len(lines.futures) == 4
    assert next(results) == 10
    assert len(lines.futures) == 5


def test_a_missing_result_ends_in_a_timeout_and_cancels_the_rest() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.submit, calls(2), timeout=0, buffersize=None)

    with pytest.raises(concurrent.futures.TimeoutError):
        next(results)

    assert all(future.cancelled() for future in lines.futures)


def test_a_call_that_raises_raises_at_its_place_and_cancels_what_is_left() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.submit, calls(3), timeout=None, buffersize=None)
    lines.futures[0].set_result("first")
    lines.futures[1].set_exception(KeyError("second"))

    assert next(results) == "first"
    with pytest.raises(KeyError):
        next(results)
    assert lines.futures[2].cancelled()


def test_an_abandoned_iterator_cancels_what_is_left() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.submit, calls(2), timeout=None, buffersize=None)
    lines.futures[0].set_result(1)
    next(results)

    results.close()

    assert lines.futures[1].cancelled()


def test_the_oldest_result_is_waited_for() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.submit, calls(1), timeout=None, buffersize=None)
    timer = threading.Timer(0.05, lambda: lines.futures[0].set_result("late"))
    timer.start()

    assert next(results) == "late"
    timer.join()


def test_calls_are_grouped_into_chunks() -> None:
    assert list(chunked(calls(5), 2)) == [([(0,), (1,)],), ([(2,), (3,)],), ([(4,)],)]
