"""When a request is sent again: decided by time, not by count. Owns the waiting between attempts; sends nothing."""

from __future__ import annotations

import logging
import random
import threading
import time

from globus_sdk.transport import RetryCheckResult, RetryConfig, RetryContext

from .causes import is_lasting, was_never_sent
from .patience import Patience

log = logging.getLogger(__name__)

_RATE_LIMITED = 429
_BROKEN = 500
#: What passes by itself: too many requests, a service that starts, stops or is behind a proxy that cannot reach it.
_PASSING = frozenset({_RATE_LIMITED, 502, 503, 504})

_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0
#: Waits before somebody is told: by then about a second has gone by.
_QUIET_RETRIES = 4
#: Patience ends a request, not a count.
_ENOUGH = 1_000_000


class Reach:
    """What the calls of one client share: whether the service was ever reached, and whether the client is closing."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.was_reached = False

    def after_fork(self) -> Reach:
        """Give what a forked child shares: the same, with a lock that no thread of the parent holds."""
        reach = Reach()
        reach.was_reached = self.was_reached
        return reach


class Retries:
    """Decides for one request at a time, by the hooks that globus-sdk has for it.

    globus-sdk sends a request up to `max_retries` + 1 times. After each it asks the checks, in order, until one
    decides; before the next it sleeps for what `backoff` returns, up to `max_sleep`. Here `check` decides first, and
    `wait` waits in such a way that `Reach.closing` ends it, and returns 0.
    """

    def __init__(self, patience: Patience, reach: Reach) -> None:
        self._patience = patience
        self._reach = reach
        self._began = 0.0
        self._doing = ""
        self._idempotent = True

    def config(self) -> RetryConfig:
        """Make the configuration for a globus-sdk client."""
        config = RetryConfig(max_retries=_ENOUGH, max_sleep=0, backoff=self.wait)
        config.checks.register_check(self.check)
        return config

    def begin(self, doing: str, *, idempotent: bool) -> None:
        """Start the clock for a call.

        Args:
            doing: what is done, for the log, such as "submit 3 tasks to endpoint 4b11...".
            idempotent: whether doing it twice is the same as once.
        """
        self._began = time.monotonic()
        self._doing = doing
        self._idempotent = idempotent

    def check(self, context: RetryContext) -> RetryCheckResult:
        """Say whether to send again (globus-sdk's `RetryCheck`)."""
        if context.exception is None:
            self._reach.was_reached = True
            limit_s = self._limit_of(context)
        elif is_lasting(context.exception):
            return RetryCheckResult.do_not_retry
        else:
            limit_s = self._patience.away_s if self._reach.was_reached else self._patience.first_s
        if limit_s is None:
            return RetryCheckResult.no_decision
        delay_s = _delay(context)
        spent_s = time.monotonic() - self._began
        if spent_s + delay_s > limit_s or self._reach.closing.is_set():
            return RetryCheckResult.do_not_retry
        context.backoff = delay_s
        self._tell(context, limit_s - spent_s)
        return RetryCheckResult.do_retry

    def wait(self, context: RetryContext) -> float:
        """Wait before the next attempt (globus-sdk's `backoff`); returns what is left to sleep, which is nothing."""
        if context.backoff:
            self._reach.closing.wait(context.backoff)
        return 0.0

    def _limit_of(self, context: RetryContext) -> float | None:
        status = None if context.response is None else context.response.status_code
        if status == _BROKEN:
            return self._patience.broken_s
        return self._patience.away_s if status in _PASSING else None

    def _tell(self, context: RetryContext, left_s: float) -> None:
        what = "no answer" if context.response is None else f"HTTP status {context.response.status_code}"
        if not self._idempotent and _was_perhaps_done(context):
            log.warning("%s: the answer was lost (%s); it is sent again and may be done twice", self._doing, what)
        elif context.attempt == _QUIET_RETRIES:
            log.warning("%s: %s; trying for up to %.0f s more", self._doing, what, left_s)
        else:
            log.debug("%s: %s; attempt %d follows", self._doing, what, context.attempt + 2)


def _was_perhaps_done(context: RetryContext) -> bool:
    if context.response is not None:
        return context.response.status_code in {_BROKEN, 502, 504}
    return context.exception is not None and not was_never_sent(context.exception)


def _delay(context: RetryContext) -> float:
    told_s = _told_delay(context)
    if told_s is not None:
        return told_s
    mean_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(context.attempt, 10))
    return mean_s * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not secrecy


def _told_delay(context: RetryContext) -> float | None:
    if context.response is None:
        return None
    try:
        told_s = float(context.response.headers.get("Retry-After", ""))
    except ValueError:  # absent, or a date: clocks differ, so our own delays serve better
        return None
    return told_s if 0 <= told_s < float("inf") else None
