"""Turns: each request of a client waits for its own, within the client's throttle. The one place where that is decided.

Transport.call ----> fits (size) ----> take (rate) ----> the request, and each time that it is sent again
Executor     ------> pace: before what may as well gather a little, so that the limit itself is hardly ever met
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from .budget import Budget
from .throttle import Throttle

log = logging.getLogger(__name__)


class Turns:
    """Says when a request may go, and keeps the account. Thread-safe: who asks first goes first; nothing is polled.

    One for a client and all that was made of it by `Client.patient`: what they send counts together.

    Args:
        throttle: the limits; None: none.
        clock: monotonic seconds.
    """

    def __init__(self, throttle: Throttle | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._throttle: Throttle | None = None
        self._budget: Budget | None = None
        #: By level of the log: from when on a wait is told again, after a window without one.
        self._quiet_from: dict[int, float] = {}
        self.waited_s = 0.0
        self.waits = 0
        self.throttle = throttle

    @property
    def throttle(self) -> Throttle | None:
        """The limits, or None. May be set: a new count begins."""
        return self._throttle

    @throttle.setter
    def throttle(self, value: Throttle | None) -> None:
        with self._mutex():
            self._throttle = value
            self._budget = None if value is None else Budget(value.requests, value.window_s, self._clock())

    def fits(self, doing: str, size_bytes: int | None) -> None:
        """Refuse a request that is too large.

        Args:
            doing: what is done, to follow "cannot".
            size_bytes: the size of its body, where it is known.

        Raises:
            PayloadTooLarge: or what the throttle has for it.
        """
        throttle = self._throttle
        if throttle is None or throttle.max_bytes is None or size_bytes is None or size_bytes <= throttle.max_bytes:
            return
        raise throttle.too_large(
            f"cannot {doing}: the request is {size_bytes:,} bytes, and {throttle.max_bytes:,} is the limit for one; it "
            "was not sent: split it, or pass a reference to where the data is"
        )

    def take(self, doing: str, wait: Callable[[float], object], *, may_refuse: bool = True) -> None:
        """Wait until one more request may go, and count it.

        Args:
            doing: what is done, for the log and to follow "cannot".
            wait: waits for that many seconds, or less where there is no more to wait for.
            may_refuse: whether one that has to wait is refused where the throttle says so.

        Raises:
            RateLimited: or what the throttle has for it; the request is not counted.
        """
        throttle = self._throttle
        if throttle is None:
            return
        with self._mutex():
            budget = self._budget
            if budget is None:  # switched off a moment ago
                return
            now = self._clock()
            free_in_s = budget.free_in(now)
            is_refused = free_in_s > 0 and may_refuse and throttle.too_many is not None
            delay_s = 0.0 if is_refused else budget.take(now)
        if is_refused and throttle.too_many is not None:
            error = throttle.too_many(
                f"cannot {doing}: this client has sent {throttle.requests} requests in the last "
                f"{throttle.window_s:g} s, which is its limit; the next may go in {free_in_s:.1f} s. Ask for several "
                "tasks in one request, wait instead of being refused, or switch the throttle off"
            )
            error.retry_after_s, error.is_passing = free_in_s, True
            raise error
        if delay_s > 0:
            self._wait(delay_s, wait, logging.WARNING, f"{doing}: waiting {delay_s:.1f} s", throttle)

    def pace(self, wait: Callable[[float], object]) -> None:
        """Wait until one more request would keep an even pace. Counts nothing: the request itself does, by `take`."""
        throttle = self._throttle
        if throttle is None:
            return
        with self._mutex():
            delay_s = 0.0 if self._budget is None else self._budget.even_in(self._clock())
        if delay_s > 0:
            self._wait(delay_s, wait, logging.INFO, "requests go at an even pace", throttle)

    def _wait(self, delay_s: float, wait: Callable[[float], object], level: int, what: str, throttle: Throttle) -> None:
        begun = self._clock()
        with self._mutex():
            before = self._quiet_from.get(level, begun)
            is_first = begun >= before
            self._quiet_from[level] = max(before, begun + delay_s + throttle.window_s)
            self.waits += 1
        if is_first:
            log.log(level, "%s, as no more than %d requests may go in %g s", what, throttle.requests, throttle.window_s)
        try:
            wait(delay_s)
        finally:
            with self._mutex():
                self.waited_s += max(0.0, self._clock() - begun)

    def _mutex(self) -> threading.Lock:
        if os.getpid() != self._process:  # forked: a thread of the parent may hold the lock, and never gives it back
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock
