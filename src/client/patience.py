"""How long a call keeps trying: a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call keeps trying, in seconds; 0 means that it tries once.

    Attributes:
        first_s: while this client has not reached the service yet: a wrong address should be told soon.
        away_s: while the service is away (unreachable, or 429, 502, 503, 504): it survives the restart of a service.
        broken_s: while it answers 500: mostly that is a fault that stays.
    """

    first_s: float = 5.0
    away_s: float = 60.0
    broken_s: float = 5.0

    def __post_init__(self) -> None:
        for name in ("first_s", "away_s", "broken_s"):
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"{name} must be 0 or more seconds, not {value!r}")
