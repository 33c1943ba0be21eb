"""What the service asks of a message broker; `brokers/` holds the two that answer.

The embedded broker runs in the service's process and forgets with it; RabbitMQ runs beside it and remembers. The
service treats both alike but for `survives_restart`: what a forgetful broker had, the service publishes again from its
store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a queue.

    Attributes:
        body: the envelope, unread by the broker.
        message_id: the id of the task (or command) it carries; given back by `on_taken`.
        headers: AMQP headers: strings, integers, booleans and lists of strings.
        content_type: the AMQP content type.
        timestamp: unix time in seconds, or None for no timestamp.
    """

    body: bytes
    message_id: str
    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    content_type: str = "application/json"
    timestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that an endpoint published."""

    body: bytes
    routing_key: str
    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])


class QueueMissing(Exception):
    """There is no queue of that name: it was deleted, or never declared."""


class Broker(Protocol):
    """A message broker, as the service uses it: from one asyncio loop.

    Attributes:
        survives_restart: whether messages outlive this process.
    """

    survives_restart: bool

    async def start(self) -> None:
        """Listen or connect; declare the exchanges and queues of results and heartbeats (`wire.queues`)."""

    async def stop(self) -> None:
        """Close every connection and release the port."""

    def client_url(self, queue_prefix: str) -> str:
        """Issue an AMQP URL with which a client may consume the queues that begin with `queue_prefix`."""
        ...

    def endpoint_url(self, endpoint_id: str) -> str:
        """Issue an AMQP URL with which an endpoint may consume its queues and publish its results and reports."""
        ...

    async def declare(self, queue: str) -> None:
        """Make a durable queue; nothing happens when it is there."""

    async def delete(self, queue: str) -> None:
        """Delete a queue and what is in it; nothing happens when it is not there."""

    async def publish(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Put messages at the end of a queue, in order.

        Returns when the broker has them all in its keeping; waits while the queue is full.

        Raises:
            QueueMissing: there is no such queue.
        """

    async def consume(self, queue: str, handle: Callable[[Sequence[Incoming]], Awaitable[None]]) -> None:
        """Hand what arrives at a queue to `handle`, in batches, in order, one batch at a time, until `stop`.

        A batch is acknowledged (and its publishers confirmed, where the broker can wait that long) when `handle`
        returns. A `handle` that raises has its batch handed over again.
        """

    def on_taken(self, handler: Callable[[str, Sequence[str]], None]) -> None:
        """Have `handler(queue, message_ids)` called when consumers acknowledge messages.

        A broker that survives a restart does not call it: nobody needs to know.
        """
