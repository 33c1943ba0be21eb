"""The map-reduce: the value, the order, the tree, the window. On real threads, and on futures settled by hand."""

from __future__ import annotations

import concurrent.futures
import functools
import operator
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpool.errors import PayloadTooLarge
from farpool.executor.maps.crew import Crew
from farpool.executor.maps.mapping import over
from farpool.executor.maps.reduce import Runs, map_reduced


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with ThreadPoolExecutor(4) as threads:
        yield Crew.of(threads)


def nothing(_: int) -> None:
    return None


def upside_down(number: int) -> float:
    return 1 / number


def an_object(_: int) -> object:
    return object()


class Counting:
    """A crew that counts what is submitted to it, by kind, and what is in flight at the time."""

    def __init__(self, crew: Crew) -> None:
        self._inner = crew
        self._futures: list[Future[Any]] = []
        self.tasks: Counter[str] = Counter()
        self.most_in_flight = 0
        self.given_up: list[Future[Any]] = []
        self.crew = Crew(bind=self._bind, workers=4, cancel=self.given_up.extend)

    def _bind(self, fn: Any, _chunk_of: object = None) -> Callable[..., Future[Any]]:
        submit = self._inner.bind(fn)

        def counted(*arguments: Any) -> Future[Any]:
            future = submit(*arguments)
            self.tasks[fn.__name__] += 1
            self._futures.append(future)
            self.most_in_flight = max(self.most_in_flight, sum(not one.done() for one in self._futures))
            return future

        return counted


@pytest.fixture
def counting(crew: Crew) -> Counting:
    return Counting(crew)


@settings(max_examples=30, deadline=None)  # each is a hundred tasks on threads
@given(
    st.lists(st.text(max_size=3), min_size=1, max_size=40),
    st.one_of(st.integers(1, 7), st.just("auto")),
    st.one_of(st.none(), st.integers(2, 6)),
    st.integers(1, 6),
)
def test_it_gives_what_functools_reduce_gives_and_needs_no_commuting(
    crew: Crew, words: list[str], chunksize: Any, spawn_reduce_at: int | None, buffersize: int
) -> None:
    value = map_reduced(
        crew,
        str.upper,
        over(words)[0],
        operator.add,
        chunksize=chunksize,
        spawn_reduce_at=spawn_reduce_at,
        buffersize=buffersize,
    )

    assert value == functools.reduce(operator.add, map(str.upper, words))


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=10), st.text(max_size=3))
def test_the_initial_value_stands_to_the_left(crew: Crew, words: list[str], initial: str) -> None:
    value = map_reduced(crew, str.upper, over(words)[0], operator.add, initial=initial)

    assert value == functools.reduce(operator.add, map(str.upper, words), initial)


def test_nothing_to_reduce_is_an_error_as_in_functools(crew: Crew) -> None:
    with pytest.raises(TypeError, match="empty iterable with no initial value"):
        map_reduced(crew, str, iter(()), operator.add)


def test_none_is_a_value_and_an_initial_value(crew: Crew) -> None:
    assert map_reduced(crew, str, iter(()), operator.add, initial=None) is None
    assert map_reduced(crew, nothing, over(range(5))[0], lambda _left, _right: None, chunksize=2) is None


@settings(deadline=None)
@given(st.permutations(range(12)), st.integers(2, 5))
def test_neighbours_find_each_other_in_whatever_order_they_come(order: list[int], at: int) -> None:
    runs = Runs()

    for place in order:
        run = runs.add(place, place + 1, str(place))
        if len(run.values) >= at:
            first, end = run.place, run.end
            runs.add(first, end, ",".join(runs.take(run)))

    assert ",".join(runs.rest()) == ",".join(map(str, range(12)))
    assert runs.rest() == []


def test_many_values_are_reduced_in_tasks_as_a_tree(counting: Counting) -> None:
    value = map_reduced(
        counting.crew, str, over(range(100))[0], operator.add, chunksize=1, spawn_reduce_at=4, buffersize=4
    )

    assert value == "".join(map(str, range(100)))
    assert counting.tasks["_fold_calls"] == 100
    # Each such task makes one value of at least four; fewer than four are left at the end.
    assert 1 <= counting.tasks["_reduce_values"] <= 99 // 3


def test_few_values_are_reduced_here(counting: Counting) -> None:
    assert map_reduced(counting.crew, int, over(range(100))[0], operator.add, chunksize=25) == 4950
    assert counting.tasks == {"_fold_calls": 4}


def test_every_value_is_reduced_here_when_asked_for(counting: Counting) -> None:
    value = map_reduced(counting.crew, str, over(range(50))[0], operator.add, chunksize=1, spawn_reduce_at=None)

    assert value == "".join(map(str, range(50)))
    assert counting.tasks == {"_fold_calls": 50}


def test_a_large_input_is_read_as_tasks_finish(counting: Counting) -> None:
    read = 0

    def numbers() -> Iterator[int]:
        nonlocal read
        for read in range(1, 1001):
            taken = sum(counting.tasks.values())
            assert read <= 10 * (taken + 1)
            yield read

    assert map_reduced(counting.crew, int, over(numbers())[0], max, chunksize=10, buffersize=3) == 1000
    assert read == 1000
    assert counting.most_in_flight <= 3


def test_what_a_call_raises_is_raised_and_the_rest_is_given_up(counting: Counting) -> None:
    with pytest.raises(ZeroDivisionError):
        map_reduced(counting.crew, upside_down, over([1, 0, *range(1, 5000)])[0], max, chunksize=1, buffersize=8)

    assert sum(counting.tasks.values()) < 5000
    assert all(isinstance(future, Future) for future in counting.given_up)


def test_what_the_reducer_raises_elsewhere_is_raised_here(crew: Crew) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        map_reduced(crew, an_object, over(range(10))[0], operator.add, chunksize=1, spawn_reduce_at=2)


def test_an_input_that_cannot_be_read_gives_up_what_was_submitted(counting: Counting) -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        map_reduced(counting.crew, int, over(numbers())[0], max, chunksize=1, buffersize=8)

    assert len(counting.given_up) == 3


def test_its_time_can_be_over(counting: Counting) -> None:
    go_on = threading.Event()

    def wait(_: int) -> int:
        go_on.wait(30)
        return 0

    try:
        with pytest.raises(concurrent.futures.TimeoutError, match=r"was not finished 0\.01 s after"):
            map_reduced(counting.crew, wait, over(range(3))[0], max, chunksize=1, timeout=0.01)
        assert len(counting.given_up) == 3
    finally:
        go_on.set()


def test_values_too_large_to_be_sent_together_are_reduced_here(crew: Crew) -> None:
    def bind(fn: Any, _chunk_of: object = None) -> Callable[..., Future[Any]]:
        if fn.__name__ != "_reduce_values":
            return crew.bind(fn)

        def refuse(_: object) -> Future[Any]:
            raise PayloadTooLarge("too large")

        return refuse

    narrow = Crew(bind=bind, workers=2)

    assert map_reduced(narrow, str, over(range(20))[0], operator.add, chunksize=1, spawn_reduce_at=3) == "".join(
        map(str, range(20))
    )
