"""The map family on a real stack: tasks counted, exceptions from real workers, cancelling, asyncio."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import itertools
import operator
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor, TaskExecutionFailed, WorkerLost
from farpool.local import StackLease
from support.waiting import eventually

TIMEOUT = 60


def upside_down(value: int) -> float:
    return 1 / value


def tasks_of(executor: Executor, client: Client) -> int:
    group = executor.task_group_id
    assert group is not None
    return len(client.get_task_group(group))


def counted(read: list[int]) -> Iterator[int]:
    for number in itertools.count():
        read.append(number)
        yield number


def test_an_endless_input_is_read_as_far_as_the_window(executor: Executor) -> None:
    read: list[int] = []

    results = executor.map(abs, counted(read), buffersize=64)

    assert next(results) == 0
    assert len(read) <= 64
    assert [next(results) for _ in range(200)] == list(range(1, 201))
    assert len(read) <= 264
    results.close()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_thousand_calls_in_chunks_are_ten_tasks(executor: Executor, client: Client, ordered: bool) -> None:
    results = executor.starmap(pow, ((number, 2) for number in range(1000)), chunksize=100, ordered=ordered)

    assert sorted(results) == [number**2 for number in range(1000)]
    assert tasks_of(executor, client) == 10


def test_auto_chunks_make_few_tasks(executor: Executor, client: Client) -> None:
    assert sum(executor.map(pow, range(20_000), itertools.repeat(2), chunksize="auto")) == sum(
        number**2 for number in range(20_000)
    )
    assert tasks_of(executor, client) < 400


def test_an_exception_in_a_chunk_is_the_original_with_its_remote_traceback(executor: Executor) -> None:
    results = executor.map(upside_down, [1, 2, 0, 4], chunksize=4)

    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        next(results)
    assert "in upside_down" in _printed(caught.value)
    assert "return 1 / value" in _printed(caught.value)


def _printed(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def test_a_chunk_with_a_failing_call_loses_that_call_only(executor: Executor) -> None:
    results = list(executor.map(upside_down, range(-50, 50), chunksize=100, return_exceptions=True))

    assert len(results) == 100
    assert isinstance(results.pop(50), ZeroDivisionError)
    assert not any(isinstance(one, BaseException) for one in results)


def test_a_lost_worker_is_the_error_of_each_call_in_its_chunk(executor: Executor) -> None:
    def die(number: int) -> int:
        import os

        if number == 1:
            os._exit(3)
        return number

    results = list(executor.map(die, range(4), chunksize=2, return_exceptions=True))

    assert [isinstance(one, WorkerLost) for one in results] == [True, True, False, False]


def test_a_timeout_of_the_function_is_told_from_the_maps_own(executor: Executor) -> None:
    def too_late(_: int) -> None:
        raise TimeoutError("the database")

    with pytest.raises(TimeoutError, match="the database") as caught:
        list(executor.map(too_late, range(2), timeout=TIMEOUT))
    assert isinstance(caught.value, TaskExecutionFailed)
    items = list(executor.map(too_late, range(2), timeout=TIMEOUT, return_exceptions=True))
    assert [str(item.args[0]) for item in items if isinstance(item, TimeoutError)] == ["the database"] * 2
    with pytest.raises(concurrent.futures.TimeoutError, match="of the map") as own:
        list(executor.map(time.sleep, [0, 1], timeout=0.2, return_exceptions=True))
    assert not isinstance(own.value, TaskExecutionFailed)


@pytest.mark.parametrize("how", ["closed", "let go of", "in a cycle"])
def test_what_has_not_begun_of_a_map_given_up_never_runs(stack: StackLease, tmp_path: Path, how: str) -> None:
    def note(number: int, directory: str) -> int:
        import pathlib
        import time

        pathlib.Path(directory, str(number)).touch()
        time.sleep(0.05)
        return number

    with Executor(max_workers=2) as executor:
        results = executor.map(note, range(400), itertools.repeat(str(tmp_path)))
        assert next(results) == 0
        if how == "closed":
            results.close()
        elif how == "in a cycle":
            cycle: list[Any] = [results]
            cycle.append(cycle)
            del cycle
        del results
        if how == "in a cycle":
            import gc

            gc.collect()
        eventually(lambda: executor.stats().in_flight == 0, timeout=TIMEOUT)

    assert len(list(tmp_path.iterdir())) < 200


def test_a_chunk_marked_idempotent_by_its_function_and_one_with_an_initializer_work(stack: StackLease) -> None:
    with Executor(max_workers=2, initializer=abs, initargs=(1,)) as executor:
        assert list(executor.map(upside_down, [1, 2], chunksize=2)) == [1, 0.5]
        assert executor.map_reduce(upside_down, [1, 2], max) == 1


def test_options_are_those_of_the_time_of_the_call(executor: Executor) -> None:
    results = executor.map(abs, range(10), buffersize=2)
    executor.resource_specification = {"cores": 2}  # which the embedded endpoint refuses

    assert list(results) == list(range(10))


def test_a_map_keeps_an_executor_that_is_let_go_of_while_it_needs_it(stack: StackLease) -> None:
    results = Executor(max_workers=2).map(abs, range(20), buffersize=2)

    assert list(results) == list(range(20))


def test_a_map_after_shutdown_is_refused(stack: StackLease) -> None:
    with Executor(max_workers=2) as executor:
        results = executor.map(abs, range(10), buffersize=2)

    assert next(results) == 0
    with pytest.raises(RuntimeError, match="after shutdown"):
        next(results)


def test_map_reduce_counts_words_in_as_many_tasks_as_there_are_chunks(executor: Executor, client: Client) -> None:
    words = ["alpha", "beta", "alpha", "gamma"] * 50

    def count(word: str) -> Counter[str]:
        from collections import Counter

        return Counter([word])

    total = executor.map_reduce(count, words, operator.add, chunksize=20, spawn_reduce_at=None)

    assert total == Counter(words)
    assert tasks_of(executor, client) == 10


def test_map_reduce_keeps_the_order_and_reduces_in_tasks(executor: Executor, client: Client) -> None:
    value = executor.map_reduce(str, range(300), operator.add, chunksize=3, spawn_reduce_at=4, initial=">")

    assert value == ">" + "".join(map(str, range(300)))
    assert 100 < tasks_of(executor, client) <= 133


def test_map_reduce_of_nothing_is_an_error(executor: Executor) -> None:
    with pytest.raises(TypeError, match="empty iterable with no initial value"):
        executor.map_reduce(str, [], operator.add)
    assert executor.map_reduce(str, [], operator.add, initial="nothing") == "nothing"


def test_map_reduce_raises_what_a_call_raised(executor: Executor) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        executor.map_reduce(upside_down, range(-5, 5), max, chunksize=2)
    assert "in upside_down" in _printed(caught.value)
    assert "farpool _fold_calls" not in _printed(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"chunksize": "large"}, TypeError),
        ({"chunksize": 0}, ValueError),
        ({"buffersize": 1.5}, TypeError),
        ({"ordered": "no"}, TypeError),
        ({"return_exceptions": 1}, TypeError),
        ({"progress": 1.5}, TypeError),
    ],
)
def test_arguments_that_cannot_be_are_refused(executor: Executor, arguments: dict[str, Any], error: type) -> None:
    with pytest.raises(error, match=next(iter(arguments))):
        executor.map(abs, [1], **arguments)


def test_a_reduction_of_one_value_is_refused(executor: Executor) -> None:
    with pytest.raises(ValueError, match="spawn_reduce_at must be at least 2, it is 1"):
        executor.map_reduce(abs, [1], max, spawn_reduce_at=1)


def test_async_for_takes_results_while_the_loop_stays_free(executor: Executor) -> None:
    turns = 0

    async def main() -> list[int]:
        nonlocal turns
        done = False

        async def others() -> None:
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0.001)

        running = asyncio.ensure_future(others())
        got = [result async for result in executor.map(functools.partial(pow, 2), range(50), ordered=False)]
        done = True
        await running
        return got

    assert sorted(asyncio.run(main())) == [2**number for number in range(50)]
    assert turns > 1


def test_cancelling_the_asyncio_task_gives_the_map_up(executor: Executor) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def consume() -> None:
            async for _ in executor.map(time.sleep, [0, *[0.2] * 100]):
                begun.set()

        consumer = asyncio.ensure_future(consume())
        await begun.wait()
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer

    asyncio.run(main())
    eventually(lambda: executor.stats().in_flight == 0, timeout=10)


def test_many_threads_map_at_once(executor: Executor) -> None:
    sums: dict[int, int] = {}

    def work(start: int) -> None:
        sums[start] = sum(executor.map(abs, range(start, start + 100), chunksize=7))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sums == {start: sum(range(start, start + 100)) for start in range(0, 800, 100)}


def test_a_call_in_a_chunk_is_tried_again_and_those_beside_it_are_not(executor: Executor, tmp_path: Path) -> None:
    def unsteady(number: int, directory: str) -> int:
        import pathlib

        with pathlib.Path(directory, str(number)).open("a") as file:
            file.write(".")
            attempt = file.tell()
        if number == 2 and attempt < 3:
            raise OSError(f"attempt {attempt}")
        return number

    steady = executor.options(retries=3, retry_on=OSError, backoff=0.01)
    results = steady.map(unsteady, range(5), itertools.repeat(str(tmp_path)), chunksize=5)

    assert list(results) == list(range(5))
    assert [len((tmp_path / str(number)).read_text()) for number in range(5)] == [1, 1, 3, 1, 1]


def test_what_is_given_up_costs_one_request(executor: Executor) -> None:
    results = executor.map(time.sleep, [0, *[0.2] * 500])
    assert next(results) is None
    eventually(lambda: executor.stats().bytes_received > 0)

    results.close()

    eventually(lambda: executor.stats().in_flight == 0, timeout=TIMEOUT)
    assert executor.stats().cancelled > 400
