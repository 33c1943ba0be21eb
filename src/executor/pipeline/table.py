"""The table of futures that wait for a result, by task id. Starts no thread, does no I/O."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from ..future import Future

R = TypeVar("R")


class FutureTable(Generic[R]):
    """Brings results and futures together, whichever comes first.

    A result may overtake the answer that tells its task id: it is kept while a submission is in flight. One that nobody
    waits for then (a duplicate, somebody else's task in a shared group) is dropped.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[str, Future[Any]] = {}
        self._early: dict[str, R] = {}
        self._in_flight = 0

    def __len__(self) -> int:
        return len(self._futures)

    def begin(self) -> None:
        """Say that a submission is in flight: results of unknown tasks are kept from now on."""
        with self._lock:
            self._in_flight += 1

    def expect(self, futures: Iterable[tuple[str, Future[Any]]]) -> list[tuple[Future[Any], R]]:
        """Have futures wait for their results.

        Args:
            futures: pairs of a task id and the future that stands for it.

        Returns:
            The futures whose result is already here, with it.
        """
        matched: list[tuple[Future[Any], R]] = []
        with self._lock:
            for task_id, future in futures:
                early = self._early.pop(task_id, None)
                if early is None:
                    self._futures[task_id] = future
                else:
                    matched.append((future, early))
        return matched

    def end(self) -> None:
        """Say that a submission is over, answered or failed."""
        with self._lock:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._early.clear()

    def match(self, task_id: str, result: R) -> Future[Any] | None:
        """Give the future that waits for this result, and forget it; None when nobody waits (yet)."""
        with self._lock:
            future = self._futures.pop(task_id, None)
            if future is None and self._in_flight:
                self._early[task_id] = result
            return future

    def forget(self, task_id: str | None) -> bool:
        """Wait no longer for a task's result; False when nobody did."""
        with self._lock:
            return task_id is not None and self._futures.pop(task_id, None) is not None

    def futures(self) -> list[Future[Any]]:
        """Give the futures that wait."""
        with self._lock:
            return list(self._futures.values())

    def outstanding(self, task_group_id: str | None = None) -> list[str]:
        """Give the task ids that are waited for, of one task group or of all."""
        with self._lock:
            return [
                task_id
                for task_id, future in self._futures.items()
                if task_group_id is None or future.task_group_id == task_group_id
            ]

    def owed(self) -> dict[str, int]:
        """Count, by endpoint id, the results that are waited for."""
        with self._lock:
            return dict(Counter(future.endpoint_id or "" for future in self._futures.values()))

    def drain(self) -> list[Future[Any]]:
        """Take every future out, for a failure that none of them can survive."""
        with self._lock:
            futures = list(self._futures.values())
            self._futures.clear()
            self._early.clear()
            return futures
