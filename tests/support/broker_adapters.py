"""The service's two brokers, each running on a loop of its own."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import pika

from farpool.service.broker import Broker, Incoming
from support.broker import LoopThread
from support.environments import missing

EP = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER_EP = "00000000-1703-4f8f-9f6f-39921e5864df"
SECRET = b"0123456789abcdef"


def require_aio_pika() -> None:
    if find_spec("aio_pika") is None:
        missing("aio-pika is not installed")


class Running(LoopThread):
    """A started broker on a loop of its own; what its results queue got is in `arrived`."""

    def __init__(self, make: Callable[[], Broker]) -> None:
        super().__init__()
        self.broker = self.do(make)
        self.run(self.broker.start())
        self.arrived: queue.Queue[Sequence[Incoming]] = queue.Queue()
        self.connections: list[Any] = []

    def consume_results(self) -> None:
        self.run(self.broker.consume("results", self._take))

    async def _take(self, batch: Sequence[Incoming]) -> None:
        self.arrived.put(batch)

    def arrivals(self, count: int) -> list[Incoming]:
        got: list[Incoming] = []
        while len(got) < count:
            got += self.arrived.get(timeout=20)
        return got

    def connect(self, url: str) -> Any:
        self.connections.append(pika.BlockingConnection(pika.URLParameters(url)))
        return self.connections[-1].channel()

    def close(self) -> None:
        try:
            for connection in self.connections:
                if connection.is_open:
                    connection.close()
            self.run(self.broker.stop())
        finally:
            super().close()
