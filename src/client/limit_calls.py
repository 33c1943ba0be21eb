"""What the service says of its limits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..errors import WireError
from .bodies import json_body

if TYPE_CHECKING:
    from .transport import Transport

#: A service keeps to what it says as long as it runs, or longer; asked again after so many seconds.
_HOLDS_S = 600.0


class LimitCalls:
    """Calls about limits. Part of `Client`."""

    _transport: Transport
    _kept: tuple[float, float | None] | None = None

    @property
    def keep_results_s(self) -> float | None:
        """For how many seconds the service keeps a task that is finished, fetched or not; None: it does not say.

        The hosted service keeps a result that nobody fetches for 30 minutes, and does not say so.
        """
        if self._transport.is_hosted:
            return None
        known, now = self._kept, time.monotonic()
        if known is None or now - known[0] > _HOLDS_S:
            kept = self._transport.call("ask for its version", lambda pair: pair.v2.get_version(service="all"), _read)
            known = self._kept = (now, kept)
        return known[1]


def _read(body: Any) -> float | None:
    kept = json_body(body).get("keep_results_s")
    if kept is not None and not isinstance(kept, (int, float)):
        raise WireError(f"field 'keep_results_s' is a {type(kept).__name__}")
    return kept
