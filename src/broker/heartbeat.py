"""Heartbeats: one is sent where nothing else was, and a peer that sends nothing for two intervals is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: A connection is looked at so many times per interval.
_LOOKS = 2


class Heartbeat:
    """Watches one connection.

    Args:
        interval_s: the interval agreed on with the peer.
        beat: called twice per interval; sends a heartbeat if nothing else was sent since.
        lost: called when the peer has been silent for two intervals.

    Attributes:
        has_received: to be set when something has come, or when silence means nothing.
    """

    def __init__(self, interval_s: float, *, beat: Callable[[], None], lost: Callable[[], None]) -> None:
        self.has_received = True
        self._step_s = interval_s / _LOOKS
        self._beat = beat
        self._lost = lost
        self._silent = 0
        self._timer = asyncio.get_running_loop().call_later(self._step_s, self._look)

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        self._silent = 0 if self.has_received else self._silent + 1
        self.has_received = False
        if self._silent >= 2 * _LOOKS:
            self._lost()
            return
        self._timer = asyncio.get_running_loop().call_later(self._step_s, self._look)
        self._beat()
