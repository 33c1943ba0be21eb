from __future__ import annotations

from typing import Any

import pytest
from pamqp import body, commands, header
from pika import exceptions

from support.broker import Peer, channel_refusal, connection_refusal, ignore


class Taker:
    """A consumer that remembers what it got."""

    def __init__(self, channel: Any, queue: str, **arguments: object) -> None:
        self.channel = channel
        self.got: list[tuple[int, bytes, bool]] = []
        self.tag = channel.basic_consume(queue, self._take, **arguments)

    def _take(self, _channel: object, method: Any, _properties: object, content: bytes) -> None:
        self.got.append((method.delivery_tag, content, method.redelivered))

    @property
    def bodies(self) -> list[bytes]:
        return [content for _, content, _ in self.got]

    def wait_for(self, count: int) -> list[bytes]:
        while len(self.got) < count:
            self.channel.connection.process_data_events(1)
        return self.bodies

    def settle_down(self) -> list[bytes]:
        """Take what is still to come: the answer to a declare comes behind it."""
        self.channel.queue_declare("", exclusive=True)
        self.channel.connection.process_data_events(0)
        return self.bodies


def numbers(*values: int) -> list[bytes]:
    return [b"%d" % value for value in values]


def test_what_waits_and_what_comes_is_delivered_in_order(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, *numbers(*range(10)))
    taker = Taker(peer.channel(), queue)
    assert taker.wait_for(10) == numbers(*range(10))
    for number in range(10, 20):
        channel.basic_publish("", queue, b"%d" % number)
    assert taker.wait_for(20) == numbers(*range(20))
    assert [tag for tag, _, _ in taker.got] == list(range(1, 21))


def test_a_delivery_names_its_consumer_exchange_and_key(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Queue.Bind(queue=queue, exchange="amq.topic", routing_key="a.#"), 1)
        raw.expect(commands.Queue.BindOk)
        raw.send(commands.Basic.Consume(queue=queue, consumer_tag="me"), 1)
        assert raw.expect(commands.Basic.ConsumeOk).consumer_tag == "me"
        raw.send_message("amq.topic", "a.b", b"hi", message_id="7")
        delivery = raw.expect(commands.Basic.Deliver)
        assert (delivery.consumer_tag, delivery.delivery_tag, delivery.redelivered) == ("me", 1, False)
        assert (delivery.exchange, delivery.routing_key) == ("amq.topic", "a.b")
        content = raw.expect(header.ContentHeader)
        assert (content.body_size, content.properties.message_id) == (2, "7")
        assert raw.expect(body.ContentBody).value == b"hi"


def test_a_consumer_without_acknowledgements_is_done_with_what_it_is_sent(peer: Peer) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel(), *numbers(1, 2, 3))
    taker = Taker(connection.channel(), queue, auto_ack=True)
    taker.wait_for(3)
    taker.channel.close()
    assert connection.channel().basic_get(queue)[0] is None


def test_consumers_take_turns(peer: Peer) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel())
    takers = [Taker(connection.channel(), queue) for _ in range(3)]
    publisher = peer.channel()
    for number in range(30):
        publisher.basic_publish("", queue, b"%d" % number)
    publisher.queue_declare(queue, passive=True)
    while sum(len(taker.got) for taker in takers) < 30:
        connection.process_data_events(1)
    assert [len(taker.got) for taker in takers] == [10, 10, 10]


def test_a_prefetch_bounds_what_a_consumer_holds(peer: Peer) -> None:
    queue = peer.queue(peer.channel(), *numbers(*range(10)))
    channel = peer.channel()
    channel.basic_qos(prefetch_count=3)
    taker = Taker(channel, queue)
    assert taker.wait_for(3) == numbers(0, 1, 2)
    assert taker.settle_down() == numbers(0, 1, 2)
    channel.basic_ack(2)
    assert taker.wait_for(4) == numbers(0, 1, 2, 3)
    assert taker.settle_down() == numbers(0, 1, 2, 3)
    channel.basic_ack(4, multiple=True)
    assert taker.wait_for(7) == numbers(*range(7))
    assert taker.settle_down() == numbers(*range(7))


def test_a_prefetch_counts_for_each_consumer_and_for_those_that_come_after_it(peer: Peer) -> None:
    queues = [peer.queue(peer.channel(), *numbers(*range(10))) for _ in range(3)]
    channel = peer.channel()
    free = Taker(channel, queues[0])
    channel.basic_qos(prefetch_count=2)
    bounded = [Taker(channel, queue) for queue in queues[1:]]
    free.wait_for(10)
    for taker in bounded:
        taker.wait_for(2)
    assert [len(taker.settle_down()) for taker in (free, *bounded)] == [10, 2, 2]


def test_a_global_prefetch_bounds_all_consumers_of_a_channel_together(peer: Peer) -> None:
    queues = [peer.queue(peer.channel(), *numbers(*range(10))) for _ in range(2)]
    channel = peer.channel()
    channel.basic_qos(prefetch_count=5, global_qos=True)
    takers = [Taker(channel, queue) for queue in queues]
    takers[0].wait_for(1)
    taken = [len(taker.settle_down()) for taker in takers]
    assert sum(taken) == 5
    channel.basic_ack(0, multiple=True)
    while sum(len(taker.settle_down()) for taker in takers) < 10:
        channel.connection.process_data_events(1)
    assert sum(len(taker.settle_down()) for taker in takers) == 10


def test_a_full_consumer_does_not_hold_up_the_others(peer: Peer) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel())
    full = connection.channel()
    full.basic_qos(prefetch_count=1)
    held = Taker(full, queue)
    free = Taker(connection.channel(), queue)
    publisher = peer.channel()
    for number in range(10):
        publisher.basic_publish("", queue, b"%d" % number)
    free.wait_for(9)
    assert len(held.settle_down()) == 1


