"""The broker as its owner uses it, in process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pika
import pytest
from pika import exceptions

from farpool.broker import Message, Route, UnknownQueue, make_message
from support.broker import EmbeddedServer, Peer, channel_refusal, ignore


def message(queue: str, body: bytes, message_id: str = "") -> Message:
    return make_message(
        Route("", queue),
        body,
        message_id=message_id,
        headers={"n": 1},
        content_type="text/plain",
        timestamp=1_700_000_000,
    )


def publish(server: EmbeddedServer, queue: str, *bodies: bytes) -> None:
    server.run(server.server.publish(queue, [message(queue, body, body[:20].decode()) for body in bodies]))


def test_what_this_process_publishes_is_delivered(embedded: EmbeddedServer, embedded_peer: Peer) -> None:
    embedded.do(lambda: embedded.server.declare_queue("q"))
    embedded.do(lambda: embedded.server.declare_queue("q"))
    publish(embedded, "q", b"one", b"two")
    channel = embedded_peer.channel()
    assert channel.queue_declare("q", durable=True).method.message_count == 2
    method, properties, body = channel.basic_get("q")
    assert (method.exchange, method.routing_key, body) == ("", "q", b"one")
    assert properties == pika.BasicProperties(
        content_type="text/plain", headers={"n": 1}, delivery_mode=2, message_id="one", timestamp=1_700_000_000
    )


def test_publishing_to_a_queue_that_is_not_there_says_so(embedded: EmbeddedServer) -> None:
    with pytest.raises(UnknownQueue, match="no queue 'nowhere'"):
        publish(embedded, "nowhere", b"x")


def test_a_body_over_the_limit_is_refused_with_its_size(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(message_bytes=10)
    server.do(lambda: server.server.declare_queue("q"))
    with pytest.raises(ValueError, match="11 bytes is over this broker's limit of 10"):
        publish(server, "q", b"x" * 11)


def test_deleting_a_queue_that_is_not_there_does_nothing(embedded: EmbeddedServer) -> None:
    embedded.do(lambda: embedded.server.delete_queue("nowhere"))


def test_a_publisher_waits_while_its_queue_is_full_and_no_longer(
    embedded_with: Callable[..., EmbeddedServer],
) -> None:
    server = embedded_with(queue_bytes=10_000)
    peer = server.peer
    server.do(lambda: server.server.declare_queue("q"))
    server.do(lambda: server.server.declare_queue("other"))
    bodies = [b"%03d" % number + b"x" * 1000 for number in range(100)]
    publishing = server.submit(server.server.publish("q", [message("q", body) for body in bodies]))
    held = server.wait_until(lambda now: now.bytes >= 10_000)
    assert held.ready < 10
    publish(server, "other", b"is not held up")
    assert not publishing.done()
    channel = peer.channel()
    got: list[bytes] = []
    for method, _, body in channel.consume("q"):
        got.append(body)
        channel.basic_ack(method.delivery_tag)
        if len(got) == len(bodies):
            break
    assert got == bodies
    publishing.result(10)


def test_deleting_a_full_queue_wakes_its_publisher_with_an_error(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(queue_bytes=1000)
    server.do(lambda: server.server.declare_queue("q"))
    publishing = server.submit(server.server.publish("q", [message("q", b"x" * 1000) for _ in range(5)]))
    server.wait_until(lambda now: now.ready == 1)
    server.do(lambda: server.server.delete_queue("q"))
    with pytest.raises(UnknownQueue):
        publishing.result(10)
    assert server.statistics().bytes == 0


def test_in_a_crowd_only_large_queues_keep_their_publishers_waiting(
    embedded_with: Callable[..., EmbeddedServer],
) -> None:
    server = embedded_with(queue_bytes=50_000, memory_bytes=60_000, crowded_queue_bytes=3000)
    server.do(lambda: server.server.declare_queue("large"))
    server.do(lambda: server.server.declare_queue("small"))
    publish(server, "large", *(b"x" * 1000 for _ in range(20)))  # 31,000 of 60,000: crowded
    waiting = server.submit(server.server.publish("large", [message("large", b"x")]))
    publish(server, "small", b"goes through")
    assert not waiting.done()
    channel = server.peer.channel()
    channel.queue_purge("large")
    waiting.result(10)
    channel.connection.close()


class Handler:
    """Takes batches; waits for `gate` before it returns."""

    def __init__(self, fail: int = 0) -> None:
        self.batches: list[list[bytes]] = []
        self.gate = asyncio.Event()
        self.entered = threading.Semaphore(0)
        self.fail = fail

    async def __call__(self, batch: Sequence[Message]) -> None:
        self.batches.append([one.body for one in batch])
        self.entered.release()
        await self.gate.wait()
        if self.fail:
            self.fail -= 1
            raise RuntimeError("no")


@pytest.fixture
def sink_channel(embedded: EmbeddedServer, embedded_peer: Peer) -> Any:
    """A channel in confirm mode, and a queue `in` for all of amq.topic."""
    embedded.do(lambda: embedded.server.declare_queue("in"))
    embedded.do(lambda: embedded.server.bind_queue("in", "amq.topic", "#"))
    channel = embedded_peer.channel()
    channel.confirm_delivery()
    return channel


def test_a_handler_gets_batches_and_publishers_are_confirmed_when_it_is_done(
    embedded: EmbeddedServer, embedded_peer: Peer, sink_channel: Any
) -> None:
    handler = Handler()
    sink_channel.basic_publish("amq.topic", "k", b"early")  # nobody takes it yet: confirmed when enqueued
    embedded.do(lambda: embedded.server.attach("in", handler))
    assert handler.entered.acquire(timeout=10)
    publisher = threading.Thread(target=lambda: sink_channel.basic_publish("amq.topic", "k", b"second"))
    publisher.start()
    other = embedded_peer.channel()
    other.basic_publish("amq.topic", "k", b"third")
    embedded.wait_until(lambda now: now.unacked == 3)
    assert handler.batches == [[b"early"]]
    assert publisher.is_alive()  # not confirmed: the handler has not returned
    embedded.loop.call_soon_threadsafe(handler.gate.set)
    publisher.join(10)
    assert not publisher.is_alive()
    assert handler.batches[0] == [b"early"]
    assert sorted(handler.batches[1]) == [b"second", b"third"]
    embedded.wait_until(lambda now: (now.unacked, now.bytes) == (0, 0))


def test_a_handler_that_fails_gets_the_same_batch_again(
    embedded: EmbeddedServer, sink_channel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler(fail=1)
    handler.gate.set()
    embedded.do(lambda: embedded.server.attach("in", handler))
    sink_channel.basic_publish("amq.topic", "k", b"x")
    assert handler.batches == [[b"x"], [b"x"]]
    assert "queue in: the handler failed on 1 messages; trying again in 0.1 s" in caplog.text


def test_nobody_else_takes_from_a_queue_with_a_handler(embedded: EmbeddedServer, embedded_peer: Peer) -> None:
    embedded.do(lambda: embedded.server.declare_queue("in"))
    handler = Handler()
    embedded.do(lambda: embedded.server.attach("in", handler))
    with channel_refusal(403, "queue 'in' in vhost '/' in exclusive use"):
        embedded_peer.channel().basic_consume("in", ignore)
    with channel_refusal(403, "queue 'in' in vhost '/' in exclusive use"):
        embedded_peer.channel().basic_get("in")
    with pytest.raises(RuntimeError, match="has a consumer already"):
        embedded.do(lambda: embedded.server.attach("in", handler))
    assert embedded_peer.channel().queue_declare("in", passive=True).method.message_count == 0


def test_a_publisher_is_told_when_the_queue_of_a_handler_is_deleted(
    embedded: EmbeddedServer, embedded_peer: Peer, sink_channel: Any
) -> None:
    handler = Handler()
    embedded.do(lambda: embedded.server.attach("in", handler))
    outcome: list[BaseException] = []

    def publish_one() -> None:
        try:
            sink_channel.basic_publish("amq.topic", "k", b"x")
        except exceptions.AMQPError as error:
            outcome.append(error)

    publisher = threading.Thread(target=publish_one)
    publisher.start()
    assert handler.entered.acquire(timeout=10)
    embedded.do(lambda: embedded.server.delete_queue("in"))
    publisher.join(10)
    assert [type(one) for one in outcome] == [exceptions.NackError]
    assert embedded.statistics().bytes == 0


def test_a_message_for_a_handler_and_a_queue_is_confirmed_once_both_have_it(
    embedded: EmbeddedServer, embedded_peer: Peer, sink_channel: Any
) -> None:
    handler = Handler()
    handler.gate.set()
    embedded.do(lambda: embedded.server.attach("in", handler))
    sink_channel.queue_declare("copy")
    sink_channel.queue_bind("copy", "amq.topic", "k")
    sink_channel.basic_publish("amq.topic", "k", b"x")
    assert handler.batches == [[b"x"]]
    assert sink_channel.basic_get("copy", auto_ack=True)[2] == b"x"


def test_the_owner_is_told_what_consumers_have_taken(embedded: EmbeddedServer, embedded_peer: Peer) -> None:
    embedded.do(lambda: embedded.server.declare_queue("q"))
    publish(embedded, "q", *(b"%d" % number for number in range(6)))
    channel = embedded_peer.channel()
    channel.basic_publish("", "q", b"came over the network: nobody asks for it")
    tags = [channel.basic_get("q")[0].delivery_tag for _ in range(7)]
    channel.basic_ack(tags[2], multiple=True)
    channel.queue_declare("q", passive=True)
    assert embedded.taken == [("q", ["0", "1", "2"])]
    channel.basic_nack(tags[3], requeue=False)
    channel.basic_nack(tags[4], requeue=True)
    channel.basic_ack(tags[6])
    assert channel.basic_get("q", auto_ack=True)[2] == b"4"
    channel.queue_declare("q", passive=True)
    embedded.wait_until(lambda now: now.unacked == 1)
    taken = [message_id for queue, ids in embedded.taken for message_id in ids if queue == "q"]
    assert taken == ["0", "1", "2", "4"]


def test_stopping_frees_the_port_and_forgets(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(goodbye_s=0.1)
    port = server.port
    server.do(lambda: server.server.declare_queue("q"))
    channel = server.peer.channel()
    server.run(server.server.stop())
    assert server.run(server.server.start(port=port)) == port
    with pytest.raises(exceptions.ConnectionClosedByBroker):
        channel.queue_declare("q", passive=True)
