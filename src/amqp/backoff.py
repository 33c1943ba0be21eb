"""When to try again, and when to stop trying: pure values."""

from __future__ import annotations

import random
from dataclasses import dataclass


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
    """How long to keep trying, in seconds.

    Attributes:
        first_s: until the first connection stands: a wrong address should be told soon.
        refused_s: while the broker answers and refuses (credentials, no such queue).
        unreachable_s: while a broker that was once there is away.
    """

    first_s: float = 20.0
    refused_s: float = 20.0
    unreachable_s: float = 3600.0

    def limit(self, *, ever_open: bool, refused: bool) -> float:
        """Give the seconds of failure after which to stop trying."""
        if not ever_open:
            return self.first_s
        return self.refused_s if refused else self.unreachable_s
