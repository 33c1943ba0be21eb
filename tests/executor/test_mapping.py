"""The results of a map: order, window, exceptions, time, giving up. On futures settled by hand, and on real threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpool.errors import TaskExecutionFailed
from farpool.executor.maps.crew import Crew
from farpool.executor.maps.mapping import mapped, over, over_tuples


class Lines:
    """Submits by hand: each call is a future that the test settles, or that settles itself."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.futures: list[Future[Any]] = []
        self.given_up: list[list[Future[Any]]] = []
        self.crew = Crew(bind=self.bind, workers=2, cancel=self.cancel, abandon=self.cancel)

    def bind(self, fn: Callable[..., Any], _chunk_of: object = None) -> Callable[..., Future[Any]]:
        def submit(*arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            self.futures.append(future)
            if self.at_once:
                future.set_result(fn(*arguments))
            return future

        return submit

    def cancel(self, futures: list[Future[Any]]) -> None:
        self.given_up.append(futures)
        for future in futures:
            future.cancel()


def tenfold(value: int) -> int:
    return value * 10


def upside_down(value: int) -> float:
    return 1 / value


def calls(count: int | None) -> Iterator[tuple[int]]:
    return ((number,) for number in (itertools.count() if count is None else range(count)))


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with ThreadPoolExecutor(4) as threads:
        yield Crew.of(threads)


# ---- order and window


def test_results_come_in_order_and_everything_is_submitted_at_once() -> None:
    lines = Lines()

    results = mapped(lines.crew, tenfold, calls(5))

    assert len(lines.futures) == 5
    assert list(results) == [0, 10, 20, 30, 40]


def test_the_first_result_comes_with_no_more_inputs_read_than_the_window_holds() -> None:
    read: list[int] = []
    lines = Lines()

    def numbers() -> Iterator[tuple[int]]:
        for number in itertools.count():
            read.append(number)
            yield (number,)

    results = mapped(lines.crew, tenfold, numbers(), buffersize=64)

    assert len(read) == 64
    assert next(results) == 0
    assert len(read) == len(lines.futures) == 64
    assert next(results) == 10
    assert len(read) == len(lines.futures) == 65


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_never_more_tasks_are_in_flight_than_the_window_holds(
    count: int, buffersize: int, chunksize: int, ordered: bool
) -> None:
    lines = Lines()
    taken = 0

    results = mapped(lines.crew, tenfold, calls(count), buffersize=buffersize, chunksize=chunksize, ordered=ordered)

    for result in results:
        taken += 1
        assert result % 10 == 0
        assert len(lines.futures) <= buffersize + taken // chunksize + 1
    assert taken == count
    assert len(lines.futures) == -(-count // chunksize)


def test_a_thousand_calls_in_chunks_of_a_hundred_are_ten_tasks() -> None:
    lines = Lines()

    assert list(mapped(lines.crew, tenfold, calls(1000), chunksize=100)) == [10 * number for number in range(1000)]
    assert len(lines.futures) == 10


def test_unordered_results_come_as_they_finish() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(None), buffersize=3, ordered=False)

    lines.futures[2].set_result(30)
    assert next(results) == 30
    lines.futures[0].set_result(0)
    assert next(results) == 0
    assert len(lines.futures) == 4
    results.close()


def test_the_oldest_result_is_waited_for(crew: Crew) -> None:
    go_on = threading.Event()
    begun = threading.Event()

    def slow_first(number: int) -> int:
        if number == 0:
            begun.set()
            go_on.wait(30)
        return number

    results = mapped(crew, slow_first, calls(3))
    assert begun.wait(30)
    threading.Timer(0.05, go_on.set).start()

    assert list(results) == [0, 1, 2]


@settings(deadline=None)
@given(
    st.lists(st.integers(), max_size=20),
    st.lists(st.integers(), max_size=20),
    st.one_of(st.integers(1, 7), st.just("auto")),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_it_gives_what_the_builtin_map_gives(
    crew: Crew, left: list[int], right: list[int], chunksize: Any, buffersize: int | None
) -> None:
    made, count = over(left, right)

    results = mapped(crew, int.__add__, made, count=count, chunksize=chunksize, buffersize=buffersize)

    assert list(results) == list(map(int.__add__, left, right))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(), st.integers()), max_size=20),
    st.one_of(st.integers(1, 7), st.just("auto")),
    st.booleans(),
)
def test_it_gives_what_starmap_gives(crew: Crew, pairs: list[tuple[int, int]], chunksize: Any, ordered: bool) -> None:
    made, count = over_tuples(list(pair) for pair in pairs)

    results = mapped(crew, int.__add__, made, count=count, chunksize=chunksize, ordered=ordered)

    expected = list(itertools.starmap(int.__add__, pairs))
    assert list(results) == expected if ordered else sorted(results) == sorted(expected)


