"""The attempts: tasks that may be tried again, kept until they need not be. Starts no thread, does no I/O."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

from ..future import Future
from .task import Task

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    task: Task
    attempts: int = 1


class Attempts:
    """Holds on to tasks with retries: their packed arguments are needed again when an attempt fails.

    Attributes:
        made: how many attempts were made beyond the first ones.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Future[Any], _Kept] = {}
        self._waiting: set[Future[Any]] = set()
        self.made = 0

    def waiting(self) -> list[Future[Any]]:
        """Give the futures whose task waits for the time of its next attempt."""
        with self._lock:
            return list(self._waiting)

    def keep(self, task: Task) -> None:
        """Hold on to a task, if it may be tried again."""
        if task.retry.retries:
            with self._lock:
                self._kept[task.future] = _Kept(task)

    def drop(self, future: Future[Any]) -> None:
        """Let a task go: its future is settled."""
        if self._kept:
            with self._lock:
                self._kept.pop(future, None)
                self._waiting.discard(future)

    def next(self, future: Future[Any], error: BaseException) -> tuple[Task, float] | None:
        """Say what follows a failure: the task, and in how many seconds; it waits until `begin`. None: nothing more."""
        kept = self._kept.get(future)
        if kept is None:
            return None
        try:
            wait_s = kept.task.retry.wait_s(kept.attempts, error)
        except Exception:
            log.exception("the backoff given for task %s failed: it is not tried again", future.task_id)
            wait_s = None
        if wait_s is None:
            self.drop(future)
            return None
        log.info("task %s failed, attempt %d follows in %.1f s", future.task_id, kept.attempts + 1, wait_s)
        with self._lock:
            kept.attempts += 1
            self.made += 1
            self._waiting.add(future)
        return kept.task, wait_s

    def begin(self, future: Future[Any]) -> bool:
        """Say that the time of a task that waited has come; False when its future is settled."""
        with self._lock:
            self._waiting.discard(future)
            return future in self._kept
