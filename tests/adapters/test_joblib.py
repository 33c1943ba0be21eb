"""joblib, and scikit-learn on it, with batches as tasks."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from farpool import Executor
from support.embedded import TIMEOUT
from support.libraries import library
from support.waiting import eventually

joblib = library("joblib")

from farpool.adapters.joblib import FarpoolBackend, register  # noqa: E402 - needs joblib

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def registered() -> None:
    register()


@pytest.fixture
def on_farpool(executor: Executor) -> Iterator[Executor]:
    with joblib.parallel_config(backend="farpool", executor=executor):
        yield executor


def calls(function: Callable[[int], Any], count: int) -> Iterator[Any]:
    return (joblib.delayed(function)(number) for number in range(count))


def test_calls_run_in_workers_and_their_values_come_in_order(on_farpool: Executor) -> None:
    def square(number: int) -> tuple[int, int]:
        import os

        return number * number, os.getpid()

    values = joblib.Parallel()(calls(square, 100))

    assert [square for square, _ in values] == [number * number for number in range(100)]
    assert os.getpid() not in {pid for _, pid in values}


def test_all_workers_are_used_unless_fewer_are_asked_for(on_farpool: Executor) -> None:
    assert on_farpool.submit(abs, -1).result(TIMEOUT) == 1
    assert joblib.effective_n_jobs() == 2
    assert joblib.effective_n_jobs(-2) == 1
    assert joblib.effective_n_jobs(7) == 7
    with pytest.raises(ValueError, match="n_jobs == 0"):
        joblib.Parallel(n_jobs=0)(calls(abs, 1))


def test_one_job_runs_here(on_farpool: Executor) -> None:
    assert set(joblib.Parallel(n_jobs=1)(calls(lambda _number: os.getpid(), 3))) == {os.getpid()}


def test_short_calls_are_sent_in_batches(stack: object) -> None:
    class Counting(Executor):
        submitted = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            self.submitted += 1
            return super().submit(fn, *args, **kwargs)

    with Counting(max_workers=2) as executor, joblib.parallel_config(backend="farpool", executor=executor):
        assert joblib.Parallel()(calls(abs, 1000)) == list(range(1000))

    assert executor.submitted < 500


def test_values_can_be_had_as_they_come(on_farpool: Executor) -> None:
    parallel = joblib.Parallel(return_as="generator_unordered")

    assert sorted(parallel(calls(abs, 10))) == list(range(10))


def test_an_exception_is_raised_and_the_rest_is_called_off(on_farpool: Executor) -> None:
    def divide(number: int) -> float:
        return 1 / (number - 3)

    with pytest.raises(ZeroDivisionError):
        joblib.Parallel(batch_size=1)(calls(divide, 1000))
    assert joblib.Parallel()(calls(abs, 3)) == [0, 1, 2]


def test_batches_that_run_when_another_fails_are_stopped(on_farpool: Executor, tmp_path: Path) -> None:
    def sleep_or_fail(number: int) -> None:
        import pathlib
        import time

        mark = pathlib.Path(path)
        if number == 0:
            mark.touch()
            time.sleep(600)
        while not mark.exists():
            time.sleep(0.01)
        raise ValueError("on purpose")

    path = str(tmp_path / "runs")

    with pytest.raises(ValueError, match="on purpose"):
        joblib.Parallel(batch_size=1)(calls(sleep_or_fail, 2))
    both = joblib.Parallel(batch_size=1, timeout=TIMEOUT)(calls(abs, 4))
    assert both == [0, 1, 2, 3]
    eventually(lambda: on_farpool.stats().in_flight == 0, TIMEOUT)


def test_a_call_that_takes_too_long_is_a_timeout(on_farpool: Executor) -> None:
    def sleep(_number: int) -> None:
        import time

        time.sleep(600)

    with pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(timeout=0.5)(calls(sleep, 2))


def test_parallel_inside_a_worker_uses_threads_of_that_worker(on_farpool: Executor) -> None:
    def outer(count: int) -> tuple[Any, str, set[int]]:
        import os

        parallel = joblib.Parallel(n_jobs=2)
        pids = parallel(joblib.delayed(os.getpid)() for _ in range(count))
        return os.getpid(), type(parallel._backend).__name__, set(pids)

    for pid, backend, pids in joblib.Parallel()(calls(outer, 4)):
        assert backend == "ThreadingBackend"
        assert pids <= {pid}


def test_a_worker_that_names_the_backend_itself_starts_no_second_farpool(on_farpool: Executor) -> None:
    def outer(count: int) -> tuple[list[int], str, list[str]]:
        import threading

        from farpool.adapters.joblib import register

        register()
        with joblib.parallel_config(backend="farpool"):
            parallel = joblib.Parallel(n_jobs=2)
            values = parallel(joblib.delayed(abs)(number) for number in range(count))
        with joblib.parallel_config(backend="farpool"):
            joblib.effective_n_jobs()
        names = [thread.name for thread in threading.enumerate() if "farpool" in thread.name]
        return values, type(parallel._backend).__name__, names

    for count, (values, backend, threads) in enumerate(joblib.Parallel()(calls(outer, 3))):
        assert values == list(range(count))
        assert backend == "ThreadingBackend"
        assert threads == []


def test_threads_inside_a_batch_can_be_limited(executor: Executor) -> None:
    def limits(_number: int) -> set[int]:
        import numpy as np
        import threadpoolctl

        assert np.ones((2, 2)).dot(np.ones((2, 2))).sum() == 8
        untyped: Any = threadpoolctl
        return {pool["num_threads"] for pool in untyped.threadpool_info()}

    with joblib.parallel_config(backend="farpool", executor=executor, inner_max_num_threads=1):
        assert all(limit <= {1} for limit in joblib.Parallel()(calls(limits, 2)))


def test_an_executor_can_be_registered(executor: Executor) -> None:
    register(executor)

    with joblib.parallel_config(backend="farpool"):
        parallel = joblib.Parallel()
        assert parallel(calls(abs, 3)) == [0, 1, 2]
    assert isinstance(parallel._backend, FarpoolBackend)
    assert parallel._backend.executor is executor


def test_without_an_executor_the_backend_makes_one(stack: object) -> None:
    with joblib.parallel_config(backend="farpool"):
        parallel = joblib.Parallel(n_jobs=2)
        assert parallel(calls(abs, 3)) == [0, 1, 2]
    parallel._backend.executor.shutdown()


def test_cross_validation_of_scikit_learn_gives_what_it_gives_elsewhere(on_farpool: Executor) -> None:
    features, labels = library("sklearn.datasets").load_iris(return_X_y=True)
    selection, model = library("sklearn.model_selection"), library("sklearn.svm").SVC()

    scores = selection.cross_val_score(model, features, labels, cv=5)

    with joblib.parallel_config(backend="sequential"):
        expected = selection.cross_val_score(model, features, labels, cv=5)
    assert scores.tolist() == expected.tolist()


def test_a_grid_search_with_a_parallel_model_inside_finds_the_best(on_farpool: Executor) -> None:
    features, labels = library("sklearn.datasets").load_iris(return_X_y=True)
    forest = library("sklearn.ensemble").RandomForestClassifier(n_estimators=5, n_jobs=2, random_state=0)

    search = library("sklearn.model_selection").GridSearchCV(forest, {"max_depth": [1, 3]}, cv=3)
    search.fit(features, labels)

    assert search.best_params_ == {"max_depth": 3}
    assert search.best_score_ > 0.9
