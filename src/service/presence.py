"""Whether an endpoint is online: judged from its last report, without I/O and without a clock of its own.

Source: Globus Compute wire protocol, endpoint life cycle, part 7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: An endpoint that does not say how often it reports is taken to do so this often (seconds).
DEFAULT_PERIOD_S = 30.0
#: Shorter periods are not believed: a loaded machine is late by seconds.
SHORTEST_PERIOD_S = 5.0
#: A report may be lost or late: an endpoint is away after two periods and this much (seconds).
GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Presence:
    """What the last report of an endpoint said.

    Attributes:
        reported_at: unix time of that report, or None when there never was one.
        period_s: how often the endpoint means to report.
        is_leaving: it said that it ends.
        error: it said that it could not start, and why.
    """

    reported_at: float | None = None
    period_s: float = DEFAULT_PERIOD_S
    is_leaving: bool = False
    error: str | None = None

    @property
    def expires_at(self) -> float | None:
        """When the endpoint counts as away unless it reports again; None when it does already."""
        if self.reported_at is None or self.is_leaving or self.error is not None:
            return None
        return self.reported_at + 2 * max(SHORTEST_PERIOD_S, self.period_s) + GRACE_S

    def is_online(self, now: float) -> bool:
        """Whether the endpoint is there to run tasks."""
        expires_at = self.expires_at
        return expires_at is not None and now < expires_at

    def away_s(self, now: float) -> float | None:
        """How long the endpoint has been away, in seconds since its last report; None when online or never seen."""
        if self.reported_at is None or self.is_online(now):
            return None
        return max(0.0, now - self.reported_at)


def read_report(global_state: Mapping[str, Any], now: float) -> Presence:
    """Read what a report says about the endpoint's presence.

    A period of zero or `active: false` says that the endpoint ends; an `error` that it could not start.
    """
    period = global_state.get("heartbeat_period")
    is_number = isinstance(period, (int, float)) and not isinstance(period, bool) and math.isfinite(period)
    period_s = float(period) if is_number and period is not None else DEFAULT_PERIOD_S
    error = global_state.get("error")
    return Presence(
        reported_at=now,
        period_s=max(period_s, 0.0),
        is_leaving=period_s <= 0 or global_state.get("active") is False,
        error=None if not error else str(error),
    )
