"""What the embedded broker adds: names, passwords, permissions, and who has taken what."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import pytest
from pika import exceptions

from farpool.broker import Operation
from farpool.service.broker import Incoming, Outgoing
from farpool.service.brokers import EmbeddedBroker
from farpool.service.brokers.embedded import permit
from support.broker_adapters import EP, OTHER_EP, SECRET, Running


@pytest.fixture
def embedded_broker() -> Iterator[Running]:
    running = Running(lambda: EmbeddedBroker(SECRET))
    yield running
    running.close()


def test_consumers_acknowledgements_are_told_with_their_ids(embedded_broker: Running) -> None:
    taken: queue.Queue[tuple[str, list[str]]] = queue.Queue()
    embedded_broker.broker.on_taken(lambda name, ids: taken.put((name, list(ids))))
    embedded_broker.run(embedded_broker.broker.declare("me.q"))
    embedded_broker.run(
        embedded_broker.broker.publish("me.q", [Outgoing(b"%d" % number, f"id-{number}") for number in range(5)])
    )
    channel = embedded_broker.connect(embedded_broker.broker.client_url("me."))
    last = [channel.basic_get("me.q")[0].delivery_tag for _ in range(5)][3]
    channel.basic_ack(last, multiple=True)
    assert taken.get(timeout=10) == ("me.q", ["id-0", "id-1", "id-2", "id-3"])


def test_an_endpoint_is_confirmed_only_when_the_handler_has_returned(embedded_broker: Running) -> None:
    gate = embedded_broker.do(asyncio.Event)
    order: list[str] = []

    async def handle(batch: Sequence[Incoming]) -> None:
        await gate.wait()
        order.append("stored")

    embedded_broker.run(embedded_broker.broker.consume("results", handle))
    channel = embedded_broker.connect(embedded_broker.broker.endpoint_url(EP))
    channel.confirm_delivery()
    embedded_broker.loop.call_soon_threadsafe(embedded_broker.loop.call_later, 0.1, gate.set)
    channel.basic_publish("results", f"{EP}.results", b"x")
    order.append("confirmed")
    assert order == ["stored", "confirmed"]


@pytest.mark.parametrize(
    ("operation", "resource", "key", "client", "endpoint"),
    [
        (Operation.CONSUME, "me.group", "", True, False),
        (Operation.INSPECT_QUEUE, "me.group", "", True, False),
        (Operation.CONSUME, "you.group", "", False, False),
        (Operation.CONSUME, f"{EP}.tasks", "", False, True),
        (Operation.CONSUME, f"{EP}.commands", "", False, True),
        (Operation.INSPECT_QUEUE, f"{EP}.tasks", "", False, True),
        (Operation.CONSUME, f"{OTHER_EP}.tasks", "", False, False),
        (Operation.CONSUME, "results", "", False, False),
        (Operation.INSPECT_QUEUE, "results", "", False, True),
        (Operation.INSPECT_QUEUE, "heartbeats", "", False, True),
        (Operation.INSPECT_EXCHANGE, "results", "", False, True),
        (Operation.INSPECT_EXCHANGE, "amq.topic", "", False, False),
        (Operation.PUBLISH, "results", f"{EP}.results", False, True),
        (Operation.PUBLISH, "heartbeats", f"{EP}.heartbeats", False, True),
        (Operation.PUBLISH, "results", f"{OTHER_EP}.results", False, False),
        (Operation.PUBLISH, "results", f"{EP}.heartbeats", False, False),
        (Operation.PUBLISH, "", "me.group", False, False),
        (Operation.PUBLISH, "", f"{EP}.tasks", False, False),
        (Operation.DECLARE_QUEUE, "me.mine", "", False, False),
        (Operation.DELETE_QUEUE, f"{EP}.tasks", "", False, False),
        (Operation.PURGE_QUEUE, "me.group", "", False, False),
        (Operation.BIND_QUEUE, "me.group", "#", False, False),
        (Operation.DECLARE_EXCHANGE, "results", "", False, False),
        (Operation.DELETE_EXCHANGE, "results", "", False, False),
    ],
)
def test_users_may_do_what_their_names_say_and_nothing_else(
    operation: Operation, resource: str, key: str, client: bool, endpoint: bool
) -> None:
    assert permit("client.me.", operation, resource, key) is client
    assert permit(f"endpoint.{EP}", operation, resource, key) is endpoint
    for nobody in ("", "client.", "endpoint.", "guest", "me."):
        assert not permit(nobody, operation, resource, key) or nobody == "endpoint."


def test_passwords_are_bound_to_the_name_and_the_secret(embedded_broker: Running) -> None:
    url = embedded_broker.broker.client_url("me.")
    stranger = Running(lambda: EmbeddedBroker(SECRET[::-1]))
    try:
        port = urlsplit(stranger.broker.client_url("x")).port
        for wrong in (
            url.replace("client.me.", "client.you."),
            url.replace("client.me.", f"endpoint.{EP}"),
            stranger.broker.client_url("me.").replace(f":{port}/", f":{urlsplit(url).port}/"),
            f"amqp://guest:guest@127.0.0.1:{urlsplit(url).port}/%2F",
        ):
            with pytest.raises(exceptions.ProbableAuthenticationError):
                embedded_broker.connect(wrong)
    finally:
        stranger.close()


def test_an_issued_url_outlives_a_restart_on_the_same_port() -> None:
    first = Running(lambda: EmbeddedBroker(SECRET))
    url = first.broker.client_url("me.")
    first.close()
    second = Running(lambda: EmbeddedBroker(SECRET, port=urlsplit(url).port or 0))
    second.connect(url)
    second.close()


def test_misuse_of_the_embedded_broker_is_told() -> None:
    with pytest.raises(ValueError, match="secret has 3 bytes"):
        EmbeddedBroker(b"abc")
    with pytest.raises(ValueError, match="empty queue prefix"):
        EmbeddedBroker(SECRET).client_url("")
    with pytest.raises(RuntimeError, match="not running"):
        asyncio.run(EmbeddedBroker(SECRET).declare("q"))
