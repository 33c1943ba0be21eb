"""The default engine: worker processes, one job each at a time.

    submit -> waiting --- an idle worker ---> running --- "done" frame ----> done(result message, with what it printed)
                 ^                               |------ process ended ----> done(Loss: WORKER_LOST), a new worker
                 |                               |------ too long ---------> done(Loss: TASK_TIMEOUT), a new worker
                 `- withdraw, cancel             `------ cancel -----------> a new worker

A job is sent to a worker only when that worker is idle, so a slow job holds up nothing behind it, and what is lost with
a worker is exactly the job it ran. Workers share nothing with each other: no lock, no pipe. They are interpreters
started afresh, children of the agent, so that its threads and connections are not forked into them and the kernel can
end them with it.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from ..amqp import Loop, Timer
from ..version import __version__
from ..wire.messages import WORKER, TaskTransition
from ..wire.states import Actor, TaskState
from . import failures, printed
from .engine import Cancelled, EngineState, Loss, Outcome
from .environment_link import EnvironmentLink
from .environments import RETRY_S, EnvironmentOptions, Environments
from .frames import Frame
from .job import Job, Outgoing, Site, worker_name
from .lines import Demand, Key, Lines, successor
from .pump import Outlet, Pump
from .worker_link import WorkerLink
from .worker_output import WorkerOutput
from .worker_process import job_frame, outcome_in, site_frame

log = logging.getLogger(__name__)

#: Workers that ended before they were ready, one after the other, before the engine is said not to work.
MAX_FAILED_STARTS = 3
#: Then one is tried again after this many seconds.
RESTART_DELAY_S = 5.0
#: A job that a worker died of while it was still reading it may be the cause: it is given to so many workers.
MAX_TRIES = 3
#: An idle worker of an environment makes way for one of the usual ones after so many seconds.
IDLE_S = 60.0
#: Idle workers have this long to run their exit handlers.
EXIT_TIMEOUT_S = 1.0


@dataclass(slots=True, eq=False)
class _Assignment:
    job: Job
    done: Callable[[Outcome], None]
    tries: int = 1
    begun_ns: int = 0


def _nothing(*_args: object) -> None:
    pass


class ProcessEngine:
    """An `Engine` of worker processes.

    Args:
        loop: where it lives.
        workers: how many.
        output: where they print.
        environments: what the endpoint's owner says of environments.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        workers: int,
        output: WorkerOutput = WorkerOutput(),  # noqa: B008 - a frozen value
        environments: EnvironmentOptions = EnvironmentOptions(),  # noqa: B008 - a frozen value
    ) -> None:
        self._loop = loop
        self._pump = Pump(output)
        self._environments = Environments(environments)
        self._site: Site | None = None
        self._total = workers
        self._starting: set[WorkerLink] = set()
        self._idle: list[WorkerLink] = []
        self._busy: dict[WorkerLink, _Assignment] = {}
        self._reporting: set[WorkerLink] = set()  # done, and what they printed is being passed on
        self._stopped: set[WorkerLink] = set()  # ended by us, and not gone yet
        self._timers: dict[WorkerLink, Timer] = {}  # of jobs with a time-out, and of starts
        self._lines: Lines[_Assignment] = Lines()
        self._ready: Callable[[], None] = _nothing
        self._failed: Callable[[str], None] = _nothing
        self._failed_starts = 0
        self._is_stopped = False

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Start the workers."""
        self._ready = ready
        self._failed = failed
        self._pump.start()
        for _ in range(self._total):
            self._start_worker()

    def place(self, site: Site) -> None:
        """Tell the workers where they are."""
        self._site = site
        for worker in (*self._idle, *self._busy):
            worker.send(site_frame(_site_of(worker, site)))

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        """Have a job run, by an idle worker at once."""
        self._submit(_Assignment(job, done))

    def withdraw(self) -> list[str]:
        """Drop all jobs that no worker has begun."""
        dropped = list(self._lines)
        self._lines.clear()
        return dropped

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        """Drop one job; one that runs with its worker, in whose place a new one is started."""
        if task_id in self._lines:
            self._lines.take(task_id)
            self._make_way()  # by a worker that would start for nobody now
            return Cancelled.WAITED
        worker = next((one for one, busy in self._busy.items() if busy.job.task_id == task_id), None)
        if worker is None or not running:
            return None
        self._stop_worker(worker)
        return Cancelled.STOPPED

    def state(self) -> EngineState:
        """Say how it is."""
        running = [assignment.job.task_id for assignment in self._busy.values()]
        return EngineState(self._total, len(self._idle), len(self._lines), running)

    def stop(self) -> None:
        """End the workers at once."""
        self._is_stopped = True
        for timer in self._timers.values():
            timer.cancel()
        for worker in (*self._starting, *self._busy, *self._stopped):
            worker.kill()
        waiting = (*self._idle, *self._reporting)
        for worker in waiting:
            worker.dismiss()
        deadline = time.monotonic() + EXIT_TIMEOUT_S
        for worker in (*self._starting, *self._busy, *self._stopped, *waiting):
            worker.finish(max(0.0, deadline - time.monotonic()))
        for workers in (self._starting, self._busy, self._stopped, self._idle, self._reporting, self._timers):
            workers.clear()
        self._lines.clear()
        self._pump.close()
        self._environments.close()

    def _start_worker(self, key: Key = None) -> None:
        if self._is_stopped or self._count() >= self._total:
            return
        try:
            outlet = self._pump.open()
            try:
                worker = self._launch(key, outlet)
            finally:
                outlet.close_writers()
        except OSError as error:
            if key is None:
                self._start_failed(f"a worker process cannot be started: {error}")
            else:
                self._environment_failed(key, f"its worker cannot be started: {error}")
            return
        self._starting.add(worker)
        if key is not None:
            self._timers[worker] = self._loop.call_later(self._environments.start_s, partial(self._too_slow, worker))

    def _launch(self, key: Key, outlet: Outlet) -> WorkerLink:
        if key is None:
            return WorkerLink(self._loop, received=self._received, ended=self._ended, outlet=outlet)
        site = self._site or Site("")
        return EnvironmentLink(
            self._loop,
            key=key,
            command=lambda link: self._environments.command(key, site, link),
            received=self._received,
            ended=self._ended,
            outlet=outlet,
        )

    def _everybody(self) -> Iterator[WorkerLink]:
        return chain(self._starting, self._idle, self._busy, self._reporting)

    def _has_worker(self, key: Key) -> bool:
        return any(worker.key == key for worker in self._everybody())

    def _count(self) -> int:
        return len(self._starting) + len(self._idle) + len(self._busy) + len(self._reporting)

    def _start_failed(self, what: str) -> None:
        self._failed_starts += 1
        if self._failed_starts < MAX_FAILED_STARTS:
            self._start_worker()
            return
        if self._failed_starts == MAX_FAILED_STARTS:
            log.error("%s; trying again every %.0f s", what, RESTART_DELAY_S)
            self._failed(what)
        self._loop.call_later(RESTART_DELAY_S, self._start_worker)

    def _received(self, worker: WorkerLink, frame: Frame) -> None:
        assignment = self._take_from(worker)
        if assignment is not None:
            outcome = outcome_in(frame)
            if worker.outlet.is_quiet:
                # The worker first: it works while the result is published.
                self._next(worker)
                assignment.done(outcome)
            else:
                self._reporting.add(worker)
                self._pump.take(worker.outlet, partial(self._printed, worker, assignment, outcome))
        elif worker in self._starting:
            self._begin(worker)

    def _begin(self, worker: WorkerLink) -> None:
        """Put a worker to work that is ready."""
        self._starting.discard(worker)
        self._take_from(worker)  # the timer of its start
        worker.ready_at = time.monotonic()
        if worker.key is None:
            self._failed_starts = 0
            ready, self._ready = self._ready, _nothing
            ready()
        else:
            self._pump.take_now(worker.outlet)  # what its command has said is no job's
            self._loop.call_later(IDLE_S, partial(self._watch_idle, worker))
        if self._site is not None:
            worker.send(site_frame(_site_of(worker, self._site)))
        self._next(worker)

    def _printed(
        self, worker: WorkerLink, assignment: _Assignment, outcome: bytes | Outgoing, stdout: str, stderr: str
    ) -> None:
        """Take note of what a job printed, in the pump's thread: it has come out, and the result follows."""

        def report() -> None:
            if worker in self._reporting:
                self._reporting.discard(worker)
                self._next(worker)
            if isinstance(outcome, bytes):
                assignment.done(printed.filled_in(outcome, stdout, stderr))
            else:
                assignment.done(replace(outcome, body=printed.filled_in(outcome.body, stdout, stderr)))

        self._loop.call(report)

    def _submit(self, assignment: _Assignment, *, is_first: bool = False) -> None:
        job = assignment.job
        worker = next((one for one in reversed(self._idle) if one.key == job.key), None)
        if worker is not None:
            self._idle.remove(worker)
            self._assign(worker, assignment)
            return
        # Where there is a worker already, or one on its way, it can be had.
        is_known = job.key is None or self._lines.has(job.key) or self._has_worker(job.key)
        refusal = None if job.key is None or is_known else self._environments.refusal(job.key)
        if refusal is not None:
            self._loop.call(partial(assignment.done, refusal))
            return
        self._lines.put(job.task_id, assignment, key=job.key, priority=job.priority, is_first=is_first)
        self._make_way()

    def _demands(self) -> list[Demand]:
        starting = Counter(worker.key for worker in self._starting)
        demands = self._lines.demands(starting, Counter(worker.key for worker in self._everybody()))
        # Where no worker could be started a moment ago, those that are there have to do.
        return [
            replace(one, starting=one.waiting)
            if one.key is not None and self._environments.has_failed(one.key)
            else one
            for one in demands
        ]

    def _make_way(self) -> None:
        """Have workers that are idle, or start in an environment for nobody, make way for those that are wanted."""
        beginners = [one for one in self._starting if one.key is not None]
        for demand in self._demands() if self._idle or beginners or self._count() < self._total else ():
            if not demand.wants_more:
                continue
            useless = next((one for one in (*self._idle, *beginners) if not self._lines.has(one.key)), None)
            if useless is not None:
                self._retire(useless, demand.key)
            elif demand.key is not None:
                self._start_worker(demand.key)

    def _retire(self, worker: WorkerLink, key: Key) -> None:
        """End a worker that has nothing to do and start one of another line in its place."""
        if worker in self._idle:
            self._idle.remove(worker)
        if worker in self._starting:
            self._starting.discard(worker)
            self._take_from(worker)  # the timer of its start
        self._stopped.add(worker)
        worker.retire()
        self._start_worker(key)

    def _refill(self, own: Key) -> None:
        """Start a worker in the place of one that is gone: of the line where one is wanted, else of the usual one."""
        key = successor(own, self._demands(), total=self._total, served_s=0.0) if self._lines else None
        self._start_worker(key if self._lines.has(key) else None)

    def _next(self, worker: WorkerLink) -> None:
        if self._lines and not worker.has_exited:
            served_s = time.monotonic() - worker.ready_at
            key = (
                worker.key
                if self._lines.only(worker.key)
                else successor(worker.key, self._demands(), total=self._total, served_s=served_s)
            )
            if key != worker.key:
                self._retire(worker, key)
                return
            if self._lines.has(key):
                self._assign(worker, self._lines.pop(key))
                return
        self._idle.append(worker)
        worker.idle_at = time.monotonic()

    def _watch_idle(self, worker: WorkerLink) -> None:
        """Have a worker of an environment make way when it has had nothing to do for long."""
        if worker in self._idle and time.monotonic() - worker.idle_at >= IDLE_S:
            self._retire(worker, None)
        elif worker in self._idle or worker in self._busy or worker in self._reporting:
            self._loop.call_later(IDLE_S, partial(self._watch_idle, worker))

    def _assign(self, worker: WorkerLink, assignment: _Assignment) -> None:
        assignment.begun_ns = time.time_ns()
        self._busy[worker] = assignment
        timeout_s = assignment.job.timeout_s
        if timeout_s is not None:
            self._timers[worker] = self._loop.call_later(timeout_s, lambda: self._timed_out(worker, timeout_s))
        worker.send(job_frame(assignment.job))

    def _take_from(self, worker: WorkerLink) -> _Assignment | None:
        timer = self._timers.pop(worker, None)
        if timer is not None:
            timer.cancel()
        return self._busy.pop(worker, None)

    def _timed_out(self, worker: WorkerLink, timeout_s: float) -> None:
        assignment = self._stop_worker(worker)
        message = failures.overdue(assignment.job.task_id, timeout_s, "was stopped")
        assignment.done(self._loss(worker, assignment, failures.TIMED_OUT, message))

    def _stop_worker(self, worker: WorkerLink) -> _Assignment:
        """End a worker for the sake of its job, whose outcome is somebody else's to tell, and start a new one."""
        assignment = self._busy[worker]
        self._take_from(worker)
        self._stopped.add(worker)
        worker.end()
        self._refill(worker.key)
        return assignment

    def _too_slow(self, worker: WorkerLink) -> None:
        if worker in self._starting and worker.key is not None:
            self._starting.discard(worker)
            self._take_from(worker)
            self._stopped.add(worker)
            said = self._pump.take_now(worker.outlet)
            worker.end()
            why = f"its worker was not ready after {self._environments.start_s:g} s (environment_start_s)"
            self._environment_failed(worker.key, why, "".join(said))

    def _environment_failed(self, key: tuple[str, str], why: str, said: str = "") -> None:
        """Fail the jobs that wait for an environment, unless another worker is in it."""
        loss = self._environments.failed(key, why, said)
        log.warning("%s", loss.message)
        if self._has_worker(key):
            self._loop.call_later(RETRY_S, self._make_way)
        else:
            for assignment in self._lines.drop(key):
                assignment.done(loss)
        self._refill(None)

    def _ended(self, worker: WorkerLink, exit_code: int) -> None:
        if worker in self._stopped:
            self._stopped.discard(worker)
            return
        if worker in self._reporting:  # its result is here already
            self._reporting.discard(worker)
            self._refill(worker.key)
            return
        how = failures.ending(exit_code)
        if worker in self._starting:
            self._starting.discard(worker)
            self._take_from(worker)
            if worker.key is None:
                self._start_failed(f"worker process {worker.pid} {how} before it was ready")
            else:
                said = self._pump.take_now(worker.outlet)
                self._environment_failed(worker.key, f"its worker {how} before it was ready", "".join(said))
            return
        assignment = self._take_from(worker)
        if assignment is None:
            self._idle.remove(worker)
            self._refill(worker.key)
            log.warning("idle worker process %d %s; a new one is started", worker.pid, how)
            return
        self._refill(worker.key)
        task_id = assignment.job.task_id
        if worker.left_some and assignment.tries < MAX_TRIES:
            # It was dead or dying when the job was sent, and never began it: the job is not to blame.
            log.warning("worker process %d %s before it took task %s; another one runs it", worker.pid, how, task_id)
            assignment.tries += 1
            self._submit(assignment, is_first=True)
            return
        log.warning("worker process %d %s while running task %s; a new one is started", worker.pid, how, task_id)
        message = f"worker process {how} while running task {task_id}{_advice(exit_code)}"
        assignment.done(self._loss(worker, assignment, failures.WORKER_LOST, message))

    def _loss(self, worker: WorkerLink, assignment: _Assignment, code: str, message: str) -> Loss:
        """Tell of a job that its worker cannot report on, with what it printed until then."""
        details = {WORKER: worker_name(worker.pid), **printed.told(*self._pump.take_now(worker.outlet))}
        transitions = (
            TaskTransition(assignment.begun_ns, TaskState.EXEC_START, Actor.MANAGER),
            TaskTransition(time.time_ns(), TaskState.EXEC_END, Actor.MANAGER),
        )
        return Loss(code, message, details, transitions)


def _site_of(worker: WorkerLink, site: Site) -> Site:
    """Give what a worker is told of where it is: an environment has its own places for modules."""
    return site if worker.key is None else replace(site, sys_path=(), farpool_version=__version__)


def _advice(exit_code: int) -> str:
    if exit_code == -9:
        return ": it was killed from outside, as the system does when memory runs out"
    if exit_code in {-11, -7, -6, -4, -8}:
        return ": native code crashed; the endpoint's log shows where"
    return ""
