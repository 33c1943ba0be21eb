"""Jobs that wait for a worker: higher priority first, equal ones in the order in which they came. Pure."""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator
from operator import neg
from typing import Generic, TypeVar

J = TypeVar("J")


class Waiting(Generic[J]):
    """Jobs by task id, in the order in which they are to be run."""

    def __init__(self) -> None:
        self._lines: dict[int, OrderedDict[str, J]] = {}
        self._priorities: list[int] = []  # of the lines, highest first
        self._priority_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._priority_of)

    def __iter__(self) -> Iterator[str]:
        """Give the task ids in the order in which they are to be run."""
        return (task_id for priority in self._priorities for task_id in self._lines[priority])

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._priority_of

    def put(self, task_id: str, job: J, *, priority: int = 0, is_first: bool = False) -> None:
        """Have a job wait: behind those of its priority, or before them."""
        line = self._lines.get(priority)
        if line is None:
            line = self._lines[priority] = OrderedDict()
            insort(self._priorities, priority, key=neg)
        line[task_id] = job
        self._priority_of[task_id] = priority
        if is_first:
            line.move_to_end(task_id, last=False)

    @property
    def head(self) -> tuple[str, int]:
        """The task id of the job that is to be run next, and its priority.

        Raises:
            IndexError: none waits.
        """
        priority = self._priorities[0]
        return next(iter(self._lines[priority])), priority

    def pop(self) -> J:
        """Take the job that is to be run next.

        Raises:
            IndexError: none waits.
        """
        return self.take(self.head[0])

    def take(self, task_id: str) -> J:
        """Take a job out of the line.

        Raises:
            KeyError: it does not wait.
        """
        priority = self._priority_of.pop(task_id)
        line = self._lines[priority]
        job = line.pop(task_id)
        if not line:
            del self._lines[priority]
            self._priorities.remove(priority)
        return job

    def clear(self) -> None:
        """Forget all."""
        self._lines.clear()
        self._priorities.clear()
        self._priority_of.clear()
