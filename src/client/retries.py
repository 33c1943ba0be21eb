"""When a request is sent again: decided by time, not by count. Owns the waiting between attempts; sends nothing."""

from __future__ import annotations

import logging
import threading

from globus_sdk.transport import RetryCheckResult, RetryConfig, RetryContext

from ..amqp import Backoff, Patience, Spell
from ..errors import ServiceError
from .causes import is_lasting, was_never_sent
from .turns import Turns

log = logging.getLogger(__name__)

_RATE_LIMITED = 429
_BROKEN = 500
#: What passes by itself: too many requests, a service that starts, stops or is behind a proxy that cannot reach it.
_PASSING = frozenset({_RATE_LIMITED, _BROKEN, 502, 503, 504})

_BACKOFF = Backoff(base_s=0.05, cap_s=2.0)
#: Waits before somebody is told: by then about a second has gone by.
_QUIET_RETRIES = 4
#: Seconds for which it is not worth saying that it is tried on: the error comes soon enough.
_SOON_S = 2.0
#: Patience ends a request, not a count.
_ENOUGH = 1_000_000


class Reach:
    """What the calls of one client share: whether the service was ever reached, and whether the client is closing.

    Attributes:
        retries: how many requests were sent again.
    """

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.was_reached = False
        self.retries = 0

    def after_fork(self) -> Reach:
        """Give what a forked child shares: the same, with a lock that no thread of the parent holds."""
        reach = Reach()
        reach.was_reached = self.was_reached
        return reach


class Retries:
    """Decides for one request at a time, by the hooks that globus-sdk has for it.

    globus-sdk sends a request up to `max_retries` + 1 times. After each it asks the checks, in order, until one
    decides; before the next it sleeps for what `backoff` returns, up to `max_sleep`. Here `check` decides first, and
    `wait` waits in such a way that `Reach.closing` ends it, takes the turn of one more request, and returns 0.
    """

    def __init__(self, patience: Patience, reach: Reach, turns: Turns) -> None:
        self._patience = patience
        self._reach = reach
        self._turns = turns
        self._spell = Spell()
        self._waited_s = 0.0
        self._doing = ""
        self._idempotent = self._once = True
        self._is_passing = self._perhaps_done = False
        self._retry_after_s: float | None = None

    def config(self) -> RetryConfig:
        """Make the configuration for a globus-sdk client."""
        config = RetryConfig(max_retries=_ENOUGH, max_sleep=0, backoff=self.wait)
        config.checks.register_check(self.check)
        return config

    def begin(self, doing: str, *, idempotent: bool, once: bool) -> None:
        """Start the clock for a call.

        Args:
            doing: what is done, for the log, such as "submit 3 tasks to endpoint 4b11...".
            idempotent: whether doing it twice is the same as once.
            once: whether what may have been done must not be sent again.
        """
        self._spell = Spell()
        self._spell.count()
        self._waited_s = 0.0
        self._doing, self._idempotent, self._once = doing, idempotent, once
        self._is_passing = self._perhaps_done = False
        self._retry_after_s = None

    def tell(self, error: ServiceError) -> ServiceError:
        """Note on a call's error what became of its attempts."""
        error.retry_after_s = self._retry_after_s
        error.is_passing = self._is_passing
        error.perhaps_done = self._perhaps_done
        return error

    def check(self, context: RetryContext) -> RetryCheckResult:
        """Say whether to send again (globus-sdk's `RetryCheck`)."""
        was_reached = self._reach.was_reached
        is_foreign = was_reached and _is_page(context)
        if context.exception is None and not _is_page(context):
            self._reach.was_reached = was_reached = True
        self._is_passing = is_foreign or _is_passing(context)
        self._retry_after_s = _told_delay(context)
        if not self._is_passing:
            lasting = context.exception is not None
            return RetryCheckResult.do_not_retry if lasting else RetryCheckResult.no_decision
        self._perhaps_done |= is_foreign or _was_perhaps_done(context)
        limit_s = self._patience.limit(was_reached=was_reached, is_broken=_status(context) == _BROKEN)
        delay_s = _BACKOFF.delay(context.attempt) if self._retry_after_s is None else self._retry_after_s
        spent_s = self._spell.count(self._waited_s)
        is_over = limit_s <= 0 or spent_s + delay_s > limit_s or self._reach.closing.is_set()
        if is_over or (self._once and self._perhaps_done):
            return RetryCheckResult.do_not_retry
        context.backoff = self._waited_s = delay_s
        self._reach.retries += 1
        self._say(context, limit_s - spent_s)
        return RetryCheckResult.do_retry

    def wait(self, context: RetryContext) -> float:
        """Wait before the next attempt (globus-sdk's `backoff`); returns what is left to sleep, which is nothing."""
        if context.backoff:
            self._reach.closing.wait(min(context.backoff, threading.TIMEOUT_MAX))
        self._turns.take(self._doing, self._reach.closing.wait, may_refuse=False)
        return 0.0

    def _say(self, context: RetryContext, left_s: float) -> None:
        what = "no answer" if context.response is None else f"HTTP status {context.response.status_code}"
        if not self._idempotent and _was_perhaps_done(context):
            log.warning("%s: the answer was lost (%s); it is sent again and may be done twice", self._doing, what)
        elif context.attempt == _QUIET_RETRIES and left_s > _SOON_S:
            log.warning("%s: %s; trying for up to %.0f s more", self._doing, what, left_s)
        else:
            log.debug("%s: %s; attempt %d follows", self._doing, what, context.attempt + 2)


def _status(context: RetryContext) -> int | None:
    return None if context.response is None else context.response.status_code


def _is_passing(context: RetryContext) -> bool:
    if context.exception is not None:
        return not is_lasting(context.exception)
    return _status(context) in _PASSING


def _is_page(context: RetryContext) -> bool:
    """Whether the answer is a page for people, such as that of a network that wants a login first."""
    response = context.response
    return response is not None and response.ok and "text/html" in response.headers.get("Content-Type", "")


def _was_perhaps_done(context: RetryContext) -> bool:
    if context.response is not None:
        return context.response.status_code in {_BROKEN, 502, 504}
    return context.exception is not None and not was_never_sent(context.exception)


def _told_delay(context: RetryContext) -> float | None:
    if context.response is None:
        return None
    try:
        told_s = float(context.response.headers.get("Retry-After", ""))
    except ValueError:  # absent, or a date: clocks differ, so our own delays serve better
        return None
    return told_s if 0 <= told_s < float("inf") else None
