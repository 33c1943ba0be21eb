from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from pamqp import body, commands, header
from pika import exceptions

from support.broker import Peer, channel_refusal, connection_refusal


def take_all(channel: Any, queue: str) -> list[bytes]:
    bodies: list[bytes] = []
    while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
        assert got[2] is not None
        bodies.append(got[2])
    return bodies


def test_a_message_arrives_with_all_its_properties(peer: Peer) -> None:
    channel = peer.channel()
    properties = pika.BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        headers={"task_uuid": "t", "list": ["a", "b"], "number": 7, "flag": True, "nested": {"x": None}},
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        reply_to="r",
        message_id="m",
        timestamp=1_700_000_000,
        type="kind",
        app_id="app",
    )
    queue = peer.queue(channel)
    channel.basic_publish("", queue, b"\x01{}", properties)
    method, got, content = channel.basic_get(queue, auto_ack=True)
    assert (method.exchange, method.routing_key, method.redelivered, method.message_count) == ("", queue, False, 0)
    assert got == properties
    assert content == b"\x01{}"


@pytest.mark.parametrize("size", [0, 1, 131_063, 131_064, 131_065, 3_000_000])
def test_a_body_of_any_size_arrives_whole(peer: Peer, size: int) -> None:
    channel = peer.channel()
    content = random.Random(size).randbytes(size)
    queue = peer.queue(channel, content)
    assert take_all(channel, queue) == [content]


def test_messages_stay_in_order(peer: Peer) -> None:
    channel = peer.channel()
    bodies = [b"%d" % number for number in range(500)]
    queue = peer.queue(channel, *bodies)
    assert take_all(channel, queue) == bodies


