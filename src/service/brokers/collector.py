"""A collector: gathers the messages of one RabbitMQ consumer into batches for a handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ..broker import Incoming

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

log = logging.getLogger(__name__)

#: A handler that raises is given the same batch again after this long, doubling up to the second figure, in seconds.
_RETRY_S = 0.1
_RETRY_MAX_S = 5.0


class Collector:
    """Hands messages to a handler, one batch at a time; whatever came meanwhile is the next batch.

    Args:
        queue: their queue, for the log.
        handle: takes a batch; one that raises is given the batch again.
    """

    def __init__(self, queue: str, handle: Callable[[Sequence[Incoming]], Awaitable[None]]) -> None:
        self._queue = queue
        self._handle = handle
        self._pending: list[AbstractIncomingMessage] = []
        self._arrived = asyncio.Event()

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Take a message as it was delivered."""
        self._pending.append(message)
        self._arrived.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._pending = self._pending, []
            await self._persist([Incoming(one.body, one.routing_key or "", one.headers) for one in batch])
            await self._acknowledge(batch)

    async def _persist(self, batch: Sequence[Incoming]) -> None:
        delay = _RETRY_S
        while True:
            try:
                await self._handle(batch)
            except Exception:
                log.exception(
                    "queue %s: the handler failed on %d messages; trying again in %.1f s",
                    self._queue,
                    len(batch),
                    delay,
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, _RETRY_MAX_S)
            else:
                return

    async def _acknowledge(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        # After a reconnect a batch may hold deliveries of two channels; the last one of each covers the others.
        last = {id(message.channel): message for message in batch}
        for message in last.values():
            try:
                await message.ack(multiple=True)
            except Exception as error:  # noqa: BLE001 - whatever it is, the connection is gone and they come again
                log.info("queue %s: a batch could not be acknowledged, it will come again: %r", self._queue, error)