def test_no_iterables_make_no_calls(crew: Crew) -> None:
    made, count = over()

    assert list(mapped(crew, tenfold, made, count=count)) == []


def test_auto_makes_few_tasks_of_many_quick_calls(crew: Crew) -> None:
    sent = itertools.count()

    def bind(fn: Callable[..., Any], _chunk_of: object) -> Callable[..., Future[Any]]:
        submit = crew.bind(fn)

        def counted(*arguments: Any) -> Future[Any]:
            next(sent)
            return submit(*arguments)

        return counted

    counting = Crew(bind=bind, workers=4)

    assert list(mapped(counting, tenfold, calls(50_000), chunksize="auto")) == list(range(0, 500_000, 10))
    assert next(sent) < 1000


# ---- exceptions


def test_a_call_that_raises_raises_in_its_place_and_cancels_what_is_left() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(4))
    lines.futures[0].set_result(0)
    lines.futures[1].set_exception(KeyError("second"))

    assert next(results) == 0
    with pytest.raises(KeyError):
        next(results)
    assert lines.given_up == [lines.futures[2:]]
    assert list(results) == []


@pytest.mark.parametrize("chunksize", [1, 2, 3, 100, "auto"])
def test_results_before_the_failing_call_come_first(crew: Crew, chunksize: Any) -> None:
    results = mapped(crew, upside_down, over([1, 2, 4, 0, 5])[0], chunksize=chunksize)

    assert [next(results), next(results), next(results)] == [1, 0.5, 0.25]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("chunksize", [1, 2, 100, "auto"])
def test_exceptions_are_items_when_asked_for_and_cost_no_other_item(crew: Crew, chunksize: Any) -> None:
    numbers = [1, 0, 2, 0, 4]

    results = list(mapped(crew, upside_down, over(numbers)[0], chunksize=chunksize, return_exceptions=True))

    assert [isinstance(one, ZeroDivisionError) for one in results] == [number == 0 for number in numbers]
    assert [one for one in results if not isinstance(one, BaseException)] == [1, 0.5, 0.25]


def test_a_task_that_fails_as_a_whole_gives_its_error_for_each_of_its_calls() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(3), chunksize=2, return_exceptions=True)
    error = OSError("the worker is gone")
    lines.futures[0].set_exception(error)
    lines.futures[1].set_result([0.0, [20], []])

    assert list(results) == [error, error, 20]


def test_an_exception_in_a_chunk_tells_where_the_users_function_raised_it(crew: Crew) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        list(mapped(crew, upside_down, over([1, 0])[0], chunksize=2))

    assert "in upside_down" in str(caught.value.__cause__)
    assert "return 1 / value" in str(caught.value.__cause__)
    assert "_run_calls" not in str(caught.value.__cause__)


def test_what_the_worker_cannot_pickle_is_told_in_words(crew: Crew) -> None:
    def stuck(_: int) -> None:
        raise ValueError("a generator", (number for number in [1]))

    [error] = mapped(crew, stuck, calls(1), chunksize=2, return_exceptions=True)

    assert isinstance(error, TaskExecutionFailed)
    assert "a generator" in str(error)


def test_a_call_that_ends_its_interpreter_costs_no_other_item(crew: Crew) -> None:
    def leave(number: int) -> int:
        if number == 1:
            raise SystemExit(3)
        return number

    first, error, last = mapped(crew, leave, calls(3), chunksize=3, return_exceptions=True)

    assert (first, last) == (0, 2)
    assert isinstance(error, BaseException)


