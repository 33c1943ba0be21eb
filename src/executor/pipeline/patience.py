"""How patient an executor is: for how long faults of network and service are outlived, by whom."""

from __future__ import annotations

from ...amqp import Patience

#: Seconds, where nothing is said.
PATIENCE_S = 3600.0

#: Where nothing is said: seconds until a service that was never reached is told as an error.
FIRST_S = 20.0


def checked(value: object) -> float | None:
    """Check the seconds for which to keep trying; None for the usual."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"patience must be a number of seconds, not {value!r} ({type(value).__name__})")
    if not value >= 0:
        raise ValueError(f"patience must be 0 or more seconds, it is {value!r}: 0 tries everything once")
    return float(value)


def of_callers(seconds: float | None, *, client_given: bool) -> Patience | None:
    """Give the patience of what a caller waits for, such as a registration; None: that of the client given."""
    if seconds is not None:
        return Patience(seconds, seconds, seconds)
    return None if client_given else Patience(FIRST_S, PATIENCE_S, PATIENCE_S)


def of_threads(seconds: float | None) -> Patience:
    """Give the patience of what the executor's own threads do: the service has been reached by then."""
    patience_s = PATIENCE_S if seconds is None else seconds
    return Patience(patience_s, patience_s, patience_s)
