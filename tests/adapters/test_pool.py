"""`ex.pool()`, and what takes pools and maps: scipy and emcee."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from farpool import Executor, Future
from farpool.executor.pool.results import AsyncResult
from support.embedded import TIMEOUT
from support.libraries import library
from support.waiting import eventually

pytestmark = pytest.mark.slow


class Watched(Executor):
    """Remembers what was submitted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        future = super().submit(fn, *args, **kwargs)
        self.futures.append(future)
        return future


def test_calls_of_a_pool_run_in_workers_and_leave_the_executor_open(executor: Executor) -> None:
    def where(number: int) -> tuple[int, int]:
        import os

        return number, os.getpid()

    with executor.pool() as pool:
        values = pool.map(where, range(10))
        lazy = list(pool.imap(where, range(3)))

    assert [number for number, _ in values + lazy] == [*range(10), *range(3)]
    assert os.getpid() not in {pid for _, pid in values}
    assert executor.submit(abs, -1).result(TIMEOUT) == 1


def test_the_pool_of_a_view_submits_with_its_options(stack: object) -> None:
    with Watched(max_workers=2) as executor:
        view = executor.options(label="from a pool")
        assert view.pool().apply(abs, (-1,)) == 1
        heard: list[Future[int]] = [view.submit(abs, -2)]

    assert heard[0].label == "from a pool"
    assert getattr(view.pool(), "_processes") == 2  # noqa: B009 - what libraries read


def test_objects_that_are_called_are_sent_along_and_not_registered_one_by_one(stack: object) -> None:
    class Scale:
        def __init__(self, by: int) -> None:
            self.by = by

        def __call__(self, number: int) -> int:
            return number * self.by

    with Watched(max_workers=2) as executor, executor.pool() as pool:
        for by in range(3):
            assert pool.map(Scale(by), range(4)) == [0, by, 2 * by, 3 * by]

    assert len({future.function_id for future in executor.futures}) == 1


def test_what_a_call_raises_comes_out_of_the_pool(executor: Executor) -> None:
    with executor.pool() as pool:
        with pytest.raises(ZeroDivisionError):
            pool.starmap(divmod, [(1, 1), (1, 0)])
        result = pool.apply_async(divmod, (1, 0))
        result.wait(TIMEOUT)
        assert not result.successful()


@pytest.mark.parametrize("face", ["pool", "executor"])
def test_scipy_finds_the_minimum_with_workers_of_ours(executor: Executor, face: str) -> None:
    optimize = library("scipy.optimize")

    def bowl(point: Any) -> float:
        return float(((point - 1) ** 2).sum())

    found = optimize.differential_evolution(
        bowl,
        [(-3, 3), (-3, 3)],
        workers=executor.pool().map if face == "pool" else executor.map,
        updating="deferred",
        seed=1,
        maxiter=5,
        popsize=4,
        polish=False,
    )

    alone = optimize.differential_evolution(
        bowl, [(-3, 3), (-3, 3)], updating="deferred", seed=1, maxiter=5, popsize=4, polish=False
    )
    assert found.x.tolist() == alone.x.tolist()


def test_emcee_samples_with_a_pool_of_ours(executor: Executor) -> None:
    emcee, numpy = library("emcee"), library("numpy")

    def log_probability(point: Any, width: float) -> float:
        return -0.5 * float((point**2).sum()) / width

    start = numpy.random.default_rng(1).normal(size=(8, 2))
    with executor.pool() as pool:
        sampler = emcee.EnsembleSampler(8, 2, log_probability, args=[2.0], pool=pool)
        sampler.run_mcmc(start, 3)

    assert sampler.get_chain().shape == (3, 8, 2)


def sleep_long(started: str) -> None:
    import pathlib
    import time

    pathlib.Path(started).touch()
    time.sleep(600)


def test_terminating_a_pool_stops_what_runs_and_frees_the_workers(executor: Executor, tmp_path: Path) -> None:
    sleep_long.__module__ = None  # type: ignore[assignment]  # of its own code: a worker cannot import a test
    marks = [tmp_path / str(number) for number in range(2)]

    with executor.pool() as pool:
        results = [pool.apply_async(sleep_long, (str(mark),)) for mark in marks]
        waiting = pool.map_async(abs, range(10))
        eventually(lambda: all(mark.exists() for mark in marks), TIMEOUT)

    pool.join()
    over: list[AsyncResult[Any]] = [*results, waiting]
    for result in over:
        with pytest.raises(CancelledError):
            result.get(timeout=0)
    assert [executor.submit(abs, -number).result(TIMEOUT) for number in range(2)] == [0, 1]
