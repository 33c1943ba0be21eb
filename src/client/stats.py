"""ClientStats: what a client has done so far, as figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientStats:
    """What a client has done so far; a snapshot. What was made of it by `Client.patient` is counted with it.

    Attributes:
        retries: requests that were sent again because of a fault; of this client alone.
        waits: how often something waited so that the client's throttle is kept.
        waited_s: for how many seconds in all, over all threads.
    """

    retries: int = 0
    waits: int = 0
    waited_s: float = 0.0
