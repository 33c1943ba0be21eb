"""The alarms: what is to happen to a future that takes too long. Lives on one loop, with one timer for all."""

from __future__ import annotations

import heapq
import itertools
import time
import weakref
from collections.abc import Callable
from typing import Any

from ...amqp import Loop, Timer
from ..future import Future


class Alarms:
    """Calls back for futures that are not done in time; those that are done are forgotten. Loop thread only."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, weakref.ref[Future[Any]], Callable[[Future[Any]], None]]] = []
        self._numbers = itertools.count()
        self._timer: Timer | None = None

    def set(self, future: Future[Any], due: float, ring: Callable[[Future[Any]], None]) -> None:
        """Have `ring(future)` called at `due`, a `time.monotonic` figure, unless the future is done or gone by then."""
        while self._heap and _is_over(
            self._heap[0][2]
        ):  # a deadline may be days away: what is done does not wait for it
            heapq.heappop(self._heap)
        first = not self._heap or due < self._heap[0][0]
        heapq.heappush(self._heap, (due, next(self._numbers), weakref.ref(future), ring))
        if first:
            self._arm()

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = self._loop.call_later(max(0.0, self._heap[0][0] - time.monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = time.monotonic()
        while self._heap:
            due, _, reference, ring = self._heap[0]
            future = reference()
            waits = future is not None and not future.done()
            if waits and due > now:
                break
            heapq.heappop(self._heap)  # before it rings: the call may set another
            if future is not None and waits:
                ring(future)
        self._arm()


def _is_over(reference: weakref.ref[Future[Any]]) -> bool:
    future = reference()
    return future is None or future.done()
