"""How many calls make a task: always the same number, or one found from measured times. No clock, no I/O."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

#: A number of calls, or `"auto"`.
ChunkSize: TypeAlias = "int | Literal['auto']"

#: Seconds that a task shall take: a hundred times what sending one costs, and short enough to spread evenly.
TARGET_S = 0.3

#: Seconds below which a task is not made smaller to spread it: sending it would cost more.
LEAST_S = 0.02

#: Packed characters of a task, or of its result, at most: what is larger is no cheaper by the call.
TARGET_BYTES = 1_000_000

#: A task is at most so many times larger than what has been measured: a few slow calls may follow quick ones.
GROWTH = 8

#: Tasks that each worker gets of what is left, where it is known how much that is: nobody is idle at the end.
SHARES = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """What one task has cost.

    Attributes:
        calls: how many it made.
        seconds: how long they ran.
        size_bytes: its packed arguments or its result, whichever is larger; 0 where it is not known.
    """

    calls: int
    seconds: float
    size_bytes: int = 0


class Sizes(Protocol):
    """Says how many calls the next task makes, and hears what tasks have cost."""

    def next(self) -> int:
        """Give the number of calls of the next task, at least 1."""
        ...

    def note(self, measured: Measured) -> None:
        """Hear what a task has cost."""
        ...


class FixedSize:
    """Always the same number of calls."""

    def __init__(self, calls: int) -> None:
        self._calls = calls

    def next(self) -> int:
        """Give the number."""
        return self._calls

    def note(self, measured: Measured) -> None:
        """Hear, and change nothing."""


class AutoSize:
    """A number of calls that takes `TARGET_S` as far as is known: one call at first, then more as times come in.

    Late measurements count most: each halves the weight of those before it.

    Args:
        workers: how many tasks run at the same time.
        calls: how many calls there are in all, at most; None where that is not known.
    """

    def __init__(self, *, workers: int, calls: int | None = None) -> None:
        self._workers = workers
        self._left = calls
        self._largest = 0
        self._calls = self._seconds = self._bytes = 0.0

    def next(self) -> int:
        """Give the number of calls of the next task: as long, as large and as many as all bounds allow."""
        bounds = [float(GROWTH * self._largest)]
        if self._seconds > 0:
            bounds.append(TARGET_S * self._calls / self._seconds)
        if self._bytes > 0:
            bounds.append(TARGET_BYTES * self._calls / self._bytes)
        if self._left is not None and self._seconds > 0:
            share = self._left / (SHARES * self._workers)
            bounds.append(max(share, LEAST_S * self._calls / self._seconds))
        size = max(1, int(min(bounds)))
        if self._left is not None:
            self._left -= size
        return size

    def note(self, measured: Measured) -> None:
        """Hear what a task has cost."""
        self._largest = max(self._largest, measured.calls)
        self._calls = self._calls / 2 + measured.calls
        self._seconds = self._seconds / 2 + measured.seconds
        self._bytes = self._bytes / 2 + measured.size_bytes


def sizes_for(chunksize: ChunkSize, *, workers: int, calls: int | None) -> Sizes:
    """Make what finds the sizes that a user asked for."""
    return AutoSize(workers=workers, calls=calls) if chunksize == "auto" else FixedSize(chunksize)


def cut(calls: Iterable[tuple[Any, ...]], sizes: Sizes) -> Iterator[list[tuple[Any, ...]]]:
    """Cut calls into chunks; the next is read, and its size asked for, when it is wanted."""
    iterator = iter(calls)
    while chunk := list(itertools.islice(iterator, sizes.next())):
        yield chunk
        del chunk  # what it holds is not kept while the next is waited for


def count_of(*iterables: Iterable[Any]) -> int | None:
    """Say how many calls iterables make, at most, without reading them; None where none of them knows."""
    known = [hint for one in iterables if (hint := operator.length_hint(one, -1)) >= 0]
    return min(known, default=None)
