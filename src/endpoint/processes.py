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
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ..amqp import Loop, Timer
from ..wire.messages import WORKER, TaskTransition
from ..wire.states import Actor, TaskState
from . import failures, printed
from .engine import Cancelled, EngineState, Loss, Outcome
from .frames import Frame
from .job import Job, Outgoing, Site, worker_name
from .pump import Pump
from .waiting import Waiting
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
    """

    def __init__(
        self,
        loop: Loop,
        *,
        workers: int,
        output: WorkerOutput = WorkerOutput(),  # noqa: B008 - a frozen value
    ) -> None:
        self._loop = loop
        self._pump = Pump(output)
        self._site: Site | None = None
        self._total = workers
        self._starting: set[WorkerLink] = set()
        self._idle: list[WorkerLink] = []
        self._busy: dict[WorkerLink, _Assignment] = {}
        self._reporting: set[WorkerLink] = set()  # done, and what they printed is being passed on
        self._stopped: set[WorkerLink] = set()  # killed for their job, and not gone yet
        self._timers: dict[WorkerLink, Timer] = {}  # of jobs with a time-out
        self._waiting: Waiting[_Assignment] = Waiting()
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
            worker.send(site_frame(site))

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        """Have a job run, by an idle worker at once."""
        self._submit(_Assignment(job, done))

    def withdraw(self) -> list[str]:
        """Drop all jobs that no worker has begun."""
        dropped = list(self._waiting)
        self._waiting.clear()
        return dropped

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        """Drop one job; one that runs with its worker, in whose place a new one is started."""
        if task_id in self._waiting:
            self._waiting.take(task_id)
            return Cancelled.WAITED
        worker = next((one for one, busy in self._busy.items() if busy.job.task_id == task_id), None)
        if worker is None or not running:
            return None
        self._stop_worker(worker)
        return Cancelled.STOPPED

    def state(self) -> EngineState:
        """Say how it is."""
        running = [assignment.job.task_id for assignment in self._busy.values()]
        return EngineState(self._total, len(self._idle), len(self._waiting), running)

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
        self._waiting.clear()
        self._pump.close()

    def _start_worker(self) -> None:
        if self._is_stopped:
            return
        try:
            outlet = self._pump.open()
            try:
                worker = WorkerLink(self._loop, received=self._received, ended=self._ended, outlet=outlet)
            finally:
                outlet.close_writers()
        except OSError as error:
            self._start_failed(f"a worker process cannot be started: {error}")
            return
        self._starting.add(worker)

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
            self._starting.discard(worker)
            self._failed_starts = 0
            ready, self._ready = self._ready, _nothing
            ready()
            if self._site is not None:
                worker.send(site_frame(self._site))
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
        if self._idle:
            self._assign(self._idle.pop(), assignment)
        else:
            job = assignment.job
            self._waiting.put(job.task_id, assignment, priority=job.priority, is_first=is_first)

    def _next(self, worker: WorkerLink) -> None:
        if self._waiting and not worker.has_exited:
            self._assign(worker, self._waiting.pop())
        else:
            self._idle.append(worker)

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
        self._start_worker()
        return assignment

    def _ended(self, worker: WorkerLink, exit_code: int) -> None:
        if worker in self._stopped:
            self._stopped.discard(worker)
            return
        if worker in self._reporting:  # its result is here already
            self._reporting.discard(worker)
            self._start_worker()
            return
        how = failures.ending(exit_code)
        if worker in self._starting:
            self._starting.discard(worker)
            self._start_failed(f"worker process {worker.pid} {how} before it was ready")
            return
        self._start_worker()
        assignment = self._take_from(worker)
        if assignment is None:
            self._idle.remove(worker)
            log.warning("idle worker process %d %s; a new one is started", worker.pid, how)
            return
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


def _advice(exit_code: int) -> str:
    if exit_code == -9:
        return ": it was killed from outside, as the system does when memory runs out"
    if exit_code in {-11, -7, -6, -4, -8}:
        return ": native code crashed; the endpoint's log shows where"
    return ""
