from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from farpool.amqp import Loop
from farpool.service.broker import Incoming, Outgoing
from farpool.service.brokers.embedded import EmbeddedBroker
from farpool.wire.queues import (
    RESULTS_EXCHANGE,
    RESULTS_QUEUE,
    QueueInfo,
    cancel_queue,
    results_routing_key,
    task_queue,
)

T = TypeVar("T")

ENDPOINT_ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
QUEUE = task_queue(ENDPOINT_ID)
BEFORE = cancel_queue(ENDPOINT_ID)


class RunningBroker:
    """The embedded broker on a loop in a thread of its own; what is published to its results queue is in `arrived`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.broker = EmbeddedBroker(b"0123456789abcdef")
        self.arrived: queue.Queue[bytes] = queue.Queue()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def start(self) -> None:
        self.call(self.broker.start())
        self.call(self.broker.declare(QUEUE))
        self.call(self.broker.declare(BEFORE))
        self.call(self.broker.consume(RESULTS_QUEUE, self._take))

    async def _take(self, messages: Any) -> None:
        for message in messages:
            assert isinstance(message, Incoming)
            self.arrived.put(message.body)

    def restart(self) -> None:
        """Die and come back on the same port, with nothing in memory."""
        self.call(self.broker.stop())
        self.start()

    def put(self, *bodies: bytes) -> None:
        self.call(self.broker.publish(QUEUE, [Outgoing(body, body.decode()) for body in bodies]))

    def put_before(self, *bodies: bytes) -> None:
        self.call(self.broker.publish(BEFORE, [Outgoing(body, body.decode()) for body in bodies]))

    @property
    def url(self) -> str:
        return self.broker.endpoint_url(ENDPOINT_ID)

    def results_info(self, url: str) -> QueueInfo:
        return QueueInfo(url, RESULTS_QUEUE, RESULTS_EXCHANGE, results_routing_key(ENDPOINT_ID))


@contextmanager
def running_broker() -> Generator[RunningBroker, None, None]:
    running = RunningBroker()
    thread = threading.Thread(target=running.loop.run_forever)
    thread.start()
    try:
        running.start()
        yield running
        running.call(running.broker.stop())
    finally:
        running.loop.call_soon_threadsafe(running.loop.stop)
        thread.join(10)
        running.loop.close()


@pytest.fixture
def broker() -> Iterator[RunningBroker]:
    with running_broker() as running:
        yield running


class LoopThread:
    """A farpool loop in a thread; `do` runs something there and waits for it."""

    def __init__(self) -> None:
        self.loop = Loop()
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def do(self, fn: Callable[[], T]) -> T:
        answer: queue.Queue[T] = queue.Queue()
        assert self.loop.call(lambda: answer.put(fn()))
        return answer.get(timeout=10)

    def close(self, *parts: Any) -> None:
        for part in parts:
            closed = threading.Event()
            self.loop.call(lambda part=part, closed=closed: part.close(closed.set))  # type: ignore[misc]
            assert closed.wait(10)
        self.loop.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()
