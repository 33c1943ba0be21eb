"""The broker as its owner sees it: it listens on a port, and its queues can be used from this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from .access import Authenticate, Permit
from .connection import Connection
from .errors import UnknownQueue
from .hub import Hub, Taken
from .limits import Limits
from .message import Message
from .queue import Queue
from .sink import Handler, Sink
from .statistics import Statistics

log = logging.getLogger(__name__)


class Server:
    """An AMQP 0-9-1 broker in memory. Everything here belongs to one asyncio loop, the one that runs when it is made.

    Args:
        authenticate: `authenticate(user, password)`: whether the credentials are good.
        permit: `permit(user, operation, resource, routing_key)`: whether that user may. Publish permissions are
            remembered per channel, so the answer for a user must not change.
        limits: the bounds.
        on_taken: `on_taken(queue, message_ids)` is called when consumers have acknowledged messages that were
            published in this process; once per queue and turn of the loop.
    """

    def __init__(
        self,
        *,
        authenticate: Authenticate,
        permit: Permit,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        on_taken: Taken | None = None,
    ) -> None:
        self._hub = Hub(authenticate, permit, limits)
        self._hub.on_taken = on_taken
        self._vhost = self._hub.vhost
        self._server: asyncio.Server | None = None
        self._sinks: dict[str, asyncio.Task[None]] = {}

    @property
    def on_taken(self) -> Taken | None:
        """What is called when consumers have acknowledged messages."""
        return self._hub.on_taken

    @on_taken.setter
    def on_taken(self, handler: Taken | None) -> None:
        self._hub.on_taken = handler

    # The port.

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; gives the port, which is free to choose when 0 is asked for.

        Raises:
            OSError: the port cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self._hub), host, port, backlog=512)
        chosen: int = self._server.sockets[0].getsockname()[1]
        log.info("AMQP broker listens on %s:%d", host, chosen)
        return chosen

    async def stop(self) -> None:
        """Close every connection, end every sink, and release the port. What is in the queues is forgotten."""
        if self._server is not None:
            self._server.close()
        await self._end_sinks()
        await self._close_connections()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def _close_connections(self) -> None:
        if not self._hub.connections:
            return
        empty = asyncio.Event()
        self._hub.on_empty = empty.set
        for connection in list(self._hub.connections):
            connection.shut()
        # Each connection cuts itself when its peer does not answer in `goodbye_s`.
        await empty.wait()

    async def _end_sinks(self) -> None:
        tasks = list(self._sinks.values())
        self._sinks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def statistics(self) -> Statistics:
        """Count what there is now."""
        return self._hub.statistics()

    # Its queues, used from this process.

    def declare_exchange(self, name: str, kind: str = "topic") -> None:
        """Make a durable exchange; nothing happens when it is there."""
        if name not in self._vhost.exchanges:
            self._vhost.declare_exchange(name, kind, durable=True, auto_delete=False)

    def declare_queue(self, name: str) -> None:
        """Make a durable queue; nothing happens when it is there."""
        if name not in self._vhost.queues:
            self._vhost.declare_queue(name, None, durable=True, exclusive=False, auto_delete=False)

    def bind_queue(self, queue: str, exchange: str, key: str) -> None:
        """Have what is published to `exchange` with a key that matches go to `queue`."""
        self._vhost.bind(self._queue(queue), exchange, key)

    def delete_queue(self, name: str) -> None:
        """Delete a queue and what is in it; nothing happens when it is not there."""
        task = self._sinks.pop(name, None)
        if task is not None:
            task.cancel()
        if name in self._vhost.queues:
            self._vhost.delete_queue(self._vhost.queues[name])

    async def publish(self, queue: str, messages: Iterable[Message]) -> None:
        """Put messages at the end of a queue, in order; waits while the queue is full.

        Raises:
            UnknownQueue: there is no such queue, or it was deleted meanwhile; the messages after that are not put.
            ValueError: a body is larger than `Limits.message_bytes`.
        """
        target = self._queue(queue)
        limit = self._hub.limits.message_bytes
        for message in messages:
            if len(message.body) > limit:
                raise ValueError(f"a message of {len(message.body)} bytes is over this broker's limit of {limit}")
            if not target.has_room or target.is_deleted:
                await target.wait_for_room()
            target.put(message)

    def attach(self, queue: str, handler: Handler) -> None:
        """Have `handler` take all that comes to a queue, in batches, one at a time, until `stop`.

        A message's publisher is confirmed when the handler has returned; a handler that raises is given the same batch
        again. Nobody else can consume from that queue.

        Raises:
            UnknownQueue: there is no such queue.
            RuntimeError: the queue has a handler or a consumer already.
        """
        target = self._queue(queue)
        if target.sink is not None or target.consumers:
            raise RuntimeError(f"queue {queue!r} has a consumer already")
        stale = self._sinks.pop(queue, None)
        if stale is not None:
            stale.cancel()  # its queue was deleted over the network
        sink = Sink(target, handler)
        self._sinks[queue] = asyncio.get_running_loop().create_task(sink.run(), name=f"sink of {queue}")
        target.attach(sink)

    def _queue(self, name: str) -> Queue:
        queue = self._vhost.queues.get(name)
        if queue is None:
            raise UnknownQueue(f"there is no queue {name!r} in this broker: declare it first")
        return queue
