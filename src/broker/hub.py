"""The hub: what all connections of a broker share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from .access import Authenticate, Permit
from .limits import Limits
from .memory import Memory
from .statistics import Statistics
from .vhost import VirtualHost

if TYPE_CHECKING:
    from .connection import Connection

log = logging.getLogger(__name__)

#: `taken(queue, message_ids)`: consumers have acknowledged these.
Taken: TypeAlias = Callable[[str, Sequence[str]], None]


class Hub:
    """What all connections share: the virtual host, the account of memory, the questions of access.

    Args:
        authenticate: whether a user's password is good.
        permit: whether a user may do something.
        limits: the bounds.
    """

    def __init__(self, authenticate: Authenticate, permit: Permit, limits: Limits) -> None:
        self.authenticate = authenticate
        self.permit = permit
        self.limits = limits
        self.memory = Memory(limits, self._memory_full)
        self.vhost = VirtualHost(limits, self.memory, self._take_note)
        self.connections: set[Connection] = set()
        self.on_taken: Taken | None = None
        self.on_empty: Callable[[], None] | None = None
        self._taken: dict[str, list[str]] = {}

    def _memory_full(self, full: bool) -> None:
        if full:
            log.warning(
                "the queues hold %d MiB: publishing connections are not read until consumers have taken some",
                self.memory.used >> 20,
            )
        else:
            log.info("the queues hold %d MiB: publishing connections are read again", self.memory.used >> 20)
        for connection in self.connections:
            connection.intake.memory_changed()

    def _take_note(self, queue: str, message_id: str) -> None:
        if self.on_taken is None:
            return
        if not self._taken:
            asyncio.get_running_loop().call_soon(self._tell_taken)
        self._taken.setdefault(queue, []).append(message_id)

    def _tell_taken(self) -> None:
        taken, self._taken = self._taken, {}
        if self.on_taken is None:
            return
        for queue, message_ids in taken.items():
            try:
                self.on_taken(queue, message_ids)
            except Exception:
                log.exception("queue %s: the handler of %d acknowledged messages failed", queue, len(message_ids))

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections and self.on_empty is not None:
            self.on_empty()

    def statistics(self) -> Statistics:
        """Count what there is now."""
        queues = self.vhost.queues.values()
        return Statistics(
            connections=len(self.connections),
            channels=sum(connection.channel_count for connection in self.connections),
            consumers=sum(len(queue.consumers) for queue in queues),
            exchanges=len(self.vhost.exchanges),
            queues=len(queues),
            ready=sum(len(queue) for queue in queues),
            unacked=sum(queue.unacked for queue in queues),
            bytes=self.memory.used,
            is_blocking=self.memory.is_full,
        )
