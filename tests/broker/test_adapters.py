"""What the service asks of a broker, on both that it can stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import pika
import pytest

from farpool.service.broker import Incoming, Outgoing, QueueMissing
from support.broker import channel_refusal, ignore
from support.broker_adapters import EP, Running


def test_a_client_gets_what_was_published_to_its_queue_in_order(running: Running) -> None:
    running.run(running.broker.declare("me.group"))
    running.run(running.broker.declare("me.group"))
    headers = {"task_uuid": "t", "result_serializers": ["a.B", "c.D"], "high_assurance": True, "n": 3}
    first = Outgoing(b"\x01{}", "id-0", headers, timestamp=1_700_000_000)
    more = [Outgoing(b"%d" % number, f"id-{number}") for number in range(1, 1200)]
    running.run(running.broker.publish("me.group", [first, *more]))
    channel = running.connect(running.broker.client_url("me."))
    assert channel.queue_declare("me.group", passive=True).method.message_count == 1200
    bodies: list[bytes] = []
    for method, properties, body in channel.consume("me.group"):
        if not bodies:
            assert properties.headers == headers
            assert (properties.content_type, properties.timestamp) == ("application/json", 1_700_000_000)
            assert (properties.delivery_mode, properties.message_id) == (2, "id-0")
        bodies.append(body)
        if len(bodies) == 1200:
            channel.basic_ack(method.delivery_tag, multiple=True)
            break
    channel.cancel()
    assert bodies == [b"\x01{}", *(b"%d" % number for number in range(1, 1200))]


def test_publishing_to_a_queue_that_is_not_there_says_so(running: Running) -> None:
    for messages in ([Outgoing(b"x", "id")], [Outgoing(b"x", f"id-{number}") for number in range(10)]):
        with pytest.raises(QueueMissing):
            running.run(running.broker.publish("nowhere", messages))


def test_a_deleted_queue_is_gone_and_may_be_deleted_again(running: Running) -> None:
    running.run(running.broker.declare("q"))
    running.run(running.broker.publish("q", [Outgoing(b"x", "id")]))
    running.run(running.broker.delete("q"))
    running.run(running.broker.delete("q"))
    with pytest.raises(QueueMissing):
        running.run(running.broker.publish("q", [Outgoing(b"x", "id")]))
    running.run(running.broker.declare("q"))
    running.run(running.broker.publish("q", []))


def test_an_endpoint_checks_publishes_and_is_confirmed(running: Running) -> None:
    running.consume_results()
    channel = running.connect(running.broker.endpoint_url(EP))
    for name in ("results", "heartbeats"):
        channel.exchange_declare(name, passive=True)
        channel.queue_declare(name, passive=True)
    channel.confirm_delivery()
    properties = pika.BasicProperties(delivery_mode=2, headers={"kind": "result"})
    for number in range(20):
        channel.basic_publish("results", f"{EP}.results", b"%d" % number, properties, mandatory=True)
    channel.basic_publish("results", f"{EP}.results", b"no properties", mandatory=True)
    channel.basic_publish("heartbeats", f"{EP}.heartbeats", b"beat", mandatory=True)
    got = running.arrivals(21)
    assert [one.body for one in got] == [*(b"%d" % number for number in range(20)), b"no properties"]
    assert got[0] == Incoming(b"0", f"{EP}.results", {"kind": "result"})
    assert got[20] == Incoming(b"no properties", f"{EP}.results", {})


def test_a_handler_gets_one_batch_at_a_time_and_all_of_it_again_when_it_fails(running: Running) -> None:
    batches: list[list[bytes]] = []
    gate = running.do(asyncio.Event)
    busy = failures = 0

    async def handle(batch: Sequence[Incoming]) -> None:
        nonlocal busy, failures
        busy += 1
        assert busy == 1
        batches.append([one.body for one in batch])
        await gate.wait()
        busy -= 1
        if failures == 0:
            failures += 1
            raise RuntimeError("the store is away")
        running.arrived.put(batch)

    running.run(running.broker.consume("results", handle))
    channel = running.connect(running.broker.endpoint_url(EP))
    for number in range(50):
        channel.basic_publish("results", f"{EP}.results", b"%d" % number)
    channel.queue_declare("results", passive=True)
    running.loop.call_soon_threadsafe(gate.set)
    assert [one.body for one in running.arrivals(50)] == [b"%d" % number for number in range(50)]
    assert batches[0] == batches[1]


def test_an_endpoint_takes_its_tasks_alone(running: Running) -> None:
    running.run(running.broker.declare(f"{EP}.tasks"))
    running.run(running.broker.publish(f"{EP}.tasks", [Outgoing(b"task", "t")]))
    channel = running.connect(running.broker.endpoint_url(EP))
    got = next(channel.consume(f"{EP}.tasks", exclusive=True))
    assert got[2] == b"task"
    with channel_refusal(403, "in exclusive use"):
        running.connect(running.broker.endpoint_url(EP)).basic_consume(f"{EP}.tasks", ignore)


def test_urls_are_what_pika_reads(running: Running) -> None:
    for url in (running.broker.client_url("a.b/c d@:"), running.broker.endpoint_url(EP)):
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("amqp", "127.0.0.1")
        running.connect(url)
