"""The embedded broker as the service's `Broker`: names, passwords and permissions; `farpool.broker` does the rest."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator, Sequence
from urllib.parse import quote

from ...broker import Limits, Message, Operation, Route, Server, Statistics, UnknownQueue, make_message
from ...wire.queues import (
    HEARTBEATS_EXCHANGE,
    HEARTBEATS_QUEUE,
    RESULTS_EXCHANGE,
    RESULTS_QUEUE,
    cancel_queue,
    command_queue,
    heartbeats_routing_key,
    results_routing_key,
    task_queue,
)
from ..broker import Incoming, Outgoing, QueueMissing

CLIENT = "client."
ENDPOINT = "endpoint."

#: Messages encoded between two turns of the loop: a large publish must not keep everybody else waiting.
_TURN = 200


class EmbeddedBroker:
    """A broker in this process, which forgets with it. Make and use it on one asyncio loop.

    User names are ``client.<queue prefix>`` and ``endpoint.<endpoint id>``, passwords an HMAC of the name: there is
    nothing to store, and what was issued stays good for as long as the secret does.

    Args:
        secret: the key of the HMAC.
        host: the address to listen on.
        port: the port to listen on; 0 for a free one.
        public_host: the host in the URLs that are issued, where it is another than the one to listen on.
        limits: the broker's bounds.

    Attributes:
        port: the port it listens on, once started.
    """

    survives_restart = False

    def __init__(
        self,
        secret: bytes,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        public_host: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
    ) -> None:
        if len(secret) < 16:
            raise ValueError(f"the broker's secret has {len(secret)} bytes: 16 is the least that keeps passwords safe")
        self.port = port
        self._host = host
        self._public_host = public_host or host
        self._secret = secret
        self._limits = limits
        self._server: Server | None = None
        self._taken: Callable[[str, Sequence[str]], None] | None = None

    async def start(self) -> None:
        """Listen, and declare the exchanges and queues of results and heartbeats.

        Raises:
            OSError: the port cannot be had.
        """
        server = Server(authenticate=self._authenticate, permit=permit, limits=self._limits, on_taken=self._tell_taken)
        for exchange, queue, key in (
            (RESULTS_EXCHANGE, RESULTS_QUEUE, results_routing_key("*")),
            (HEARTBEATS_EXCHANGE, HEARTBEATS_QUEUE, heartbeats_routing_key("*")),
        ):
            server.declare_exchange(exchange)
            server.declare_queue(queue)
            server.bind_queue(queue, exchange, key)
        self.port = await server.start(self._host, self.port)
        self._server = server

    async def stop(self) -> None:
        """Close every connection and release the port; what is in the queues is forgotten."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    def client_url(self, queue_prefix: str) -> str:
        """Issue an AMQP URL with which a client may consume the queues that begin with `queue_prefix`.

        Raises:
            ValueError: the prefix is empty: that would be all queues.
        """
        if not queue_prefix:
            raise ValueError("an empty queue prefix would let a client read every queue: give each identity its own")
        return self._url(CLIENT + queue_prefix)

    def endpoint_url(self, endpoint_id: str) -> str:
        """Issue an AMQP URL with which an endpoint may consume its queues and publish its results and reports."""
        return self._url(ENDPOINT + endpoint_id)

    async def declare(self, queue: str) -> None:
        """Make a durable queue; nothing happens when it is there."""
        self._running.declare_queue(queue)

    async def delete(self, queue: str) -> None:
        """Delete a queue and what is in it; nothing happens when it is not there."""
        self._running.delete_queue(queue)

    async def publish(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Put messages at the end of a queue, in order; waits while the queue is full.

        Raises:
            QueueMissing: there is no such queue.
        """
        route = Route("", queue)
        try:
            for start in range(0, len(messages), _TURN):
                if start:
                    await asyncio.sleep(0)
                await self._running.publish(queue, _encoded(route, messages[start : start + _TURN]))
        except UnknownQueue as error:
            raise QueueMissing(queue) from error

    async def consume(self, queue: str, handle: Callable[[Sequence[Incoming]], Awaitable[None]]) -> None:
        """Hand what arrives at a queue to `handle`, in batches; publishers are confirmed when it returns.

        Raises:
            QueueMissing: there is no such queue.
        """

        async def take(messages: Sequence[Message]) -> None:
            await handle([Incoming(one.body, one.route.routing_key, one.headers) for one in messages])

        try:
            self._running.attach(queue, take)
        except UnknownQueue as error:
            raise QueueMissing(queue) from error

    def on_taken(self, handler: Callable[[str, Sequence[str]], None]) -> None:
        """Have `handler(queue, message_ids)` called when consumers acknowledge messages."""
        self._taken = handler

    def statistics(self) -> Statistics:
        """Count what the broker holds now."""
        return self._running.statistics()

    @property
    def _running(self) -> Server:
        if self._server is None:
            raise RuntimeError("the embedded broker is not running: call start() first")
        return self._server

    def _tell_taken(self, queue: str, message_ids: Sequence[str]) -> None:
        if self._taken is not None:
            self._taken(queue, message_ids)

    def _url(self, user: str) -> str:
        name, password = quote(user, safe=""), self._password(user)
        host = f"[{self._public_host}]" if ":" in self._public_host else self._public_host
        return f"amqp://{name}:{password}@{host}:{self.port}/%2F"

    def _password(self, user: str) -> str:
        return hmac.new(self._secret, user.encode(), hashlib.sha256).hexdigest()

    def _authenticate(self, user: str, password: str) -> bool:
        if not user.startswith((CLIENT, ENDPOINT)):
            return False
        return hmac.compare_digest(self._password(user).encode(), password.encode())


def _encoded(route: Route, messages: Sequence[Outgoing]) -> Iterator[Message]:
    for one in messages:
        yield make_message(
            route,
            one.body,
            message_id=one.message_id,
            headers=one.headers,
            content_type=one.content_type,
            timestamp=one.timestamp,
        )


_READS = frozenset({Operation.INSPECT_QUEUE, Operation.CONSUME})


def permit(user: str, operation: Operation, resource: str, routing_key: str) -> bool:
    """Say whether a user of the embedded broker may do something; the rules are in the docstring of `broker.Broker`."""
    if user.startswith(CLIENT):
        prefix = user[len(CLIENT) :]
        return bool(prefix) and operation in _READS and resource.startswith(prefix)
    if user.startswith(ENDPOINT):
        return _permit_endpoint(user[len(ENDPOINT) :], operation, resource, routing_key)
    return False


def _permit_endpoint(endpoint_id: str, operation: Operation, resource: str, routing_key: str) -> bool:
    if operation is Operation.INSPECT_EXCHANGE:
        return resource in {RESULTS_EXCHANGE, HEARTBEATS_EXCHANGE}
    if operation in _READS and resource in {
        task_queue(endpoint_id),
        cancel_queue(endpoint_id),
        command_queue(endpoint_id),
    }:
        return True
    if operation is Operation.INSPECT_QUEUE:
        return resource in {RESULTS_QUEUE, HEARTBEATS_QUEUE}
    return operation is Operation.PUBLISH and (resource, routing_key) in {
        (RESULTS_EXCHANGE, results_routing_key(endpoint_id)),
        (HEARTBEATS_EXCHANGE, heartbeats_routing_key(endpoint_id)),
    }
