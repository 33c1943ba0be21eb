"""When to try again, and when to stop trying: pure values, and a count of the time that was spent."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

#: What one try takes at most, as a rule: what goes by beyond it was spent asleep.
TRY_S = 120.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a retry: not at all, then `base_s`, doubling to `cap_s`, each jittered by a half.

    >>> Backoff(base_s=0.1).delay(0)
    0.0
    """

    base_s: float = 0.1
    cap_s: float = 10.0

    def delay(self, attempt: int) -> float:
        """Give the seconds to wait before retry number `attempt`, counted from 0."""
        if attempt == 0:
            return 0.0
        mean = min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 30))
        return mean * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not secrecy


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to keep trying, in seconds; 0 means once.

    Attributes:
        first_s: until the other side was reached for the first time: a wrong address should be told soon.
        away_s: while the other side, once reached, is away (unreachable, or HTTP 429, 502, 503, 504).
        broken_s: while it answers that it cannot (HTTP 500; a broker that refuses): mostly that is a fault that stays.
    """

    first_s: float = 5.0
    away_s: float = 60.0
    broken_s: float = 5.0

    def __post_init__(self) -> None:
        for name in ("first_s", "away_s", "broken_s"):
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"{name} must be 0 or more seconds, not {value!r}")

    def limit(self, *, was_reached: bool, is_broken: bool) -> float:
        """Give the seconds of failure after which to stop trying."""
        if not was_reached:
            return self.first_s
        return self.broken_s if is_broken else self.away_s


#: Of a connection that is to stay open.
LINK_PATIENCE = Patience(first_s=20.0, away_s=3600.0, broken_s=20.0)

#: Of who has an own idea of when to try again.
ONE_TRY = Patience(first_s=0.0, away_s=0.0, broken_s=0.0)


class Spell:
    """How long something has been failing, counted while this program was awake.

    A laptop that was closed over night has not tried for a night: of the time between two tries no more counts than
    was to be waited, and what a try takes.

    Attributes:
        spent_s: the seconds so far.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen_at: float | None = None
        self.spent_s = 0.0

    def count(self, waited_s: float = 0.0) -> float:
        """Count the time since the last call; the first one begins.

        Args:
            waited_s: how long was to be waited since then.

        Returns:
            The seconds so far.
        """
        now = self._clock()
        if self._seen_at is not None:
            self.spent_s += min(max(0.0, now - self._seen_at), waited_s + TRY_S)
        self._seen_at = now
        return self.spent_s

    def end(self) -> None:
        """Begin anew at the next `count`: it works again."""
        self._seen_at, self.spent_s = None, 0.0
