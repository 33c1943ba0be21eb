"""dask, with an executor for its scheduler and for its pool."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from farpool import Executor
from support.libraries import library

dask = library("dask")

pytestmark = pytest.mark.slow


def by_argument(executor: Executor) -> Any:
    return partial(dask.compute, scheduler=executor)


def by_setting(executor: Executor) -> Any:
    def compute(*graphs: Any, **more: Any) -> Any:
        with dask.config.set(scheduler=executor):
            return dask.compute(*graphs, **more)

    return compute


def by_pool(executor: Executor) -> Any:
    def compute(*graphs: Any, **more: Any) -> Any:
        with dask.config.set(pool=executor):
            return dask.compute(*graphs, **more)

    return compute


def by_pool_of_processes(executor: Executor) -> Any:
    return partial(by_pool(executor), scheduler="processes")


WAYS: list[Callable[[Executor], Any]] = [by_argument, by_setting, by_pool, by_pool_of_processes]


@pytest.fixture(params=WAYS)
def compute(request: pytest.FixtureRequest, executor: Executor) -> Any:
    return request.param(executor)


def graph(count: int) -> Any:
    def square(number: int) -> tuple[int, int]:
        import os

        return number * number, os.getpid()

    return [dask.delayed(square)(number) for number in range(count)]


def test_a_graph_is_computed_in_workers_and_its_results_come_in_order(compute: Any) -> None:
    values = compute(*graph(20))

    assert [square for square, _ in values] == [number * number for number in range(20)]
    assert os.getpid() not in {pid for _, pid in values}


def test_a_task_gets_the_results_that_it_depends_on(compute: Any) -> None:
    tree = [dask.delayed(abs)(-number) for number in range(64)]
    while len(tree) > 1:
        tree = [dask.delayed(sum)(tree[at : at + 2]) for at in range(0, len(tree), 2)]

    assert compute(tree[0]) == (sum(range(64)),)


def test_what_a_task_raises_comes_out_of_dask(compute: Any) -> None:
    fine = dask.delayed(abs)(-1)

    with pytest.raises(ZeroDivisionError):
        compute(dask.delayed(divmod)(fine, 0))
    assert compute(fine) == (1,)


@pytest.mark.parametrize("way", [by_argument, by_pool_of_processes])
def test_a_thousand_tasks_in_chunks(executor: Executor, way: Callable[[Executor], Any]) -> None:
    total = dask.delayed(sum)([dask.delayed(abs)(-number) for number in range(1000)])

    assert way(executor)(total, chunksize=50) == (sum(range(1000)),)


def test_more_tasks_may_be_under_way_than_there_are_workers(executor: Executor) -> None:
    scheduler = partial(library("dask.local").get_async, executor.submit, 64)

    total = dask.delayed(sum)([dask.delayed(abs)(-number) for number in range(200)])

    assert total.compute(scheduler=scheduler) == sum(range(200))


def test_arrays_and_bags_are_computed_on_farpool(executor: Executor) -> None:
    arrays, bags = library("dask.array"), library("dask.bag")

    with dask.config.set(scheduler=executor):
        ones = arrays.ones((200, 200), chunks=(100, 100))
        assert float((ones @ ones.T).sum().compute()) == 200**3
        negative = bags.from_sequence(range(-50, 0), npartitions=4)
        assert negative.map(abs).sum().compute() == sum(range(51))


def test_a_view_is_a_scheduler_too(executor: Executor) -> None:
    assert dask.compute(*graph(3)[:1], scheduler=executor.options(label="dask"))[0][0] == 0