def test_a_cancelled_task_raises_in_its_place() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(2))
    lines.futures[0].cancel()

    with pytest.raises(concurrent.futures.CancelledError):
        next(results)
    assert lines.futures[1].cancelled()


def test_an_input_that_cannot_be_read_cancels_what_was_submitted() -> None:
    lines = Lines(at_once=False)

    def numbers() -> Iterator[tuple[int]]:
        yield from calls(3)
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        mapped(lines.crew, tenfold, numbers())

    assert len(lines.futures) == 3
    assert all(future.cancelled() for future in lines.futures)


def test_a_submission_that_fails_on_the_way_cancels_what_was_submitted() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, itertools.chain(calls(2), [(1, 2)]), buffersize=2)
    lines.at_once = True
    lines.futures[0].set_result(0)

    assert next(results) == 0
    with pytest.raises(TypeError):
        next(results)
    assert lines.futures[1].cancelled()
    assert list(results) == []


# ---- time


def test_a_missing_result_ends_in_a_timeout_and_cancels_the_rest() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(2), timeout=0)

    with pytest.raises(concurrent.futures.TimeoutError, match="2 tasks"):
        next(results)

    assert all(future.cancelled() for future in lines.futures)
    assert list(results) == []


@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_there_is_given_also_when_the_time_is_over(ordered: bool) -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(2), timeout=0, ordered=ordered)
    lines.futures[0].set_result(7)

    assert next(results) == 7
    with pytest.raises(concurrent.futures.TimeoutError):
        next(results)


def test_a_timeout_that_the_function_raised_is_not_the_maps_own(crew: Crew) -> None:
    def too_late(_: int) -> None:
        raise TimeoutError("the database")

    with pytest.raises(TimeoutError, match="the database"):
        next(mapped(crew, too_late, calls(1), timeout=30))
    [item] = mapped(crew, too_late, calls(1), timeout=30, return_exceptions=True)
    assert isinstance(item, TimeoutError)


def test_the_maps_own_timeout_is_raised_also_where_exceptions_are_items() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(2), timeout=0, return_exceptions=True)
    lines.futures[0].set_exception(TimeoutError("the function's"))

    assert isinstance(next(results), TimeoutError)
    with pytest.raises(concurrent.futures.TimeoutError, match="of the map") as caught:
        next(results)
    assert not isinstance(caught.value, TaskExecutionFailed)


# ---- giving up


def test_a_closed_iterator_cancels_what_is_left_and_ends() -> None:
    lines = Lines(at_once=False)
    results = mapped(lines.crew, tenfold, calls(3))
    lines.futures[0].set_result(1)
    next(results)

    with contextlib.closing(results):
        pass
    results.close()

    assert lines.given_up == [lines.futures[1:]]
    assert list(results) == []


def test_an_iterator_that_is_let_go_of_cancels_what_is_left() -> None:
    lines = Lines(at_once=False)

    for _ in itertools.islice(mapped(lines.crew, tenfold, calls(3)), 0):
        pass

    assert lines.given_up == [lines.futures]


def test_an_exhausted_iterator_has_nothing_to_cancel() -> None:
    lines = Lines()

    assert len(list(mapped(lines.crew, tenfold, calls(3)))) == 3

    assert lines.given_up == []


class Thing:
    """Something that can be referred to weakly."""


@pytest.mark.parametrize("chunksize", [1, 2])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_result_is_not_kept_once_it_was_given(crew: Crew, chunksize: int, ordered: bool) -> None:
    def make(_: int) -> Thing:
        return Thing()

    gc.disable()
    try:
        for thing in mapped(crew, make, calls(6), chunksize=chunksize, ordered=ordered):
            there = weakref.ref(thing)
            del thing
            assert _is_gone(there)
    finally:
        gc.enable()


def _is_gone(there: weakref.ref[Thing]) -> bool:
    # The worker thread that made it may be a step away from letting go of it.
    waited = threading.Event()
    for _ in range(200):
        if there() is None:
            return True
        waited.wait(0.01)
    return False