def test_a_prefetch_by_size_is_refused_with_540(peer: Peer) -> None:
    channel = peer.channel()
    with connection_refusal(540, "prefetch_size!=0 (10)"):
        channel.basic_qos(prefetch_size=10)


def test_an_exclusive_consumer_shares_with_nobody_403(peer: Peer) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel())
    exclusive = connection.channel()
    exclusive.basic_consume(queue, ignore, exclusive=True)
    for arguments in ({}, {"exclusive": True}):
        with channel_refusal(403, f"queue '{queue}' in vhost"):
            connection.channel().basic_consume(queue, ignore, **arguments)
    exclusive.close()
    shared = connection.channel()
    shared.basic_consume(queue, ignore)
    with channel_refusal(403, "in exclusive use"):
        connection.channel().basic_consume(queue, ignore, exclusive=True)


def test_an_exclusive_consumer_that_died_makes_room_for_the_next(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as dying:
        dying.open()
        dying.send(commands.Basic.Consume(queue=queue, exclusive=True), 1)
        dying.expect(commands.Basic.ConsumeOk)
    connection = peer.connect()
    for _ in range(200):
        try:
            connection.channel().basic_consume(queue, ignore, exclusive=True)
        except exceptions.ChannelClosedByBroker:
            continue
        break
    else:
        pytest.fail("the queue stays in exclusive use")


def test_consuming_what_is_not_there_is_refused_with_404(peer: Peer) -> None:
    channel = peer.channel()
    with channel_refusal(404, "no queue 'nowhere' in vhost"):
        channel.basic_consume("nowhere", ignore)


def test_a_consumer_tag_used_twice_is_refused_with_530(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as raw:
        raw.open()
        for _ in range(2):
            raw.send(commands.Basic.Consume(queue=queue, consumer_tag="same"), 1)
        raw.expect(commands.Basic.ConsumeOk)
        assert raw.refusal() == (530, "NOT_ALLOWED - attempt to reuse consumer tag 'same'")


def test_a_consumer_without_a_tag_is_given_one(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as raw:
        raw.open()
        tags: set[str] = set()
        for _ in range(2):
            raw.send(commands.Basic.Consume(queue=queue), 1)
            tags.add(raw.expect(commands.Basic.ConsumeOk).consumer_tag)
        assert len(tags) == 2
        assert all(tag.startswith("amq.ctag-") for tag in tags)


def test_a_cancelled_consumer_gets_no_more_and_keeps_what_it_has(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, *numbers(1, 2))
    taker = Taker(peer.channel(), queue)
    taker.wait_for(2)
    taker.channel.basic_ack(1)
    taker.channel.connection.process_data_events(0)
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Basic.Consume(queue=queue, consumer_tag="c"), 1)
        raw.expect(commands.Basic.ConsumeOk)
        raw.send_message("", queue, b"x")
        raw.send_message("", queue, b"y")
        raw.send(commands.Basic.Cancel(consumer_tag="c"), 1)
        raw.send(commands.Basic.Cancel(consumer_tag="never was"), 1)
        seen: list[object] = []
        while len([one for one in seen if isinstance(one, commands.Basic.CancelOk)]) < 2:
            seen.append(raw.read())
        delivered = [one for one in seen if isinstance(one, commands.Basic.Deliver)]
        for delivery in delivered:
            raw.send(commands.Basic.Ack(delivery.delivery_tag or 0), 1)
        raw.send(commands.Queue.Declare(queue=queue, passive=True), 1)
        assert raw.expect(commands.Queue.DeclareOk).consumer_count == 1


def test_a_deleted_queue_cancels_its_consumers(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    queue = peer.queue(channel)
    cancelled: list[str] = []
    consumer = connection.channel()

    def note(frame: Any) -> None:
        cancelled.append(frame.method.consumer_tag)

    consumer.add_on_cancel_callback(note)
    tag = consumer.basic_consume(queue, ignore)
    channel.queue_delete(queue)
    while not cancelled:
        connection.process_data_events(1)
    assert cancelled == [tag]
    assert consumer.is_open


def test_a_deleted_queue_says_nothing_to_a_peer_that_would_not_understand(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel)
    for capable in (True, False):
        channel.queue_declare(queue)
        with peer.raw() as raw:
            raw.open(consumer_cancel_notify=capable)
            raw.send(commands.Basic.Consume(queue=queue, consumer_tag="me"), 1)
            raw.expect(commands.Basic.ConsumeOk)
            channel.queue_delete(queue)
            if capable:
                assert raw.expect(commands.Basic.Cancel).consumer_tag == "me"
            raw.send(commands.Basic.Qos(prefetch_count=1), 1)
            raw.expect(commands.Basic.QosOk)


def test_get_gives_one_message_with_the_count_of_the_others(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, *numbers(1, 2, 3))
    counts: list[int] = []
    for expected in numbers(1, 2, 3):
        method, _, content = channel.basic_get(queue)
        counts.append(method.message_count)
        assert content == expected
        channel.basic_ack(method.delivery_tag)
    assert counts == [2, 1, 0]
    assert channel.basic_get(queue) == (None, None, None)
    with channel_refusal(404):
        channel.basic_get("nowhere")


def test_consumer_arguments_that_would_be_ignored_are_refused_with_540(embedded_peer: Peer) -> None:
    channel = embedded_peer.channel()
    channel.queue_declare("q")
    channel.basic_consume("q", ignore, arguments={"note": "harmless"})
    with connection_refusal(540, "consumer argument 'x-priority'"):
        channel.basic_consume("q", ignore, arguments={"x-priority": 5})
