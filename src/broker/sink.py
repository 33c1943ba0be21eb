"""A sink: an async function of this process that takes what comes to a queue, in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .confirms import Ticket
    from .message import Message
    from .queue import Queue

log = logging.getLogger(__name__)

Handler: TypeAlias = "Callable[[Sequence[Message]], Awaitable[None]]"

#: A handler that raises is given the same batch again after this long, doubling up to the second figure, in seconds.
_RETRY_S = 0.1
_RETRY_MAX_S = 5.0


class Sink:
    """Hands the messages of a queue to a handler, one batch at a time; whatever came meanwhile is the next batch.

    A message leaves the queue, and its publisher is confirmed, when the handler has returned.

    Args:
        queue: whose messages they are.
        handler: takes a batch; one that raises is given the batch again.
    """

    def __init__(self, queue: Queue, handler: Handler) -> None:
        self._queue = queue
        self._handler = handler
        self._pending: list[tuple[Message, Ticket | None]] = []
        self._arrived = asyncio.Event()
        self._batch: list[tuple[Message, Ticket | None]] = []

    def put(self, message: Message, ticket: Ticket | None) -> None:
        """Take a message; `ticket` is told when it is dealt with."""
        self._pending.append((message, ticket))
        self._arrived.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._batch, self._pending = self._pending, []
            await self._handle([message for message, _ in self._batch])
            for message, ticket in self._batch:
                self._queue.settle(message)
                if ticket is not None:
                    ticket.done()
            self._batch = []

    def give_up(self) -> None:
        """Let go of what is not dealt with: the queue is gone, or the broker stops."""
        for message, ticket in (*self._batch, *self._pending):
            self._queue.settle(message)
            if ticket is not None:
                ticket.lost()
        self._batch, self._pending = [], []

    async def _handle(self, batch: Sequence[Message]) -> None:
        delay = _RETRY_S
        while True:
            try:
                await self._handler(batch)
            except Exception:
                log.exception(
                    "queue %s: the handler failed on %d messages; trying again in %.1f s",
                    self._queue.name,
                    len(batch),
                    delay,
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, _RETRY_MAX_S)
            else:
                return
