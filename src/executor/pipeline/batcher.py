"""The batcher: tasks that wait to be sent, gathered by route. Starts no thread, does no I/O."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from .sending import Sending
from .task import Batch, Route, Task


class Batcher:
    """Gathers tasks while a request is in flight and gives them out a batch at a time.

    Routes with a higher priority come first, and among equal ones the one that has waited longest. Requests that failed
    come back when their time has come, before anything else.

    Args:
        max_tasks: tasks in a batch, at most.
        max_bytes: characters of payload in a batch, at most; a single larger task still makes a batch of its own.
        clock: monotonic seconds.
    """

    def __init__(self, *, max_tasks: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_tasks = max_tasks
        self._max_bytes = max_bytes
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: dict[Route, deque[Task]] = {}
        self._held: list[tuple[float, int, Sending]] = []  # a heap, by when they are due
        self._numbers = itertools.count()
        self._not_before = float("-inf")
        self._idle = False
        self._sending = False
        self._closed = False
        self._ended = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, and nothing that was taken is still being sent."""
        with self._changed:
            return not self._waiting and not self._held and not self._sending

    @property
    def held(self) -> int:
        """How many requests wait to be sent again."""
        return len(self._held)

    def put(self, task: Task, *, again: bool = False) -> bool:
        """Add a task.

        Args:
            task: the task.
            again: it was taken before: a closed batcher takes it too.

        Returns:
            False when the batcher is closed; the task was not added.
        """
        with self._changed:
            if self._ended or (self._closed and not again):
                return False
            queue = self._waiting.get(task.route)
            if queue is None:
                queue = self._waiting[task.route] = deque()
            queue.append(task)
            if self._idle:
                self._changed.notify()
            return True

    def hold(self, sending: Sending, wait_s: float, *, all_wait: bool) -> bool:
        """Have a request that failed come back.

        Args:
            sending: the request.
            wait_s: in how many seconds.
            all_wait: whether nothing else is given out until then: it would fail as well.

        Returns:
            False when the batcher has ended.
        """
        with self._changed:
            if self._ended:
                return False
            due = self._clock() + wait_s
            heapq.heappush(self._held, (due, next(self._numbers), sending))
            if all_wait:
                self._not_before = due
            self._changed.notify()
            return True

    def hurry(self, *, unwanted: bool = False) -> None:
        """Have held requests come back at once: all, or those that nobody wants any more."""
        if not self._held:
            return
        with self._changed:
            hurried = {number for _, number, one in self._held if not unwanted or not one.is_wanted}
            if hurried:
                self._not_before = float("-inf")
                self._held = [
                    (float("-inf") if number in hurried else due, number, one) for due, number, one in self._held
                ]
                heapq.heapify(self._held)
                self._changed.notify()

    def take(self) -> Batch | Sending | None:
        """Wait for a batch; its futures are running from here on, and what was cancelled before is not in it.

        Taking the next batch says that the last one has been sent, or is held.

        Returns:
            A batch, or a request that was held; None when the batcher is closed and nothing waits: `wait` tells whether
            anything will.
        """
        while (waiting := self._next()) is not None:
            if isinstance(waiting, Sending):
                return waiting
            route, tasks = waiting
            # Outside the lock: a cancelled future's callbacks run here, and may submit again.
            live = [task for task in tasks if task.future.set_running_or_notify_cancel()]
            if live:
                return Batch(route, live)
            del waiting, tasks, live  # nothing is kept while the next is waited for
        return None

    def _next(self) -> tuple[Route, list[Task]] | Sending | None:
        with self._changed:
            self._sending = False
            while (wait_s := self._wait_s()) != 0:
                if wait_s is None and self._closed:
                    return None
                self._idle = True
                self._changed.wait(wait_s)
                self._idle = False
            self._sending = True
            if self._held and (not self._waiting or self._held[0][0] <= self._clock()):
                return heapq.heappop(self._held)[2]
            route = max(self._waiting, key=_priority)  # the first of the largest
            queue = self._waiting[route]
            tasks = self._cut(queue)
            # What is left goes behind the other routes: none of them starves.
            del self._waiting[route]
            if queue:
                self._waiting[route] = queue
            return route, tasks

    def _wait_s(self) -> float | None:
        """Say how long to wait for the next; None: until something changes."""
        if self._ended or not (self._held or self._waiting):
            return None
        if not self._held:  # the usual case
            return 0
        due = self._held[0][0]
        if self._waiting:
            due = min(due, self._not_before)
        return min(max(0.0, due - self._clock()), threading.TIMEOUT_MAX)

    def _cut(self, queue: deque[Task]) -> list[Task]:
        tasks = [queue.popleft()]
        size = len(tasks[0].payload)
        while queue and len(tasks) < self._max_tasks and size + len(queue[0].payload) <= self._max_bytes:
            task = queue.popleft()
            size += len(task.payload)
            tasks.append(task)
        return tasks

    def wait(self) -> bool:
        """Wait, in a closed batcher, until a task is put again; False at its end."""
        with self._changed:
            while not self._waiting and not self._held and not self._ended:
                self._idle = True
                self._changed.wait()
                self._idle = False
            return not self._ended and bool(self._waiting or self._held)

    def close(self) -> None:
        """Take no more tasks but those that were taken before; `take` gives out what is there, then None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def end(self) -> None:
        """Take no more tasks at all."""
        with self._changed:
            self._closed = self._ended = True
            self._changed.notify_all()

    def drain(self, *, spare_next: bool = False) -> list[Task]:
        """Take everything that waits.

        Args:
            spare_next: leave the oldest task where nothing is being sent: it is on its way to `take`, whose thread may
                not have had the time to wake up, as a task is that a thread pool's idle worker is about to begin.
        """
        with self._changed:
            tasks = [task for queue in self._waiting.values() for task in queue]
            self._waiting.clear()
            if spare_next and tasks and not self._sending and not self._held:
                spared = tasks.pop(0)
                self._waiting[spared.route] = deque([spared])
            return tasks

    def drain_held(self) -> list[Task]:
        """Take the tasks of all requests that wait to be sent again."""
        with self._changed:
            held, self._held = self._held, []
            return [task for _, _, sending in held for task in sending.batch.tasks]


def _priority(route: Route) -> int:
    return route.priority
