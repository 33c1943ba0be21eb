"""Run a dask graph on farpool: dask takes any `concurrent.futures.Executor` as its scheduler.

Run it with `python examples/dask_drop_in.py`; it needs dask (`pip install 'farpool[dask]'`).
"""

# dask is not typed:
# mypy: disable-error-code="attr-defined,no-untyped-call"
# pyright: basic, reportPrivateImportUsage=false

from __future__ import annotations

import dask

from farpool import Executor


def square(number: int) -> int:
    """Square a number. Runs in a worker."""
    return number * number


def add(numbers: list[int]) -> int:
    """Add numbers. Runs in a worker, when all of them are there."""
    return sum(numbers)


def main() -> None:
    """Add the squares of the first hundred numbers, as a graph of 101 tasks."""
    squares = [dask.delayed(square)(number) for number in range(100)]
    graph = dask.delayed(add)(squares)
    with Executor() as executor:
        (total,) = dask.compute(graph, scheduler=executor)
    print(f"the squares of 0 to 99 add up to {total}")


if __name__ == "__main__":
    main()
