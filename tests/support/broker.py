"""The broker under test, embedded or RabbitMQ, and what tests of it have in common."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from farpool.broker import Limits, Operation, Server, Statistics

from .raw_amqp import RawConnection

T = TypeVar("T")

USER = "somebody"
PASSWORD = "secret"


def authenticate(user: str, password: str) -> bool:
    return (user, password) == (USER, PASSWORD)


def permit(user: str, operation: Operation, resource: str, routing_key: str) -> bool:
    """Allow everything but what is called forbidden."""
    assert user == USER
    assert isinstance(operation, Operation)
    return "forbidden" not in resource and "forbidden" not in routing_key


def is_empty(now: Statistics) -> bool:
    """Say whether a broker holds nothing for anybody."""
    return (now.connections, now.channels, now.consumers, now.ready, now.unacked, now.bytes) == (0, 0, 0, 0, 0, 0)


def ignore(*_delivery: object) -> None:
    """Take a message and do nothing."""


class LoopThread:
    """An asyncio loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="a broker's loop")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop and wait for it."""
        return self.submit(work).result(30)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def do(self, step: Callable[[], T]) -> T:
        """Call something in the loop's thread."""

        async def work() -> T:
            return step()

        return self.run(work())

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class EmbeddedServer(LoopThread):
    """An embedded broker on a loop in a thread of its own.

    Attributes:
        server: belongs to that loop: `do` calls it there.
        peer: what connects to it; closed with it.
        taken: (queue, message ids) as `on_taken` was told.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.taken: list[tuple[str, list[str]]] = []
        self._limits = limits
        self.server = self.run(self._make())
        self.port = self.run(self.server.start())
        self.peer = Peer(self.url, self)

    async def _make(self) -> Server:
        return Server(
            authenticate=authenticate,
            permit=permit,
            limits=self._limits,
            on_taken=lambda queue, ids: self.taken.append((queue, list(ids))),
        )

    def statistics(self) -> Statistics:
        return self.do(self.server.statistics)

    def wait_until(self, condition: Callable[[Statistics], bool]) -> Statistics:
        """Wait until the broker's own count satisfies a condition."""

        async def wait() -> Statistics:
            while not condition(self.server.statistics()):
                await asyncio.sleep(0.005)
            return self.server.statistics()

        return self.run(asyncio.wait_for(wait(), 15))

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/%2F"

    def close(self) -> None:
        try:
            self.peer.close()
            self.run(self.server.stop())
        finally:
            super().close()


@contextmanager
def embedded_server(limits: Limits) -> Generator[EmbeddedServer, None, None]:
    running = EmbeddedServer(limits)
    try:
        yield running
    finally:
        running.close()


class Peer:
    """A broker under test, as a client sees it; every connection made through it is closed with the test.

    Attributes:
        url: leads there.
        embedded: the embedded broker, or None where it is RabbitMQ.
    """

    def __init__(self, url: str, embedded: EmbeddedServer | None) -> None:
        self.url = url
        self.embedded = embedded
        self._connections: list[Any] = []
        self._queues: list[str] = []

    def connect(self, url: str | None = None, **parameters: Any) -> Any:
        """Open a `BlockingConnection`. Any: pika's types are half there, and tests ask it for what no type allows."""
        settings: Any = pika.URLParameters(url or self.url)
        for name, value in parameters.items():
            setattr(settings, name, value)
        connection: Any = pika.BlockingConnection(settings)
        self._connections.append(connection)
        return connection

    def channel(self) -> Any:
        """Open a `BlockingChannel` on a connection of its own."""
        return self.connect().channel()

    def raw(self) -> RawConnection:
        return RawConnection(self.url)

    def name(self, what: str = "test") -> str:
        """Give a name that nobody else uses."""
        return f"{what}.{uuid.uuid4().hex}"

    def queue(self, channel: Any, *bodies: bytes, **arguments: Any) -> str:
        """Declare a queue with messages in it; it goes with the test."""
        name = self.name("queue")
        channel.queue_declare(name, **arguments)
        self._queues.append(name)
        for body in bodies:
            channel.basic_publish("", name, body)
        if bodies:  # the answer says that they have arrived: other channels may be quicker
            channel.queue_declare(name, passive=True)
        return name

    def wait_for_messages(self, queue: str, count: int) -> None:
        """Wait until so many messages wait in a queue."""
        channel = self.channel()
        while channel.queue_declare(queue, passive=True).method.message_count != count:
            channel.connection.process_data_events(0.01)

    def close(self) -> None:
        for connection in self._connections:
            if connection.is_open:
                connection.close()
        if self._queues and self.embedded is None:
            sweeper: Any = pika.BlockingConnection(pika.URLParameters(self.url))
            channel = sweeper.channel()
            for name in self._queues:
                channel.queue_delete(name)
            sweeper.close()


@contextmanager
def channel_refusal(code: int, text: str = "") -> Generator[None, None, None]:
    """Expect the channel to be closed by the broker with this code, and a text that holds `text`."""
    with pytest.raises(ChannelClosedByBroker) as caught:
        yield
    error: Any = caught.value
    assert (error.reply_code, text in error.reply_text) == (code, True), error


@contextmanager
def connection_refusal(code: int, text: str = "") -> Generator[None, None, None]:
    """Expect the connection to be closed by the broker with this code, and a text that holds `text`."""
    with pytest.raises(ConnectionClosedByBroker) as caught:
        yield
    error: Any = caught.value
    assert (error.reply_code, text in error.reply_text) == (code, True), error
