"""Peers that die, and what the broker's accounts look like afterwards."""

from __future__ import annotations

import itertools
import random
import threading
from typing import Any

import pika
import pytest
from pamqp import body, commands, header
from pika import exceptions

from support.broker import EmbeddedServer, Peer, channel_refusal, is_empty


@pytest.mark.slow
def test_a_connection_killed_in_the_middle_of_deliveries_loses_nothing(embedded_peer: Peer) -> None:
    server = embedded_peer.embedded
    assert server is not None
    rng = random.Random(7)
    channel = embedded_peer.channel()
    queue = embedded_peer.queue(channel)
    total = 3000
    for number in range(total):
        channel.basic_publish("", queue, b"%d" % number)
    embedded_peer.wait_for_messages(queue, total)
    acknowledged: set[bytes] = set()
    for _ in range(20):
        with embedded_peer.raw() as victim:
            victim.open()
            victim.send(commands.Basic.Consume(queue=queue), 1)
            for _ in range(rng.randrange(1, 300)):
                got = victim.read()
                if isinstance(got, commands.Basic.Deliver) and rng.random() < 0.5:
                    tag = got.delivery_tag or 0
                    victim.expect(header.ContentHeader)
                    content = victim.expect(body.ContentBody)
                    assert content.value not in acknowledged
                    acknowledged.add(content.value)
                    victim.send(commands.Basic.Ack(tag), 1)
            victim.send(commands.Basic.Qos(prefetch_count=1), 1)
            while not isinstance(victim.read(), commands.Basic.QosOk):
                pass
    embedded_peer.wait_for_messages(queue, total - len(acknowledged))
    rest: list[bytes] = []
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        assert got[2] is not None
        rest.append(got[2])
    assert rest == [b"%d" % number for number in range(total) if b"%d" % number not in acknowledged]
    assert server.statistics().bytes == 0


def test_nothing_is_left_on_the_account_after_much_of_everything(embedded: EmbeddedServer) -> None:
    peer = embedded.peer
    connections = [peer.connect() for _ in range(3)]
    rng = random.Random(11)
    declaring = connections[0].channel()
    queues = [peer.queue(declaring) for _ in range(3)]
    for _round in range(5):
        channels = [connection.channel() for connection in connections]
        for number, channel in zip(range(300), itertools.cycle(channels), strict=False):
            channel.basic_publish("", rng.choice(queues), bytes(rng.randrange(2000)))
            method, _, _ = channel.basic_get(rng.choice(queues))
            if method is not None and number % 4:
                choice = rng.randrange(3)
                if choice == 0:
                    channel.basic_ack(method.delivery_tag)
                elif choice == 1:
                    channel.basic_nack(method.delivery_tag, requeue=rng.random() < 0.5)
                else:
                    channel.basic_reject(method.delivery_tag, requeue=rng.random() < 0.5)
        channels[0].queue_purge(rng.choice(queues))
        for channel in channels:
            channel.close()
    now = embedded.statistics()
    assert (now.unacked, now.channels) == (0, 1)
    sweeper = connections[0].channel()
    for queue in queues:
        while (got := sweeper.basic_get(queue))[0] is not None:
            sweeper.basic_ack(got[0].delivery_tag)
    sweeper.queue_declare("", exclusive=True)
    assert embedded.statistics().bytes == 0
    peer.close()
    embedded.wait_until(is_empty)


def test_many_connections_at_once_are_served(embedded: EmbeddedServer) -> None:
    peer = embedded.peer
    queue = peer.queue(peer.channel())
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            connection = pika.BlockingConnection(pika.URLParameters(embedded.url))
            channel = connection.channel()
            channel.confirm_delivery()
            for _ in range(20):
                channel.basic_publish("", queue, b"%d" % number)
            connection.close()
        except exceptions.AMQPError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    peer.wait_for_messages(queue, 600)


def test_an_error_of_the_owners_hook_is_logged_and_hurts_nobody(
    embedded: EmbeddedServer, embedded_peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_queue: str, _ids: object) -> None:
        raise RuntimeError("the owner's mistake")

    embedded.do(lambda: embedded.server.declare_queue("q"))
    embedded.do(lambda: setattr(embedded.server, "on_taken", fail))
    from farpool.broker import Route, make_message

    message = make_message(Route("", "q"), b"x", message_id="id", headers={}, content_type="", timestamp=None)
    embedded.run(embedded.server.publish("q", [message]))
    channel = embedded_peer.channel()
    assert channel.basic_get("q", auto_ack=True)[2] == b"x"
    channel.queue_declare("q", passive=True)
    with channel_refusal(404):
        channel.queue_declare("gone", passive=True)
    assert "queue q: the handler of 1 acknowledged messages failed" in caplog.text


def test_thousands_of_messages_pass_a_prefetch_window_in_order(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    publisher: Any = peer.connect()
    out = publisher.channel()
    for number in range(5000):
        out.basic_publish("", queue, b"%d" % number)
    channel = peer.channel()
    channel.basic_qos(prefetch_count=50)
    expected = itertools.count()
    for method, _, content in channel.consume(queue):
        assert content == b"%d" % next(expected)
        channel.basic_ack(method.delivery_tag)
        if content == b"4999":
            break
    channel.cancel()
    assert channel.queue_declare(queue, passive=True).method.message_count == 0
