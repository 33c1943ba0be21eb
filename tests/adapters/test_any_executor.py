"""What takes any executor: asyncio, tqdm, more-executors."""

from __future__ import annotations

import asyncio
import io
import os
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import pytest

from farpool import Executor
from support.embedded import TIMEOUT
from support.libraries import library

pytestmark = pytest.mark.slow


def test_asyncio_runs_functions_in_an_executor_of_ours(executor: Executor) -> None:
    def where(number: int) -> tuple[int, int]:
        import os

        return number, os.getpid()

    async def main() -> list[tuple[int, int]]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(executor, where, number) for number in range(10)))

    values = asyncio.run(main(), debug=True)

    assert [number for number, _ in values] == list(range(10))
    assert os.getpid() not in {pid for _, pid in values}


def test_what_a_function_raises_is_raised_where_it_is_awaited(executor: Executor) -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(executor, divmod, 1, 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_waiting_with_a_time_limit_does_not_block_the_loop(executor: Executor) -> None:
    def sleep() -> None:
        import time

        time.sleep(2)

    async def main() -> str:
        loop = asyncio.get_running_loop()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(loop.run_in_executor(executor, sleep), 0.2)
        return str(await loop.run_in_executor(executor, abs, -1))

    assert asyncio.run(main()) == "1"


def test_tqdm_counts_results_as_they_come_and_in_order(executor: Executor) -> None:
    tqdm: Any = library("tqdm").tqdm
    bars = io.StringIO()

    in_order = list(tqdm(executor.map(abs, range(-50, 0)), total=50, file=bars))
    futures = [executor.submit(abs, -number) for number in range(50)]
    as_they_come = [future.result() for future in tqdm(as_completed(futures, TIMEOUT), total=50, file=bars)]

    assert in_order == list(range(50, 0, -1))
    assert sorted(as_they_come) == list(range(50))
    assert bars.getvalue().count("50/50") == 2


def test_more_executors_adds_retries_maps_and_throttles(executor: Executor, tmp_path: Path) -> None:
    executors: Any = library("more_executors").Executors

    def succeed_at_third(path: str) -> int:
        with open(path, "a") as file:
            file.write("x")
        with open(path) as file:
            attempts = len(file.read())
        if attempts < 3:
            raise OSError("not yet")
        return attempts

    def double(value: int) -> int:
        return 2 * value

    retrying = executors.with_retry(executor, max_attempts=4, sleep=0.01)
    doubling = executors.with_throttle(executor, 1).with_map(double)

    assert retrying.submit(succeed_at_third, str(tmp_path / "attempts")).result(TIMEOUT) == 3
    assert [future.result(TIMEOUT) for future in [doubling.submit(abs, -number) for number in range(5)]] == [
        0, 2, 4, 6, 8
    ]  # fmt: skip
    assert asyncio.run(awaited(executors.with_asyncio(executor))) == 32


async def awaited(executor: Any) -> Any:
    return await executor.submit(pow, 2, 5)
