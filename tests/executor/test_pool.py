"""`Pool`, held against the model: what holds for `multiprocessing`'s own pool holds for ours."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.pool
import pickle
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from farpool.executor.pool.pool import WINDOW, Pool


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def ours(threads: ThreadPoolExecutor) -> Iterator[Pool]:
    with Pool(threads) as pool:
        yield pool


@pytest.fixture(params=["multiprocessing", "ours"])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "ours":
        yield request.getfixturevalue("ours")
        return
    with multiprocessing.pool.ThreadPool(2) as model:
        yield model
        model.terminate()
        model.join()


class Multiply:
    """A callable that carries a value, as libraries make them."""

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, number: int) -> int:
        return number * self.by


def negative(number: int) -> int:
    return -number


class Gate:
    """Calls that wait until they are let through."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.entered: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def __call__(self, value: Any = None) -> Any:
        self.entered.put(value)
        assert self._open.wait(20)
        return value

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    one = Gate()
    yield one
    one.open()


def test_one_call_gives_its_value(pool: Any) -> None:
    assert pool.apply(pow, (2, 5)) == 32
    assert pool.apply(int, ("ff",), {"base": 16}) == 255
    assert pool.apply(Multiply(3), (5,)) == 15


def test_a_later_result_is_ready_and_successful_when_it_is_there(pool: Any, gate: Gate) -> None:
    result = pool.apply_async(gate, (7,))

    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    gate.open()
    result.wait(20)
    assert result.ready()
    assert result.successful()
    assert result.get(timeout=20) == 7
    assert result.get() == 7


def test_a_result_that_is_not_there_in_time_is_a_timeout_and_can_be_had_later(pool: Any, gate: Gate) -> None:
    result = pool.apply_async(gate, (7,))

    with pytest.raises(multiprocessing.TimeoutError):
        result.get(timeout=0.01)
    result.wait(timeout=0.01)
    gate.open()

    assert result.get(timeout=20) == 7


def test_what_a_call_raises_is_raised(pool: Any) -> None:
    result = pool.apply_async(divmod, (1, 0))
    result.wait(20)

    assert not result.successful()
    with pytest.raises(ZeroDivisionError):
        result.get()
    with pytest.raises(ZeroDivisionError):
        pool.map(partial(divmod, 1), [1, 2, 0, 3])


def test_callbacks_hear_of_values_and_of_exceptions(pool: Any) -> None:
    values: queue.SimpleQueue[Any] = queue.SimpleQueue()
    errors: queue.SimpleQueue[Any] = queue.SimpleQueue()

    pool.apply_async(pow, (2, 5), {}, values.put, errors.put)
    assert values.get(timeout=20) == 32
    pool.map_async(abs, [-1, -2], callback=values.put, error_callback=errors.put)
    assert values.get(timeout=20) == [1, 2]
    pool.starmap_async(divmod, [(1, 1), (1, 0)], callback=values.put, error_callback=errors.put)
    assert isinstance(errors.get(timeout=20), ZeroDivisionError)
    assert values.empty()


@pytest.mark.parametrize("chunksize", [None, 1, 3, 1000])
@pytest.mark.parametrize("function", [abs, Multiply(-1), negative, partial(Multiply(-1))])
def test_map_gives_all_values_in_order(pool: Any, function: Callable[[int], int], chunksize: int | None) -> None:
    assert pool.map(function, range(0, -20, -1), chunksize) == list(range(20))
    assert pool.map_async(function, iter([-3, -2]), chunksize).get(20) == [3, 2]
    assert pool.map(function, [], chunksize) == []


def test_starmap_unpacks_each_item(pool: Any) -> None:
    assert pool.starmap(pow, [(2, 3), [3, 2], iter((5, 2))]) == [8, 9, 25]
    assert pool.starmap_async(pow, zip([2, 3], [2, 2], strict=True)).get(20) == [4, 9]


@pytest.mark.parametrize("chunksize", [1, 3])
def test_imap_gives_values_in_order_and_unordered_gives_them_all(pool: Any, chunksize: int) -> None:
    assert list(pool.imap(abs, range(0, -20, -1), chunksize)) == list(range(20))
    assert sorted(pool.imap_unordered(abs, range(0, -20, -1), chunksize)) == list(range(20))
    assert list(pool.imap(abs, [])) == []