def test_nothing_is_left_in_a_cycle_when_it_ends_in_an_exception() -> None:
    lines = Lines(at_once=False)
    gc.disable()
    try:
        results = mapped(lines.crew, tenfold, calls(2), ordered=False)
        lines.futures[0].set_exception(KeyError("one"))
        there = weakref.ref(results)
        with pytest.raises(KeyError):
            next(results)
        lines.futures.clear()
        lines.given_up.clear()
        del results
        assert there() is None
    finally:
        gc.enable()


# ---- asyncio


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("chunksize", [1, 3])
def test_async_for_gives_the_same_results(crew: Crew, ordered: bool, chunksize: int) -> None:
    async def collect() -> list[int]:
        results = mapped(crew, tenfold, calls(20), buffersize=4, ordered=ordered, chunksize=chunksize)
        return [result async for result in results]

    assert sorted(asyncio.run(collect())) == list(range(0, 200, 10))


def test_async_for_does_not_block_the_event_loop() -> None:
    lines = Lines(at_once=False)

    async def main() -> list[Any]:
        results = mapped(lines.crew, tenfold, calls(2))

        async def settle() -> None:  # runs only if the loop is free while the results are waited for
            for number, future in enumerate(lines.futures):
                await asyncio.sleep(0)
                future.set_result(number)

        settling = asyncio.ensure_future(settle())
        got = [result async for result in results]
        await settling
        return got

    assert asyncio.run(main()) == [0, 1]


def test_async_for_lets_others_run_also_when_everything_is_there() -> None:
    lines = Lines()
    turns: list[int] = []

    async def main() -> None:
        async def others() -> None:
            while True:
                turns.append(len(turns))
                await asyncio.sleep(0)

        running = asyncio.ensure_future(others())
        assert [result async for result in mapped(lines.crew, tenfold, calls(5))] == [0, 10, 20, 30, 40]
        running.cancel()

    asyncio.run(main())
    assert len(turns) >= 4


@pytest.mark.parametrize("ordered", [True, False])
def test_cancelling_who_iterates_gives_the_map_up(ordered: bool) -> None:
    lines = Lines(at_once=False)

    async def main() -> None:
        waiting = asyncio.Event()

        async def consume() -> None:
            results = mapped(lines.crew, tenfold, calls(3), ordered=ordered)
            waiting.set()
            async for _ in results:
                pass

        consumer = asyncio.ensure_future(consume())
        await waiting.wait()
        await asyncio.sleep(0)
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer

    asyncio.run(main())
    assert all(future.cancelled() for future in lines.futures)


@pytest.mark.parametrize("ordered", [True, False])
def test_the_time_of_an_async_map_ends_too(ordered: bool) -> None:
    lines = Lines(at_once=False)

    async def main() -> None:
        async for _ in mapped(lines.crew, tenfold, calls(2), timeout=0.01, ordered=ordered):
            pass

    with pytest.raises(concurrent.futures.TimeoutError, match="of the map"):
        asyncio.run(main())
    assert all(future.cancelled() for future in lines.futures)


def test_exceptions_in_async_for_are_raised_in_their_place() -> None:
    lines = Lines(at_once=False)

    async def main() -> list[Any]:
        got: list[Any] = []
        with contextlib.suppress(KeyError):
            async for result in mapped(lines.crew, tenfold, calls(3)):
                got.append(result)  # noqa: PERF401 - what came before the exception is kept
        return got

    async def settled() -> list[Any]:
        running = asyncio.ensure_future(main())
        await asyncio.sleep(0)
        lines.futures[0].set_result("fine")
        lines.futures[1].set_exception(KeyError("bad"))
        return await running

    assert asyncio.run(settled()) == ["fine"]
    assert lines.futures[2].cancelled()


def test_aclosing_gives_the_map_up() -> None:
    lines = Lines(at_once=False)

    async def main() -> None:
        async with contextlib.aclosing(mapped(lines.crew, tenfold, calls(2))):
            pass

    asyncio.run(main())
    assert all(future.cancelled() for future in lines.futures)
