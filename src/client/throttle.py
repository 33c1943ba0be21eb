"""Throttle: the limits that a client keeps to by itself, and what it does at them. A value; `turns` applies it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import PayloadTooLarge, RateLimited
from .checks import duration, positive


@dataclass(frozen=True, slots=True)
class Throttle:
    """How many requests a client sends in a while, and how large they may be. Its defaults are the hosted service's.

    Attributes:
        requests: that many at most in any `window_s`.
        window_s: seconds.
        max_bytes: the largest body of a request; None: any. What goes by reference is not counted.
        too_many: the kind of error for a request that is one too many; None: it waits for its turn instead.
        too_large: the kind of error for a request that is too large.

    Raises:
        TypeError, ValueError: a limit is no number, or below 1 (for `window_s`: not above 0).
    """

    requests: int = 20
    window_s: float = 10.0
    max_bytes: int | None = 10_000_000
    too_many: type[RateLimited] | None = None
    too_large: type[PayloadTooLarge] = PayloadTooLarge

    def __post_init__(self) -> None:
        if positive(self.requests, "requests") is None:
            raise TypeError("requests must be an integer, not None: for no limit, make the client with throttle=False")
        duration(self.window_s, "window_s")
        positive(self.max_bytes, "max_bytes")


#: What the hosted service takes: 20 requests in any 10 seconds from one user, and 10 MB in one of them.
HOSTED = Throttle()


def throttle_for(wanted: object, *, is_hosted: bool) -> Throttle | None:
    """Say what a client keeps to.

    Args:
        wanted: what the user said: a throttle, True for the hosted limits, False for none, None for what fits.
        is_hosted: whether the service is the hosted one, which has limits.

    Raises:
        TypeError: `wanted` is something else.
    """
    if isinstance(wanted, Throttle):
        return wanted
    if wanted is None or isinstance(wanted, bool):
        return HOSTED if (is_hosted if wanted is None else wanted) else None
    raise TypeError(f"throttle must be a Throttle, True, False or None, not {wanted!r} ({type(wanted).__name__})")
