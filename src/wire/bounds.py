"""How long a task may run, and before which others: checked alike by those who ask for it and those who do it."""

from __future__ import annotations

import math

#: The longest time-out, in seconds: thirty years; who means "for ever" leaves it out.
MAX_TIMEOUT_S = 1e9
#: Priorities are whole numbers from minus this to this.
MAX_PRIORITY = 2**31 - 1


def as_timeout(value: object, what: str = "timeout_s") -> float:
    """Return `value` as a number of seconds that a task may run.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not more than 0, or beyond `MAX_TIMEOUT_S`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} must be a number of seconds, not {value!r} ({type(value).__name__})")
    if math.isnan(value) or not 0 < value <= MAX_TIMEOUT_S:
        raise ValueError(f"{what} must be more than 0 and at most {MAX_TIMEOUT_S:.0f} seconds, not {value!r}")
    return value


def as_priority(value: object, what: str = "priority") -> int:
    """Return `value` as a priority.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is beyond `MAX_PRIORITY`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be a whole number, not {value!r} ({type(value).__name__})")
    if abs(value) > MAX_PRIORITY:
        raise ValueError(f"{what} must be between {-MAX_PRIORITY} and {MAX_PRIORITY}, not {value!r}")
    return value
