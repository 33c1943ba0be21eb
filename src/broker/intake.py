"""What a connection that publishes may bring in: the bodies under way, and whether there is memory for more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pamqp import commands

from .errors import ConnectionRefusal
from .valve import Reason, Valve

if TYPE_CHECKING:
    from pamqp.base import Frame

    from .hub import Hub


class Intake:
    """The publishing side of one connection.

    Args:
        hub: knows the memory and the limits.
        valve: shut while memory is full, once the connection has published.
        send: sends a method on channel 0.

    Attributes:
        tells: whether the peer understands to be told that it is blocked.
    """

    def __init__(self, hub: Hub, valve: Valve, send: Callable[[Frame], None]) -> None:
        self.tells = False
        self._memory = hub.memory
        self._limit = hub.limits.message_bytes
        self._valve = valve
        self._send = send
        self._publishes = False
        self._reserved = 0

    def note_publish(self) -> None:
        """Remember that it publishes: such connections are not read when memory is full."""
        if not self._publishes:
            self._publishes = True
            self.memory_changed()

    def reserve(self, size: int) -> None:
        """Count a body that is coming in; a negative size lets go again.

        Raises:
            ConnectionRefusal: 506, too many large ones at a time.
        """
        self._reserved += size
        if size > 0 and self._reserved > self._limit:
            raise ConnectionRefusal(506, f"messages of {self._reserved} bytes come in at a time on a connection")

    def memory_changed(self) -> None:
        """Block or unblock the connection as memory is full or not."""
        block = self._publishes and self._memory.is_full
        if block == self._valve.has(Reason.MEMORY):
            return
        if self.tells:
            self._send(commands.Connection.Blocked("low on memory") if block else commands.Connection.Unblocked())
        if block:
            self._valve.shut(Reason.MEMORY)
        else:
            self._valve.open(Reason.MEMORY)

    def close(self) -> None:
        """Be read again, for what there is still to say."""
        self.tells = self._publishes = False
        self._valve.open(*Reason)
