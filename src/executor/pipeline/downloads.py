"""Downloads: results by reference are read in threads of their own, which are there while there are any."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .threads import start

#: How many are fetched at a time, at most.
AT_A_TIME = 4


class Downloads:
    """Runs what fetches and settles, a few at a time.

    Args:
        done: called after each.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0

    def put(self, read: Callable[[], None]) -> None:
        """Have `read` called, which raises nothing."""
        with self._lock:
            self._waiting.append(read)
            starts = self._threads < AT_A_TIME
            self._threads += starts
        if starts:
            start("downloads", self._run, self._crashed)

    def _run(self) -> None:
        while (read := self._next()) is not None:
            read()
            del read  # it refers to a future, and that to its value
            self._done()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None

    def _crashed(self, _error: BaseException) -> None:
        with self._lock:
            self._threads -= 1
        self._done()
