"""Errands: what blocks is done in a few threads, which are there while there is something to do."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

#: How many run at a time, at most.
AT_A_TIME = 4


class Errands:
    """Runs calls that block. Thread-safe.

    Attributes:
        stopping: set by `stop`: calls that wait look at it.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0

    def put(self, errand: Callable[[], None]) -> None:
        """Have `errand` called, which raises nothing."""
        with self._lock:
            self._waiting.append(errand)
            starts = self._threads < AT_A_TIME
            self._threads += starts
        if starts:
            # A daemon: an agent that ends waits for no download.
            threading.Thread(target=self._run, name="farpool blobs", daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more."""
        self.stopping.set()
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                errand = self._waiting.popleft()
            errand()
