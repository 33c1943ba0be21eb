"""The budget: when requests may go within a rate. Arithmetic on moments; reads no clock, waits for nothing."""

from __future__ import annotations

from collections import deque

#: The part of the limit that a burst may use at an even pace; the rest flows in over one window.
_BURST = 0.4


class Budget:
    """A record of requests, and two rules read off it. Not thread-safe.

    The limit: never more than `requests` in any `window_s`. The even pace, for who has a choice: a burst of 40 % of the
    limit at once, then a steady rate. A full burst and what flows in during one window make up the limit exactly: 8
    requests, then 1.2 a second, for the hosted service's 20 in 10 s.

    Args:
        requests, window_s: the rate.
        now: monotonic seconds.
    """

    def __init__(self, requests: int, window_s: float, now: float) -> None:
        self._window_s = window_s
        self._moments: deque[float] = deque(maxlen=requests)
        self._capacity = max(1.0, requests * _BURST)
        self._rate = max(requests - self._capacity, _BURST) / window_s
        self._tokens = self._capacity
        self._filled_at = now

    def free_in(self, now: float) -> float:
        """Say in how many seconds one more request may go; 0: at once."""
        if len(self._moments) < (self._moments.maxlen or 0):
            return 0.0
        return max(0.0, self._moments[0] + self._window_s - now)

    def even_in(self, now: float) -> float:
        """Say in how many seconds one more request would keep the even pace; 0: at once."""
        self._fill(now)
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def take(self, now: float) -> float:
        """Give the next free moment to a request and record it; say in how many seconds that is.

        Moments are given in the order in which they are asked for.
        """
        delay_s = self.free_in(now)
        moment = max(now + delay_s, self._moments[-1] if self._moments else now)
        self._moments.append(moment)
        self._fill(now)
        self._tokens -= 1.0
        return moment - now

    def _fill(self, now: float) -> None:
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._filled_at) * self._rate)
        self._filled_at = max(self._filled_at, now)
