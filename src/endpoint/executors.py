"""An engine over any `concurrent.futures.Executor`: the agent's threads, or whatever a factory makes."""

from __future__ import annotations

import importlib
import inspect
import logging
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from ..amqp import Loop
from ..errors import FarpoolError
from . import failures
from .engine import Cancelled, EngineState, Loss, Outcome
from .job import Job, Outgoing, Site
from .waiting import Waiting
from .worker import Worker

log = logging.getLogger(__name__)

_PARSL_POOL = ("parsl.concurrent", "ParslPoolExecutor")


@dataclass(frozen=True, slots=True)
class _Assignment:
    job: Job
    done: Callable[[Outcome], None]


class ExecutorEngine:
    """An `Engine` that hands each job to an executor.

    Args:
        loop: where it lives.
        executor: runs `run_job(job, site)`, which pickles where the executor asks for that.
        workers: how many jobs it runs at a time.
        holds_back: hand over no more jobs than that, so that those of higher priority can go first. Without it all
            jobs are handed over at once: the executor has a queue of its own, which may be on another machine.
    """

    def __init__(self, loop: Loop, *, executor: Executor, workers: int, holds_back: bool = False) -> None:
        self._loop = loop
        self._site = Site("")
        self._executor = executor
        self._submit = _way_into(executor)
        self._total = workers
        self._limit = workers if holds_back else float("inf")
        self._waiting: Waiting[_Assignment] = Waiting()
        self._futures: dict[str, Future[bytes | Outgoing]] = {}
        self._abandoned: set[Future[bytes | Outgoing]] = set()  # called off, and running all the same

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Say that it is ready; an executor that is not says so at the first job."""
        del failed
        self._loop.call(ready)

    def place(self, site: Site) -> None:
        """Tell the workers where they are, with each job."""
        self._site = site

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        """Have a job run."""
        self._waiting.put(job.task_id, _Assignment(job, done), priority=job.priority)
        self._hand_over()

    def withdraw(self) -> list[str]:
        """Drop all jobs that have not begun."""
        dropped = list(self._waiting)
        self._waiting.clear()
        for task_id, future in tuple(self._futures.items()):
            if future.cancel():
                del self._futures[task_id]
                dropped.append(task_id)
        return dropped

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        """Drop one job; one that runs goes on, and keeps its place in the executor as long as it does."""
        if task_id in self._waiting:
            self._waiting.take(task_id)
            return Cancelled.WAITED
        future = self._futures.get(task_id)
        if future is None or future.done():
            return None
        if future.cancel():
            del self._futures[task_id]
            return Cancelled.WAITED
        if not running:
            return None
        del self._futures[task_id]
        self._abandoned.add(future)
        log.warning("task %s was cancelled while it ran; this engine cannot stop it, so it goes on", task_id)
        return Cancelled.ABANDONED

    def state(self) -> EngineState:
        """Say how it is."""
        running = [task_id for task_id, future in self._futures.items() if future.running()]
        idle = max(0, self._total - len(running) - len(self._abandoned))
        return EngineState(self._total, idle, len(self._waiting) + len(self._futures) - len(running), running)

    def stop(self) -> None:
        """Let go of the executor: what runs in a thread cannot be stopped, and ends with the process."""
        self._waiting.clear()
        self._futures.clear()
        try:
            self._executor.shutdown(wait=False, cancel_futures=True)
        except TypeError:  # one of Parsl's own, which knows neither
            self._executor.shutdown()

    def _hand_over(self) -> None:
        while self._waiting and len(self._futures) + len(self._abandoned) < self._limit:
            assignment = self._waiting.pop()
            job, done = assignment.job, assignment.done
            try:
                future = self._submit(job, self._site)
            except Exception as error:  # noqa: BLE001 - a broken or foreign executor fails this job, not the agent
                self._loop.call(partial(done, _loss(error)))
                continue
            self._futures[job.task_id] = future
            future.add_done_callback(partial(self._ended, assignment))

    def _ended(self, assignment: _Assignment, future: Future[bytes | Outgoing]) -> None:
        self._loop.call(partial(self._finish, assignment, future))  # in whichever thread the executor calls this

    def _finish(self, assignment: _Assignment, future: Future[bytes | Outgoing]) -> None:
        self._abandoned.discard(future)
        task_id = assignment.job.task_id
        is_ours = self._futures.get(task_id) is future
        if is_ours:
            del self._futures[task_id]
        self._hand_over()
        if not is_ours:
            return
        if future.cancelled():
            assignment.done(Loss(failures.UNKNOWN_FAILURE, f"the endpoint's executor cancelled task {task_id}"))
            return
        error = future.exception()
        assignment.done(future.result() if error is None else _loss(error))


def _way_into(executor: Executor) -> Callable[[Job, Site], Future[bytes | Outgoing]]:
    """Find how jobs are handed to an executor: a resource specification is for the executor, if it takes one."""
    submit: Callable[..., Future[Any]] = executor.submit
    if "resource_specification" in inspect.signature(submit).parameters:  # one of Parsl's own
        return lambda job, site: submit(run_job, dict(job.resources), replace(job, resources={}), site)
    if any((kind.__module__, kind.__name__) == _PARSL_POOL for kind in type(executor).__mro__):
        return lambda job, site: submit(
            run_job, replace(job, resources={}), site, parsl_resource_specification=dict(job.resources)
        )
    return lambda job, site: submit(run_job, job, site)


def run_job(job: Job, site: Site, **_for_parsl: Any) -> bytes | Outgoing:
    """Run a job where the executor runs it; one with a time-out in a thread that can be left behind."""
    worker = _worker(site)
    is_alone = threading.current_thread() is threading.main_thread()
    if job.timeout_s is None:
        return worker.run(job, is_alone=is_alone)
    bodies: list[bytes | Outgoing] = []
    # It stands for this thread, and has its name: that is what the result says of where it ran.
    name = threading.current_thread().name
    thread = threading.Thread(target=lambda: bodies.append(worker.run(job, is_alone=is_alone)), name=name, daemon=True)
    thread.start()
    thread.join(job.timeout_s)
    if bodies:
        return bodies[0]
    log.warning("task %s has run out of time; a thread cannot be stopped, so it goes on", job.task_id)
    message = failures.overdue(job.task_id, job.timeout_s, "was given up; its thread cannot be stopped, so it goes on")
    return failures.failure(job.task_id, failures.TIMED_OUT, message, message, details=site.details())


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
