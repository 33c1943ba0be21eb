from __future__ import annotations

from typing import Any

import pytest
from pamqp import commands

from support.broker import Peer, channel_refusal, connection_refusal


def get(channel: Any, queue: str, count: int) -> dict[bytes, int]:
    """Take messages without acknowledging them; gives delivery tags by body."""
    tags: dict[bytes, int] = {}
    for _ in range(count):
        method, _, content = channel.basic_get(queue)
        tags[content] = method.delivery_tag
    return tags


def drain(channel: Any, queue: str) -> list[tuple[bytes, bool]]:
    """Take all that waits; gives bodies and whether they were delivered before."""
    got: list[tuple[bytes, bool]] = []
    while True:
        method, _, content = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return got
        got.append((content, method.redelivered))


def synchronise(channel: Any) -> None:
    """Wait until the broker has dealt with all that was sent on a channel."""
    channel.queue_declare("", exclusive=True)


def test_what_is_acknowledged_is_gone_and_the_rest_comes_back_in_its_order(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    queue = peer.queue(channel, *(b"%d" % number for number in range(6)))
    taker = connection.channel()
    tags = get(taker, queue, 5)
    taker.basic_ack(tags[b"1"])
    taker.basic_ack(tags[b"3"])
    taker.close()
    assert drain(channel, queue) == [(b"0", True), (b"2", True), (b"4", True), (b"5", False)]


def test_acknowledging_multiple_covers_all_up_to_the_tag_and_zero_covers_all(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    queue = peer.queue(channel, *(b"%d" % number for number in range(6)))
    taker = connection.channel()
    tags = get(taker, queue, 6)
    taker.basic_ack(tags[b"1"])
    taker.basic_ack(tags[b"3"], multiple=True)
    taker.close()
    assert drain(channel, queue) == [(b"4", True), (b"5", True)]
    queue = peer.queue(channel, b"a", b"b")
    taker = connection.channel()
    get(taker, queue, 2)
    taker.basic_ack(0, multiple=True)
    taker.basic_ack(0, multiple=True)  # nothing is left: nothing happens
    taker.close()
    assert drain(channel, queue) == []


@pytest.mark.parametrize("multiple", [False, True])
def test_an_unknown_delivery_tag_is_refused_with_406(peer: Peer, multiple: bool) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel(), b"x", b"y")
    channel = connection.channel()
    tags = get(channel, queue, 1)
    channel.basic_ack(tags[b"x"])
    channel.basic_ack(tags[b"x"], multiple=multiple)
    with channel_refusal(406, f"PRECONDITION_FAILED - unknown delivery tag {tags[b'x']}"):
        synchronise(channel)


def test_a_tag_of_another_channel_is_unknown(peer: Peer) -> None:
    connection = peer.connect()
    first, second = connection.channel(), connection.channel()
    queue = peer.queue(connection.channel(), b"x")
    tags = get(first, queue, 1)
    second.basic_ack(tags[b"x"])
    with channel_refusal(406, "unknown delivery tag"):
        synchronise(second)
    first.basic_ack(tags[b"x"])
    synchronise(first)


def test_nack_and_reject_put_a_message_back_to_its_place(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, *(b"%d" % number for number in range(5)))
    tags = get(channel, queue, 4)
    channel.basic_nack(tags[b"2"], requeue=True)
    channel.basic_reject(tags[b"0"], requeue=True)
    channel.basic_nack(tags[b"1"], requeue=False)
    channel.basic_nack(tags[b"3"], requeue=True)
    assert drain(channel, queue) == [(b"0", True), (b"2", True), (b"3", True), (b"4", False)]


def test_nack_multiple_and_reject_without_requeue_drop(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    queue = peer.queue(channel, *(b"%d" % number for number in range(5)))
    taker = connection.channel()
    tags = get(taker, queue, 4)
    taker.basic_nack(tags[b"1"], multiple=True, requeue=False)
    taker.basic_reject(tags[b"2"], requeue=False)
    taker.close()
    assert drain(channel, queue) == [(b"3", True), (b"4", False)]


def test_recover_puts_everything_back(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, b"a", b"b")
    get(channel, queue, 2)
    channel.basic_recover(requeue=True)
    assert drain(channel, queue) == [(b"a", True), (b"b", True)]
    with connection_refusal(540, "requeue=false"):
        channel.basic_recover(requeue=False)


def test_a_rejected_message_goes_to_the_next_consumer(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel)
    got: list[tuple[str, bytes, bool]] = []

    def refuse(taker: Any, method: Any, _properties: object, content: bytes) -> None:
        got.append(("refuse", content, method.redelivered))
        taker.basic_reject(method.delivery_tag, requeue=True)
        taker.basic_cancel(method.consumer_tag)

    def take(_taker: Any, method: Any, _properties: object, content: bytes) -> None:
        got.append(("take", content, method.redelivered))

    connection = peer.connect()
    connection.channel().basic_consume(queue, refuse)
    channel.basic_publish("", queue, b"x")
    while not got:
        connection.process_data_events(1)
    connection.channel().basic_consume(queue, take)
    while len(got) < 2:
        connection.process_data_events(1)
    assert got == [("refuse", b"x", False), ("take", b"x", True)]


@pytest.mark.parametrize("kill", ["close", "cut"])
def test_what_a_dead_connection_held_is_delivered_again_in_order(peer: Peer, kill: str) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, *(b"%d" % number for number in range(100)))
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Basic.Qos(prefetch_count=50), 1)
        raw.expect(commands.Basic.QosOk)
        raw.send(commands.Basic.Consume(queue=queue), 1)
        raw.expect(commands.Basic.ConsumeOk)
        deliveries = 0
        while deliveries < 50:
            deliveries += isinstance(raw.read(), commands.Basic.Deliver)
        raw.send(commands.Basic.Ack(10, multiple=True), 1)
        raw.send(commands.Basic.Ack(20), 1)
        raw.send(commands.Basic.Qos(prefetch_count=50), 1)
        while not isinstance(raw.read(), commands.Basic.QosOk):
            pass
        if kill == "close":
            raw.send(commands.Connection.Close(200, "bye", 0, 0))
            while not isinstance(raw.read(), commands.Connection.CloseOk):
                pass
    # Ten more were delivered for those acknowledged: 0-9 and 19 are gone, 10-60 but 19 were out.
    peer.wait_for_messages(queue, 89)
    got = drain(channel, queue)
    assert [content for content, _ in got] == [b"%d" % number for number in range(10, 100) if number != 19]
    assert [redelivered for _, redelivered in got][:40] == [True] * 40
    assert [redelivered for _, redelivered in got][-30:] == [False] * 30


def test_what_comes_back_to_a_deleted_queue_is_dropped(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    queue = peer.queue(channel, b"x", b"y", b"z")
    taker = connection.channel()
    tags = get(taker, queue, 3)
    channel.queue_delete(queue)
    taker.basic_nack(tags[b"x"], requeue=True)
    taker.basic_ack(tags[b"y"])
    taker.close()
    channel.queue_declare(queue)
    assert drain(channel, queue) == []
    if peer.embedded:
        assert peer.embedded.statistics().bytes == 0
