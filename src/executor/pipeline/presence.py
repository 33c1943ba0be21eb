"""Looks after results that do not come: asks for them, and after the endpoints that owe them. Lives on one loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ...amqp import Loop
from ...errors import FarpoolError

log = logging.getLogger(__name__)

#: Seconds without any result after which an endpoint is asked after: first soon, then seldom.
FIRST_CHECK_S = 5.0
NEXT_CHECK_S = 30.0


class Presence:
    """Where nothing has come for a while: asks for the outstanding results, and after the endpoints that owe them.

    Nothing is lost on the way of a result; but two programs that took up the same task group take its messages from
    each other, and then only asking helps. An absent endpoint is warned of once, and once when it is back.

    Args:
        loop: where the timer lives.
        owed: gives, by endpoint id, how many results are waited for.
        delivered: gives how many results have come so far.
        get_status: asks the service how an endpoint is; may block.
        reconcile: asks the service for outstanding results; may block.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        owed: Callable[[], Mapping[str, int]],
        delivered: Callable[[], int],
        get_status: Callable[[str], Mapping[str, Any]],
        reconcile: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._owed = owed
        self._delivered = delivered
        self._get_status = get_status
        self._reconcile = reconcile
        self._delivered_before = -1
        self._away: set[str] = set()
        self._watching = False

    def watch(self) -> None:
        """Begin to watch; nothing happens when that is so. Loop thread only."""
        if not self._watching:
            self._watching = True
            self._delivered_before = self._delivered()
            self._loop.call_later(FIRST_CHECK_S, self._check)

    def _check(self) -> None:
        owed = self._owed()
        if not owed:
            self._watching = False
            return
        delivered = self._delivered()
        if delivered == self._delivered_before:
            self._reconcile()
            for endpoint_id, tasks in self._owed().items():
                if endpoint_id:  # not known of tasks that were taken up by their group
                    self._ask(endpoint_id, tasks)
        was_quiet, self._delivered_before = delivered == self._delivered_before, delivered
        self._loop.call_later(NEXT_CHECK_S if was_quiet else FIRST_CHECK_S, self._check)

    def _ask(self, endpoint_id: str, tasks: int) -> None:
        try:
            status = self._get_status(endpoint_id)
        except FarpoolError as error:
            log.debug("could not ask after endpoint %s: %s", endpoint_id, error)
            return
        if status.get("status") == "online":
            if endpoint_id in self._away:
                self._away.discard(endpoint_id)
                log.warning("endpoint %s is back online; %d tasks go on", endpoint_id, tasks)
        elif endpoint_id not in self._away:
            self._away.add(endpoint_id)
            log.warning(
                "endpoint %s is offline%s; %d tasks stay at the service and run when it is back. "
                "Start it on its machine with: farpool endpoint start NAME",
                endpoint_id,
                _how_long(status),
                tasks,
            )


def _how_long(status: Mapping[str, Any]) -> str:
    details: dict[str, Any] = status.get("details") or {}
    away_s = details.get("away_s")
    return f" for {away_s:.0f} s" if isinstance(away_s, (int, float)) else ""
