"""Uploads: which blobs are at the service; each is sent by one thread, however many want it. Sends none itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future

#: Services keep what nobody uses for a day: so long, in seconds, what was there is taken to be there.
FRESH_S = 3600.0
#: How many blobs are remembered.
REMEMBER = 10_000


class Uploads:
    """Remembers what is at the service. Thread-safe: its dicts' single operations are. Shared by all clients of it."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        # With the process: after a fork nobody in the child finishes what the parent has begun.
        self._under_way: dict[tuple[int, str], Future[None]] = {}

    def keep(self, digest: str, has: Callable[[str], bool], put: Callable[[str], None]) -> str:
        """Have a blob at the service. Blocks while this or another thread sends it.

        Args:
            digest: its name.
            has: asks whether it is there.
            put: sends it.

        Returns:
            Its name.

        Raises:
            ServiceError: as `has` and `put` do.
        """
        while not self._is_fresh(digest):
            mine: Future[None] = Future()
            other = self._under_way.setdefault((os.getpid(), digest), mine)
            if other is mine:
                self._send(digest, has, put, mine)
            else:
                other.exception()  # whatever came of it, look again: should it have failed, it is our turn
        return digest

    def forget(self) -> None:
        """Take nothing to be there any more."""
        self._known.clear()

    def _is_fresh(self, digest: str) -> bool:
        known = self._known.get(digest)
        return known is not None and time.monotonic() - known < FRESH_S

    def _send(self, digest: str, has: Callable[[str], bool], put: Callable[[str], None], done: Future[None]) -> None:
        try:
            if not has(digest):
                put(digest)
            self._known[digest] = time.monotonic()
            if len(self._known) > REMEMBER:
                self._known.pop(next(iter(self._known)), None)
        finally:
            del self._under_way[os.getpid(), digest]
            done.set_result(None)
