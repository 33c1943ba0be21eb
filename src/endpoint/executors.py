"""An engine over any `concurrent.futures.Executor`: the agent's threads, or whatever a factory makes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import cache, partial

from ..amqp import Loop
from ..errors import FarpoolError
from . import failures
from .engine import EngineState, Loss, Outcome
from .job import Job, Site
from .worker import Worker


class ExecutorEngine:
    """An `Engine` that hands each job to an executor.

    Args:
        loop: where it lives.
        executor: runs `run_job(job, site)`, which pickles where the executor asks for that.
        workers: how many jobs it runs at a time.
    """

    def __init__(self, loop: Loop, *, executor: Executor, workers: int) -> None:
        self._loop = loop
        self._site = Site("")
        self._executor = executor
        self._total = workers
        self._futures: dict[str, Future[bytes]] = {}

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Say that it is ready; an executor that is not says so at the first job."""
        del failed
        self._loop.call(ready)

    def place(self, site: Site) -> None:
        """Tell the workers where they are, with each job."""
        self._site = site

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        """Have a job run."""
        try:
            future = self._executor.submit(run_job, job, self._site)
        except Exception as error:  # noqa: BLE001 - a broken or foreign executor fails this job, not the agent
            outcome = _loss(error)
            self._loop.call(lambda: done(outcome))
            return
        self._futures[job.task_id] = future
        finish = partial(self._finish, job.task_id, done)
        future.add_done_callback(lambda finished: self._loop.call(lambda: finish(finished)) and None)

    def withdraw(self, task_id: str | None = None) -> list[str]:
        """Drop a job, or all jobs, that have not begun."""
        asked = list(self._futures) if task_id is None else [task_id] * (task_id in self._futures)
        dropped = [one for one in asked if self._futures[one].cancel()]
        for one in dropped:
            self._futures.pop(one, None)
        return dropped

    def state(self) -> EngineState:
        """Say how it is."""
        running = [task_id for task_id, future in self._futures.items() if future.running()]
        return EngineState(self._total, max(0, self._total - len(running)), len(self._futures) - len(running), running)

    def stop(self) -> None:
        """Let go of the executor: what runs in a thread cannot be stopped, and ends with the process."""
        self._futures.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _finish(self, task_id: str, done: Callable[[Outcome], None], future: Future[bytes]) -> None:
        if self._futures.get(task_id) is not future:
            return
        del self._futures[task_id]
        if future.cancelled():
            done(Loss(failures.UNKNOWN_FAILURE, f"the endpoint's executor cancelled task {task_id}"))
            return
        error = future.exception()
        done(future.result() if error is None else _loss(error))


def run_job(job: Job, site: Site) -> bytes:
    """Run a job where the executor runs it."""
    return _worker(site).run(job)


@cache
def _worker(site: Site) -> Worker:
    return Worker(site)


def _loss(error: BaseException) -> Loss:
    code = failures.WORKER_LOST if isinstance(error, BrokenExecutor) else failures.UNKNOWN_FAILURE
    return Loss(code, f"the endpoint's executor failed: {type(error).__name__}: {error}")


def executor_named(reference: str, workers: int) -> Executor:
    """Make an executor by a factory, named as ``package.module:factory``.

    Args:
        reference: the factory's place.
        workers: what it is called with.

    Raises:
        FarpoolError: there is no such factory, it failed, or what it made has no `submit`; says which.
    """
    module_name, _, name = reference.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), name)
        made = factory(workers)
    except Exception as error:
        raise FarpoolError(
            f"engine {reference!r} cannot be made ({type(error).__name__}: {error}): it must name a function "
            "package.module:factory that takes the number of workers and returns a concurrent.futures.Executor"
        ) from error
    if not callable(getattr(made, "submit", None)) or not callable(getattr(made, "shutdown", None)):
        raise FarpoolError(f"engine {reference!r} made a {type(made).__name__}, not a concurrent.futures.Executor")
    executor: Executor = made
    return executor
