r"""Jobs that wait, by the environment that they must run in, and which environment a worker is to serve next. Pure.

    plain        [high: a] [usual: b, c]     \
    venv /opt/v  [usual: d, e]                >  a worker serves one line; which, `successor` says
    podman img   [usual: f]                  /

To begin to serve another line costs a worker process, so a worker stays with its line while there is something in it:
but not when another line has jobs of a higher priority, and not for longer than its turn when another has fewer workers
than an equal share of them, at least one. So no line waits for ever, and workers do not change for each job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from .waiting import Waiting

J = TypeVar("J")

#: Seconds that a worker stays with its line while another wants it.
TURN_S = 2.0

#: A line: the type and the location of an environment, or None for the endpoint's own Python.
Key: TypeAlias = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Demand:
    """A line in which jobs wait.

    Attributes:
        key: which.
        waiting: how many.
        priority: of the first of them.
        starting: workers of it that start.
        workers: all workers of it.
    """

    key: Key
    waiting: int
    priority: int = 0
    starting: int = 0
    workers: int = 0

    @property
    def wants_more(self) -> bool:
        """Whether one more worker would be of use."""
        return self.starting < self.waiting


def successor(own: Key, demands: Sequence[Demand], *, total: int, served_s: float) -> Key:
    """Say which line a worker serves now that it is idle: its own, perhaps with nothing in it, or another one.

    Args:
        own: the line that it has served.
        demands: the lines in which jobs wait, in the order in which their first jobs are to be run.
        total: how many workers there are.
        served_s: for how long it has served its own.
    """
    mine = next((one for one in demands if one.key == own), None)
    for other in demands:
        if other.key == own or not other.wants_more:
            continue
        if mine is None or other.priority > mine.priority:
            return other.key
        if served_s >= TURN_S and other.workers < max(1, total // len(demands)):
            return other.key
    return own


class Lines(Generic[J]):
    """Jobs by task id, in a line for each environment."""

    def __init__(self) -> None:
        self._lines: dict[Key, Waiting[J]] = {}
        self._key_of: dict[str, Key] = {}
        self._number = 0
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._key_of)

    def __iter__(self) -> Iterator[str]:
        """Give the task ids, line after line."""
        return iter(tuple(self._key_of))

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._key_of

    def put(self, task_id: str, job: J, *, key: Key, priority: int = 0, is_first: bool = False) -> None:
        """Have a job wait in a line: behind those of its priority, or before them."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Waiting()
        line.put(task_id, job, priority=priority, is_first=is_first)
        self._key_of[task_id] = key
        self._number += 1
        self._numbers[task_id] = -self._number if is_first else self._number

    def has(self, key: Key) -> bool:
        """Whether something waits in a line."""
        return key in self._lines

    def only(self, key: Key) -> bool:
        """Whether something waits in this line, and nothing in others."""
        return len(self._lines) == 1 and key in self._lines

    def pop(self, key: Key) -> J:
        """Take the job of a line that is to be run next.

        Raises:
            KeyError: none waits.
        """
        return self.take(self._lines[key].head[0])

    def take(self, task_id: str) -> J:
        """Take a job out of its line.

        Raises:
            KeyError: it does not wait.
        """
        key = self._key_of.pop(task_id)
        del self._numbers[task_id]
        job = self._lines[key].take(task_id)
        if not self._lines[key]:
            del self._lines[key]
        return job

    def drop(self, key: Key) -> list[J]:
        """Take all jobs out of a line."""
        return [self.take(task_id) for task_id in tuple(self._lines.get(key, ()))]

    def clear(self) -> None:
        """Forget all."""
        self._lines.clear()
        self._key_of.clear()
        self._numbers.clear()

    def demands(self, starting: Mapping[Key, int], workers: Mapping[Key, int]) -> list[Demand]:
        """Say in which lines jobs wait, in the order in which their first jobs are to be run.

        Args:
            starting: workers that start, by line.
            workers: all workers, by line.
        """
        heads = {key: line.head for key, line in self._lines.items()}
        order = sorted(heads, key=lambda key: (-heads[key][1], self._numbers[heads[key][0]]))
        return [
            Demand(key, len(self._lines[key]), heads[key][1], starting.get(key, 0), workers.get(key, 0))
            for key in order
        ]
