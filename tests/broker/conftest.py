from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from farpool.broker import Limits
from farpool.service.brokers import EmbeddedBroker, RabbitBroker
from support.broker import EmbeddedServer, Peer, embedded_server
from support.broker_adapters import SECRET, Running, require_aio_pika
from support.rabbitmq import RabbitNode, rabbitmq_node, shared_directory


@pytest.fixture
def embedded() -> Iterator[EmbeddedServer]:
    with embedded_server(Limits()) as running:
        yield running


@pytest.fixture
def embedded_with() -> Iterator[Callable[..., EmbeddedServer]]:
    """Start embedded brokers with limits of the test's own."""
    servers: list[EmbeddedServer] = []

    def start(**limits: Any) -> EmbeddedServer:
        servers.append(EmbeddedServer(Limits(**limits)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
    with rabbitmq_node(shared_directory(tmp_path_factory)) as node:
        yield node


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq: RabbitNode) -> str:
    return rabbitmq.url()


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.live)])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """A broker: the embedded one, and RabbitMQ, which says what is right."""
    if request.param == "embedded":
        embedded: EmbeddedServer = request.getfixturevalue("embedded")
        yield embedded.peer
    else:
        peer = Peer(request.getfixturevalue("rabbitmq_url"), None)
        yield peer
        peer.close()


@pytest.fixture
def embedded_peer(embedded: EmbeddedServer) -> Peer:
    """The embedded broker alone, for what is its own."""
    return embedded.peer


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.live)])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    if request.param == "embedded":
        running = Running(lambda: EmbeddedBroker(SECRET))
    else:
        require_aio_pika()
        node: RabbitNode = request.getfixturevalue("rabbitmq")
        url = node.url()
        running = Running(lambda: RabbitBroker(url))
    yield running
    running.close()
