"""The account of what all queues hold, and who has to wait when it is much."""

from __future__ import annotations

from collections.abc import Callable

from .limits import Limits

#: Once over a bound, the account has to come this far under it before things go on: no flutter at the edge.
_RELIEF = 0.9


class Memory:
    """Counts bytes; knows two bounds.

    Crowded (half of `Limits.memory_bytes`): publishers of this process wait for all but small queues.
    Full (all of it): publishing connections are not read.

    Args:
        limits: holds the bounds.
        on_full: called with True when the account gets full, with False when that is over.
    """

    def __init__(self, limits: Limits, on_full: Callable[[bool], None]) -> None:
        self.used = 0
        self.is_full = False
        self.is_crowded = False
        self._full_bytes = limits.memory_bytes
        self._crowded_bytes = limits.memory_bytes // 2
        self._on_full = on_full
        self._waiting: set[Callable[[], None]] = set()

    def add(self, size: int) -> None:
        """Count bytes that a queue took."""
        self.used += size
        if self.used > self._crowded_bytes:
            self.is_crowded = True
            if self.used > self._full_bytes and not self.is_full:
                self.is_full = True
                self._on_full(True)

    def remove(self, size: int) -> None:
        """Count bytes that a queue let go."""
        self.used -= size
        if not self.is_crowded:
            return
        if self.is_full and self.used < self._full_bytes * _RELIEF:
            self.is_full = False
            self._on_full(False)
        if self.used < self._crowded_bytes * _RELIEF:
            self.is_crowded = False
            waiting, self._waiting = self._waiting, set()
            for wake in waiting:
                wake()

    def when_relieved(self, wake: Callable[[], None]) -> None:
        """Have `wake()` called once when the account is no longer crowded."""
        self._waiting.add(wake)
