"""RabbitMQ as the service's `Broker`, through aio-pika: it runs beside the service and remembers.

Clients and endpoints are given the account of the URL the service itself uses: credentials of their own come through
RabbitMQ's management, which this does not speak yet. So serve with it only people who may see each other's tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ...errors import FarpoolError
from ...wire.queues import (
    HEARTBEATS_EXCHANGE,
    HEARTBEATS_QUEUE,
    RESULTS_EXCHANGE,
    RESULTS_QUEUE,
    heartbeats_routing_key,
    results_routing_key,
)
from ..broker import Incoming, Outgoing, QueueMissing
from .collector import Collector
from .outbox import RETRY_S, aio_pika, lost, publish

if TYPE_CHECKING:
    from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Messages that a consumer holds at most: one batch is being handled while the next one fills up.
_PREFETCH = 2000
#: How long RabbitMQ may take to connect, and to answer a declare or a delete, in seconds.
_ANSWER_S = 10.0


class RabbitBroker:
    """RabbitMQ, reached by an AMQP URL. Make and use it on one asyncio loop.

    A lost connection is opened again; what was not confirmed is published again, so a consumer may see a message twice.

    Args:
        url: ``amqp[s]://user:password@host:port/vhost``. It is also what clients and endpoints are given: the host must
            be one they can reach.

    Raises:
        FarpoolError: that is not an AMQP URL.
    """

    survives_restart = True

    def __init__(self, url: str) -> None:
        self._url = _normal(url)
        # Two: one that publishes is not read while RabbitMQ is short of memory, and acknowledgements must be.
        self._connections: list[AbstractRobustConnection] = []
        self._publishing: AbstractRobustChannel | None = None
        self._declaring: AbstractRobustChannel | None = None
        self._collectors: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, and declare the exchanges and queues of results and heartbeats.

        Raises:
            FarpoolError: aio-pika is not installed, or RabbitMQ is not there or refuses the credentials.
        """
        pika = aio_pika()
        try:
            for _ in range(2):
                connection = await pika.connect_robust(self._url, timeout=_ANSWER_S, reconnect_interval=RETRY_S)
                self._connections.append(connection)
        except (*pika.exceptions.CONNECTION_EXCEPTIONS, asyncio.TimeoutError) as error:
            await self.stop()
            raise FarpoolError(
                f"RabbitMQ at {_place(self._url)} could not be used: {str(error) or repr(error)}. "
                "Check that it runs there, and the user, password and virtual host in the AMQP URL"
            ) from error
        self._declaring = await _new_channel(self._connections[0])
        self._publishing = await _new_channel(self._connections[1])
        for exchange, queue, key in (
            (RESULTS_EXCHANGE, RESULTS_QUEUE, results_routing_key("*")),
            (HEARTBEATS_EXCHANGE, HEARTBEATS_QUEUE, heartbeats_routing_key("*")),
        ):
            await self._declaring.declare_exchange(exchange, pika.ExchangeType.TOPIC, durable=True, robust=False)
            declared = await self._declaring.declare_queue(queue, durable=True, robust=False)
            await declared.bind(exchange, key, robust=False)
        log.info("RabbitMQ at %s is the message broker", _place(self._url))

    async def stop(self) -> None:
        """Close the connections; what was not acknowledged stays in RabbitMQ."""
        for task in self._collectors:
            task.cancel()
        await asyncio.gather(*self._collectors, return_exceptions=True)
        self._collectors.clear()
        self._publishing = self._declaring = None
        connections, self._connections = self._connections, []
        for connection in connections:
            await connection.close()

    def client_url(self, queue_prefix: str) -> str:
        """Give the AMQP URL: RabbitMQ has one account for all."""
        del queue_prefix
        return self._url

    def endpoint_url(self, endpoint_id: str) -> str:
        """Give the AMQP URL: RabbitMQ has one account for all."""
        del endpoint_id
        return self._url

    async def declare(self, queue: str) -> None:
        """Make a durable queue; nothing happens when it is there."""
        await self._persist(lambda channel: channel.declare_queue(queue, durable=True, robust=False))

    async def delete(self, queue: str) -> None:
        """Delete a queue and what is in it; nothing happens when it is not there."""
        await self._persist(lambda channel: channel.queue_delete(queue))

    async def publish(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Put messages at the end of a queue, in order; returns when RabbitMQ has confirmed them all.

        Raises:
            QueueMissing: there is no such queue.
        """
        await publish(_running(self._publishing), queue, messages)

    async def consume(self, queue: str, handle: Callable[[Sequence[Incoming]], Awaitable[None]]) -> None:
        """Hand what arrives at a queue to `handle`, in batches, acknowledged when it returns.

        Publishers are confirmed by RabbitMQ when it has a message, not when it is handled.

        Raises:
            QueueMissing: there is no such queue.
        """
        _running(self._declaring)
        channel = await _new_channel(self._connections[0])
        await channel.set_qos(_PREFETCH)
        try:
            source = await channel.declare_queue(queue, durable=True, passive=True)
        except aio_pika().exceptions.ChannelNotFoundEntity as error:
            raise QueueMissing(queue) from error
        collector = Collector(queue, handle)
        await source.consume(collector.take)
        task = asyncio.get_running_loop().create_task(collector.run(), name=f"consumer of {queue}")
        self._collectors.append(task)

    def on_taken(self, handler: Callable[[str, Sequence[str]], None]) -> None:
        """Do nothing: what RabbitMQ has it remembers, so nobody needs to know."""

    async def _persist(self, step: Callable[[AbstractRobustChannel], Awaitable[object]]) -> None:
        """Take a step that may be taken twice, again where the connection was lost."""
        while True:
            channel = _running(self._declaring)
            await channel.ready()
            try:
                await asyncio.wait_for(step(channel), _ANSWER_S)
            except lost(aio_pika()) as error:
                log.info("RabbitMQ was lost before it answered (%r): asking again", error)
                await asyncio.sleep(RETRY_S)
            else:
                return


async def _new_channel(connection: Any) -> AbstractRobustChannel:
    return cast("AbstractRobustChannel", await connection.channel(on_return_raises=True))


def _running(part: T | None) -> T:
    if part is None:
        raise RuntimeError("RabbitMQ is not connected: call start() first")
    return part


def _normal(url: str) -> str:
    """Write a URL so that every AMQP client reads the same out of it."""
    parts = urlsplit(url)
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise FarpoolError(
            f"the AMQP URL begins with {parts.scheme!r} and names host {parts.hostname!r}: "
            "it must look like amqp://user:password@host:5672/%2F"
        )
    vhost = quote(unquote(parts.path[1:]) or "/", safe="")
    return urlunsplit((parts.scheme, parts.netloc, f"/{vhost}", parts.query, ""))


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5672}"