def test_publishes_on_two_channels_at_once_keep_their_frames_apart(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as raw:
        raw.open()
        raw.open_channel(2)
        for channel in (1, 2):
            raw.send(commands.Basic.Publish(routing_key=queue), channel)
        for channel in (1, 2):
            raw.send(header.ContentHeader(0, 4, commands.Basic.Properties()), channel)
        for piece in (b"ab", b"cd"):
            for channel in (1, 2):
                raw.send(body.ContentBody(piece.upper() if channel == 2 else piece), channel)
        peer.wait_for_messages(queue, 2)
    assert sorted(take_all(peer.channel(), queue)) == [b"ABCD", b"abcd"]


@pytest.mark.parametrize(
    ("kind", "bindings", "expected"),
    [
        ("direct", ["red", "blue"], ["red", "blue"]),
        ("fanout", ["whatever"], ["red", "blue", "red.light", "red.light.on", ""]),
        ("topic", ["red.*"], ["red.light"]),
        ("topic", ["red.#"], ["red", "red.light", "red.light.on"]),
        ("topic", ["#"], ["red", "blue", "red.light", "red.light.on", ""]),
        ("topic", ["*", "#.on"], ["red", "blue", "red.light.on"]),
        ("topic", ["*.light.#", "red.*"], ["red.light", "red.light.on"]),
    ],
)
def test_an_exchange_routes_by_its_kind_and_each_queue_gets_a_message_once(
    peer: Peer, kind: str, bindings: list[str], expected: list[str]
) -> None:
    channel = peer.channel()
    exchange, queue = peer.name("exchange"), peer.queue(channel)
    channel.exchange_declare(exchange, kind)
    for key in bindings:
        channel.queue_bind(queue, exchange, key)
    for key in ("red", "blue", "red.light", "red.light.on", ""):
        channel.basic_publish(exchange, key, key.encode())
    assert take_all(channel, queue) == [key.encode() for key in expected]
    channel.exchange_delete(exchange)


def test_a_message_goes_to_every_queue_that_is_bound(peer: Peer) -> None:
    channel = peer.channel()
    exchange = peer.name("exchange")
    channel.exchange_declare(exchange, "topic")
    queues = [peer.queue(channel) for _ in range(3)]
    for queue in queues:
        channel.queue_bind(queue, exchange, "all")
    channel.basic_publish(exchange, "all", b"one")
    channel.queue_unbind(queues[0], exchange, "all")
    channel.basic_publish(exchange, "all", b"two")
    assert [take_all(channel, queue) for queue in queues] == [[b"one"], [b"one", b"two"], [b"one", b"two"]]
    channel.exchange_delete(exchange)


def test_publishing_to_an_exchange_that_is_not_there_is_refused_with_404(peer: Peer) -> None:
    channel = peer.channel()
    channel.confirm_delivery()
    with channel_refusal(404, "NOT_FOUND - no exchange 'nowhere' in vhost"):
        channel.basic_publish("nowhere", "key", b"x")


def test_a_confirmed_publish_is_in_the_queue(peer: Peer) -> None:
    channel, watcher = peer.channel(), peer.channel()
    queue = peer.queue(channel)
    channel.confirm_delivery()
    for count in range(1, 20):
        channel.basic_publish("", queue, b"x", mandatory=True)
        assert watcher.queue_declare(queue, passive=True).method.message_count == count


def test_confirms_count_from_one_on_each_channel_and_cover_every_publish(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as raw:
        raw.open()
        raw.send_message("", queue, b"before confirms were asked for")
        raw.send(commands.Confirm.Select(), 1)
        raw.expect(commands.Confirm.SelectOk)
        raw.send(commands.Confirm.Select(), 1)
        raw.expect(commands.Confirm.SelectOk)
        for number in range(100):
            raw.send_message("", queue, b"%d" % number)
        confirmed: set[int] = set()
        while len(confirmed) < 100:
            ack = raw.expect(commands.Basic.Ack)
            assert ack.delivery_tag
            low = 1 if ack.multiple else ack.delivery_tag
            confirmed |= set(range(low, ack.delivery_tag + 1))
        assert confirmed == set(range(1, 101))


def test_a_mandatory_message_without_a_queue_is_returned_before_it_is_confirmed(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Confirm.Select(), 1)
        raw.expect(commands.Confirm.SelectOk)
        raw.send(commands.Basic.Publish(exchange="amq.topic", routing_key="no.one", mandatory=True), 1)
        raw.send(header.ContentHeader(0, 5, commands.Basic.Properties(message_id="7")), 1)
        raw.send(body.ContentBody(b"hello"), 1)
        back = raw.expect(commands.Basic.Return)
        assert (back.reply_code, back.reply_text) == (312, "NO_ROUTE")
        assert (back.exchange, back.routing_key) == ("amq.topic", "no.one")
        assert raw.expect(header.ContentHeader).properties.message_id == "7"
        assert raw.expect(body.ContentBody).value == b"hello"
        assert raw.expect(commands.Basic.Ack).delivery_tag == 1


def test_an_unroutable_message_is_returned_to_pika(peer: Peer) -> None:
    channel = peer.channel()
    channel.confirm_delivery()
    with pytest.raises(exceptions.UnroutableError) as caught:
        channel.basic_publish("", "no queue of that name", b"lost", mandatory=True)
    assert [one.body for one in caught.value.messages] == [b"lost"]
    channel.basic_publish("", "no queue of that name", b"dropped")


def test_immediate_is_refused_with_540(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Basic.Publish(routing_key="x", immediate=True), 1)
        raw.send(header.ContentHeader(0, 0, commands.Basic.Properties()), 1)
        assert raw.refusal() == (540, "NOT_IMPLEMENTED - immediate=true")


def test_somebody_elses_user_id_is_refused_with_406_and_ones_own_is_not(peer: Peer) -> None:
    channel = peer.channel()
    user = urlsplit(peer.url).username
    queue = peer.queue(channel)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"mine", pika.BasicProperties(user_id=user))
    with channel_refusal(406, f"user_id property set to 'mallory' but authenticated user was '{user}'"):
        channel.basic_publish("", queue, b"theirs", pika.BasicProperties(user_id="mallory"))


def test_a_message_that_expires_is_refused_with_540_by_the_embedded_broker(embedded_peer: Peer) -> None:
    channel = embedded_peer.channel()
    channel.confirm_delivery()
    with connection_refusal(540, "expiration"):
        channel.basic_publish("", "q", b"x", pika.BasicProperties(expiration="1000"))


def test_a_message_over_the_size_limit_is_refused_with_406(embedded_with: Any) -> None:
    server = embedded_with(message_bytes=1000)
    peer = server.peer
    connection = peer.connect()
    channel = connection.channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    channel.basic_publish("", "q", b"x" * 1000)
    with channel_refusal(406, "message size 1001 is larger than configured max size 1000"):
        channel.basic_publish("", "q", b"x" * 1001)
    assert connection.channel().queue_declare("q", passive=True).method.message_count == 1


def test_large_messages_on_many_channels_at_once_are_refused_with_506(embedded_with: Any) -> None:
    server = embedded_with(message_bytes=1000)
    with server.peer.raw() as raw:
        raw.open()
        raw.open_channel(2)
        for channel in (1, 2):
            raw.send(commands.Basic.Publish(routing_key="q"), channel)
            raw.send(header.ContentHeader(0, 600, commands.Basic.Properties()), channel)
        refusal = raw.refusal()
        assert refusal is not None
        assert refusal[0] == 506


def test_publishing_where_a_user_may_not_is_refused_with_403(embedded_peer: Peer) -> None:
    connection = embedded_peer.connect()
    for exchange, key in (("amq.topic", "forbidden.key"), ("", "forbidden")):
        channel = connection.channel()
        channel.confirm_delivery()
        with channel_refusal(403, f"access to topic '{key}' in exchange '{exchange}' refused for user 'somebody'"):
            channel.basic_publish(exchange, key, b"x")
