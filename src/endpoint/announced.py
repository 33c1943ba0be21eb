"""An engine that begins a movable job only when the service knows that it may have begun.

    submit -> waiting --- there is room for it ---> announced --- the service has it in its store ---> the engine

While an endpoint is away the service gives its movable tasks to others, but for those that were announced: of these it
cannot know how far they came. So as few as possible are announced, and only while there is a service to hear it: as
many as there are workers, and, where jobs are short, as many more as have ended in the last moment, so that no worker
waits for an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from .engine import Cancelled, Engine, EngineState, Outcome
from .job import Job, Site
from .waiting import Waiting

#: Seconds over which jobs that ended are counted.
PACE_S = 0.1

_Assignment: TypeAlias = tuple[Job, Callable[[Outcome], None]]


class Pace:
    """How many jobs end in `PACE_S`. Pure but for the clock it is given."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun_at = 0.0
        self._before = self._now = 0

    def count(self) -> None:
        """Count a job that ended."""
        self._turn()
        self._now += 1

    def read(self) -> int:
        """Give how many jobs ended in this or in the last stretch of time, whichever are more."""
        self._turn()
        return max(self._before, self._now)

    def _turn(self) -> None:
        passed_s = self._clock() - self._begun_at
        if passed_s >= PACE_S:
            self._before = self._now if passed_s < 2 * PACE_S else 0
            self._now = 0
            self._begun_at = self._clock()


class AnnouncedEngine:
    """An `Engine` in front of another. Jobs that are not movable go through at once.

    Args:
        engine: runs the jobs.
        workers: how many it runs at a time.
        announce: tells the service that tasks may begin; the second argument is to be called when it has stored that.
        clock: gives seconds.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        workers: int,
        announce: Callable[[Sequence[str], Callable[[], None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._workers = workers
        self._announce = announce
        self._pace = Pace(clock)
        self._waiting: Waiting[_Assignment] = Waiting()
        self._announced: dict[str, _Assignment] = {}
        self._begun: set[str] = set()
        self._is_held = True

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Start the workers."""
        self._engine.start(ready=ready, failed=failed)

    def place(self, site: Site) -> None:
        """Tell the workers where they are."""
        self._engine.place(site)

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        """Have a job run: a movable one when the service knows."""
        if not job.movable:
            self._engine.submit(job, done)
            return
        self._waiting.put(job.task_id, (job, done), priority=job.priority)
        self._go_on()

    def withdraw(self) -> list[str]:
        """Drop all jobs that no worker has begun."""
        return [*self.drop_waiting(), *self._engine.withdraw()]

    def drop_waiting(self) -> list[str]:
        """Drop the movable jobs that were not given to the engine yet; return their ids."""
        dropped = [*self._announced, *self._waiting]
        self._announced = {}
        self._waiting.clear()
        return dropped

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        """Drop one job."""
        if task_id in self._waiting:
            self._waiting.take(task_id)
            return Cancelled.WAITED
        if self._announced.pop(task_id, None) is not None:
            return Cancelled.WAITED
        cancelled = self._engine.cancel(task_id, running=running)
        if cancelled is not None and task_id in self._begun:
            self._begun.discard(task_id)
            self._go_on()
        return cancelled

    def state(self) -> EngineState:
        """Say how it is."""
        state = self._engine.state()
        pending = state.pending + len(self._waiting) + len(self._announced)
        return EngineState(state.total_workers, state.idle_workers, pending, state.running)

    def stop(self) -> None:
        """End the workers at once."""
        self.drop_waiting()
        self._engine.stop()

    def hold(self) -> None:
        """Announce nothing: the service cannot be reached. What it may not have heard is announced anew."""
        self._is_held = True
        again, self._announced = self._announced, {}
        for task_id, (job, done) in reversed(again.items()):
            self._waiting.put(task_id, (job, done), priority=job.priority, is_first=True)

    def go_on(self) -> None:
        """Announce again: the service knows that this endpoint is there."""
        self._is_held = False
        self._go_on()

    def _go_on(self) -> None:
        # One announcement at a time: what comes while it is under way shares the next.
        if self._is_held or self._announced or not self._waiting:
            return
        # Of jobs that take their time none: what is announced and has not begun waits for this endpoint.
        ahead = max(0, self._pace.read() - self._workers)
        room = self._workers + ahead - len(self._begun)
        if room <= ahead // 2:
            return
        chosen = dict(_head(self._waiting, room))
        self._announced = chosen
        self._announce(list(chosen), partial(self._heard, chosen))

    def _heard(self, chosen: Mapping[str, _Assignment]) -> None:
        if self._announced is not chosen:
            return  # said on a connection that is gone, or of what was dropped
        self._announced = {}
        for task_id, (job, done) in chosen.items():
            self._begun.add(task_id)
            self._engine.submit(job, partial(self._done, task_id, done))
        self._go_on()

    def _done(self, task_id: str, done: Callable[[Outcome], None], outcome: Outcome) -> None:
        self._begun.discard(task_id)
        self._pace.count()
        self._go_on()
        done(outcome)


def _head(waiting: Waiting[_Assignment], count: int) -> list[tuple[str, _Assignment]]:
    taken = [waiting.pop() for _ in range(min(count, len(waiting)))]
    return [(assignment[0].task_id, assignment) for assignment in taken]