def test_imap_goes_on_after_a_call_that_raised(pool: Any) -> None:
    values = pool.imap(partial(divmod, 1), [1, 0, 2])

    assert values.next(timeout=20) == (1, 0)
    with pytest.raises(ZeroDivisionError):
        next(values)
    assert next(values) == (0, 1)
    with pytest.raises(StopIteration):
        next(values)


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_what_the_iterable_raises_comes_beside_the_values_before_it(pool: Any, method: str) -> None:
    def three() -> Iterator[int]:
        yield from (1, 2, 3)
        raise LookupError("no more")

    values = getattr(pool, method)(abs, three())

    seen: list[Any] = []
    while len(seen) < 4:
        try:
            seen.append(next(values))
        except LookupError as error:
            seen.append(str(error))
    assert sorted(seen, key=str) == [1, 2, 3, "no more"]
    with pytest.raises(StopIteration):
        next(values)


@pytest.mark.parametrize("method", ["imap", "imap_unordered"])
def test_a_value_of_imap_that_is_not_there_in_time_can_be_had_later(pool: Any, gate: Gate, method: str) -> None:
    values = getattr(pool, method)(gate, [7])

    with pytest.raises(multiprocessing.TimeoutError):
        values.next(timeout=0.01)
    gate.open()

    assert values.next(timeout=20) == 7


def test_imap_unordered_gives_first_what_is_there_first(pool: Any, gate: Gate) -> None:
    def call(function: Callable[[int], int]) -> int:
        return function(-3)

    values = pool.imap_unordered(call, [gate, abs])

    assert values.next(timeout=20) == 3
    gate.open()
    assert values.next(timeout=20) == -3


def test_a_closed_pool_takes_nothing_and_finishes_what_it_has(pool: Any, gate: Gate) -> None:
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    result = pool.apply_async(gate, (7,))
    pool.close()
    with pytest.raises(ValueError, match="not running"):
        pool.apply_async(abs, (1,))
    with pytest.raises(ValueError, match="not running"):
        pool.map(abs, [1])
    with pytest.raises(ValueError, match="not running"):
        pool.imap(abs, [1])
    gate.open()
    pool.join()

    assert result.get(timeout=0) == 7


def test_a_pool_that_is_joined_has_called_every_callback(pool: Any) -> None:
    heard: list[int] = []

    for number in range(20):
        pool.apply_async(abs, (-number,), callback=heard.append)
    pool.close()
    pool.join()

    assert sorted(heard) == list(range(20))


def test_a_chunksize_below_one_is_refused(pool: Any) -> None:
    with pytest.raises(ValueError, match=r"[Cc]hunksize"):
        list(pool.imap(abs, [1], 0))


def test_a_timeout_is_also_pythons_own(ours: Pool, gate: Gate) -> None:
    with pytest.raises(TimeoutError):
        ours.apply_async(gate).get(timeout=0)


def test_leaving_the_block_calls_off_what_has_not_begun(threads: ThreadPoolExecutor, gate: Gate) -> None:
    with Pool(threads) as pool:
        running = [pool.apply_async(gate, (number,)) for number in range(2)]
        waiting = pool.apply_async(gate, (2,))
        lazy = pool.imap(gate, [3])
        gate.entered.get(timeout=20)
        gate.entered.get(timeout=20)

    with pytest.raises(CancelledError):
        waiting.get(timeout=20)
    with pytest.raises(CancelledError):
        lazy.next(timeout=20)
    gate.open()
    assert [result.get(20) for result in running] == [0, 1]
    pool.join()
    assert threads.submit(abs, -1).result(20) == 1, "the executor is not the pool's to shut down"


def test_imap_reads_an_endless_iterable_so_far_ahead_and_no_further(ours: Pool) -> None:
    taken: list[int] = []

    def count() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    values = ours.imap(abs, count())

    assert len(taken) == WINDOW
    assert [next(values) for _ in range(10)] == list(range(10))
    assert len(taken) == WINDOW + 10


def test_map_makes_four_tasks_for_each_worker() -> None:
    class Counting(ThreadPoolExecutor):
        submitted = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            self.submitted += 1
            return super().submit(fn, *args, **kwargs)

    with Counting(2) as executor, Pool(executor) as pool:
        pool.map(abs, range(100))

    assert executor.submitted == 8
    assert getattr(pool, "_processes") == 2  # noqa: B009 - what libraries read


def test_a_pool_cannot_be_sent(ours: Pool) -> None:
    with pytest.raises(TypeError, match="pool cannot be sent"):
        pickle.dumps(ours)


def test_a_pool_says_what_state_it_is_in(ours: Pool) -> None:
    assert "open" in repr(ours)
    ours.close()
    assert "closed" in repr(ours)
    ours.terminate()
    assert "terminated" in repr(ours)
