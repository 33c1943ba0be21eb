"""The window of a map: its tasks that were submitted and not yet taken. Waits for them, in a thread or in asyncio."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

if sys.version_info >= (3, 11):
    #: What is raised when the time of a map is over.
    TimeOver = TimeoutError
else:  # Python 3.10 has two of them: whichever somebody expects is right

    class TimeOver(concurrent.futures.TimeoutError, TimeoutError):
        """The time of a map is over."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A task of a map.

    Attributes:
        future: stands for it.
        calls: how many calls it makes.
        place: which of the map's tasks it is, from 0; for what a reduction makes of several, the first of them.
        end: the place after the last one that it stands for.
    """

    future: Future[Any]
    calls: int = 1
    place: int = 0
    end: int = 1


class Window:
    """Tasks that were submitted and not yet taken, and the way to the next one that is finished.

    One thread, or one asyncio task, adds and takes. What tells of a finished task refers to no task: nothing is kept
    alive by it.

    Args:
        ordered: whether tasks are taken in the order in which they were added, or as they finish.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._tasks: dict[int, Sent] = {}
        self._numbers = itertools.count()
        self._finished = _Finished()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, task: Sent) -> None:
        """Add a task."""
        number = next(self._numbers)
        self._tasks[number] = task
        if not self._ordered:
            self._watch(number)

    def take(self, timeout: float | None = None) -> Sent:
        """Wait for the next task, and take it.

        Raises:
            Empty: it did not finish within `timeout` seconds.
        """
        first = self._first()
        return self._tasks.pop(self._finished.get(timeout) if first is None else first)

    async def take_async(self, timeout: float | None = None) -> Sent:
        """Wait for the next task in asyncio, and take it; otherwise as `take`."""
        first = self._first()
        return self._tasks.pop(await self._finished.get_async(timeout) if first is None else first)

    def drain(self) -> list[Future[Any]]:
        """Take all that is left, finished or not."""
        futures = [task.future for task in self._tasks.values()]
        self._tasks.clear()
        return futures

    def _first(self) -> int | None:
        """Give the number of the task that comes first, if it is finished; else have it told."""
        if not self._ordered:
            return None
        number = next(iter(self._tasks))
        if self._tasks[number].future.done():
            return number
        self._watch(number)
        return None

    def _watch(self, number: int) -> None:
        self._tasks[number].future.add_done_callback(partial(self._finished.put, number))


class _Finished:
    """Numbers of finished tasks, from whichever threads they come."""

    def __init__(self) -> None:
        self._numbers: SimpleQueue[int] = SimpleQueue()
        self._wake: Callable[[], object] | None = None

    def put(self, number: int, _future: object = None) -> None:
        self._numbers.put(number)
        wake = self._wake
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits there any more
                wake()

    def get(self, timeout: float | None) -> int:
        return self._numbers.get(timeout=None if timeout is None else max(0.0, timeout))

    async def get_async(self, timeout: float | None) -> int:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()

        def stop_waiting() -> None:
            if not waiting.done():
                waiting.set_result(None)

        timer = None if timeout is None else loop.call_later(max(0.0, timeout), stop_waiting)
        self._wake = partial(loop.call_soon_threadsafe, stop_waiting)
        try:
            # In this order: what is put from here on wakes us.
            if self._numbers.empty():
                await waiting
            return self._numbers.get_nowait()
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()


__all__ = ["Empty", "Sent", "TimeOver", "Window"]
