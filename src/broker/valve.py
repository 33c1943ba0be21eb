"""The valve on the way in: whether a connection is read, and for what reasons it is not."""

from __future__ import annotations

import asyncio
from enum import Enum


class Reason(Enum):
    """Why a connection is not read."""

    MEMORY = "the queues are full and it publishes"
    DEAF = "it does not read what it is sent"


class Valve:
    """Reads a transport while there is no reason not to.

    Args:
        transport: what is read, or not.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._reasons: set[Reason] = set()

    @property
    def is_shut(self) -> bool:
        """Whether the transport is not read, so that silence means nothing."""
        return bool(self._reasons)

    def has(self, reason: Reason) -> bool:
        """Whether this is one of the reasons not to read."""
        return reason in self._reasons

    def shut(self, reason: Reason) -> None:
        """Add a reason not to read."""
        if not self._reasons and not self._transport.is_closing():
            self._transport.pause_reading()
        self._reasons.add(reason)

    def open(self, *reasons: Reason) -> None:
        """Take reasons away; with the last one, reading goes on."""
        if not self._reasons:
            return
        self._reasons.difference_update(reasons)
        if not self._reasons and not self._transport.is_closing():
            self._transport.resume_reading()
