"""The pacer: keeps requests inside the hosted service's rate, by letting more tasks gather."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: The hosted service's documented limit: 20 requests in any 10 seconds per client.
HOSTED_REQUESTS = 20
HOSTED_WINDOW_S = 10.0


class Pacer:
    """A token bucket: a burst at once, then a steady rate, and never more than `limit` in any `window_s`.

    The bucket holds 40 % of the limit and fills at such a rate that a full bucket and what flows in during one window
    make up the limit exactly: a burst of 8, then 1.2 requests a second for the hosted figures.

    Args:
        limit, window_s: the service's limit.
        wait: waits for that many seconds, or less when there is no more to wait for.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        limit: int = HOSTED_REQUESTS,
        window_s: float = HOSTED_WINDOW_S,
        wait: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = limit * 0.4
        self._rate = (limit - self._capacity) / window_s
        self._wait = wait
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = self._capacity
        self._filled_at = clock()

    def wait(self) -> None:
        """Wait until one more request is allowed, and count it."""
        delay = self._take()
        if delay > 0:
            self._wait(delay)

    def _take(self) -> float:
        with self._lock:
            now = self._clock()
            self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate)
