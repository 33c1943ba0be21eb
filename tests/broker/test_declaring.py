from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.broker import Peer, channel_refusal, connection_refusal, ignore


def test_a_queue_is_declared_looked_at_and_deleted(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, b"one", b"two", durable=True)
    channel.basic_consume(peer.queue(channel), ignore)
    for passive in (False, True):
        answer = channel.queue_declare(queue, durable=True, passive=passive).method
        assert (answer.queue, answer.message_count, answer.consumer_count) == (queue, 2, 0)
    assert channel.queue_delete(queue).method.message_count == 2
    assert channel.queue_delete(queue).method.message_count == 0  # again: nothing happens
    with channel_refusal(404, f"NOT_FOUND - no queue '{queue}' in vhost"):
        channel.queue_declare(queue, passive=True)


@pytest.mark.parametrize("name", ["with space", "ünïcode/✓", "a" * 255, "semi;colon|pipe"])
def test_a_queue_may_have_any_name(peer: Peer, name: str) -> None:
    channel = peer.channel()
    assert channel.queue_declare(name, auto_delete=True).method.queue == name
    channel.basic_publish("", name, b"here")
    method, _, body = channel.basic_get(name, auto_ack=True)
    assert (method.routing_key, body) == (name, b"here")
    channel.queue_delete(name)


def test_a_queue_without_a_name_is_given_one(peer: Peer) -> None:
    channel = peer.channel()
    first, second = (channel.queue_declare("", exclusive=True).method.queue for _ in range(2))
    assert first.startswith("amq.gen-")
    assert first != second
    assert channel.queue_declare(first, passive=True).method.queue == first
    # An empty name means the queue declared last on this channel.
    channel.basic_publish("", first, b"x")
    assert channel.basic_get("", auto_ack=True)[2] == b"x"


def test_no_name_before_any_declare_is_refused_with_404(peer: Peer) -> None:
    channel = peer.channel()
    with channel_refusal(404, "no previously declared queue"):
        channel.queue_purge("")


def test_a_reserved_queue_name_is_refused_with_403(peer: Peer) -> None:
    channel = peer.channel()
    with channel_refusal(403, "queue name 'amq.mine' contains reserved prefix 'amq.*'"):
        channel.queue_declare("amq.mine")


@pytest.mark.parametrize("argument", ["durable", "auto_delete"])
def test_a_queue_declared_again_otherwise_is_refused_with_406(peer: Peer, argument: str) -> None:
    channel = peer.channel()
    queue = peer.queue(channel)
    with channel_refusal(406, f"PRECONDITION_FAILED - inequivalent arg '{argument}' for queue '{queue}' in vhost"):
        channel.queue_declare(queue, **{argument: True})


def test_an_exclusive_queue_is_locked_for_others_with_405_and_goes_with_its_connection(peer: Peer) -> None:
    owner = peer.connect()
    queue = peer.name()
    owner.channel().queue_declare(queue, exclusive=True)
    other = peer.connect()
    steps: list[Callable[[Any], object]] = [
        lambda channel: channel.queue_declare(queue, passive=True),
        lambda channel: channel.queue_declare(queue, exclusive=True),
        lambda channel: channel.basic_consume(queue, ignore),
        lambda channel: channel.basic_get(queue),
        lambda channel: channel.queue_purge(queue),
        lambda channel: channel.queue_delete(queue),
        lambda channel: channel.queue_bind(queue, "amq.topic", "#"),
    ]
    for step in steps:
        with channel_refusal(405, f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}'"):
            step(other.channel())
    owner.close()
    with channel_refusal(404):
        other.channel().queue_declare(queue, passive=True)


def test_an_auto_delete_queue_goes_with_its_last_consumer(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, b"left behind", auto_delete=True)
    first = channel.basic_consume(queue, ignore)
    second = channel.basic_consume(queue, ignore)
    channel.basic_cancel(first)
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 1
    channel.basic_cancel(second)
    with channel_refusal(404):
        channel.queue_declare(queue, passive=True)


def test_an_auto_delete_queue_goes_with_its_last_connection(peer: Peer) -> None:
    consumer, watcher = peer.connect(), peer.connect()
    queue = peer.name()
    channel = consumer.channel()
    channel.queue_declare(queue, auto_delete=True)
    channel.basic_consume(queue, ignore)
    consumer.close()
    with channel_refusal(404):
        watcher.channel().queue_declare(queue, passive=True)


def test_deleting_if_unused_and_if_empty_is_refused_with_406(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    queue = peer.queue(channel, b"one")
    with channel_refusal(406, f"queue '{queue}' in vhost"):
        connection.channel().queue_delete(queue, if_empty=True)
    consumer = connection.channel()
    consumer.basic_consume(queue, ignore)
    with channel_refusal(406, f"queue '{queue}' in vhost"):
        connection.channel().queue_delete(queue, if_unused=True)
    consumer.close()
    channel.queue_purge(queue)
    channel.queue_delete(queue, if_unused=True, if_empty=True)


def test_purging_counts_and_drops_what_waits_and_only_that(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel, b"one", b"two", b"three")
    held, _, _ = channel.basic_get(queue)
    assert channel.queue_purge(queue).method.message_count == 2
    channel.basic_nack(held.delivery_tag, requeue=True)
    assert channel.basic_get(queue, auto_ack=True)[2] == b"one"
    assert channel.basic_get(queue)[0] is None


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic"])
def test_an_exchange_is_declared_looked_at_and_deleted(peer: Peer, kind: str) -> None:
    channel = peer.channel()
    exchange = peer.name("exchange")
    channel.exchange_declare(exchange, kind, durable=True)
    channel.exchange_declare(exchange, kind, durable=True)
    channel.exchange_declare(exchange, passive=True)
    channel.exchange_declare(f"amq.{kind}", passive=True)
    channel.exchange_declare(f"amq.{kind}", kind, durable=True)
    channel.exchange_delete(exchange)
    channel.exchange_delete(exchange)
    with channel_refusal(404, f"NOT_FOUND - no exchange '{exchange}' in vhost"):
        channel.exchange_declare(exchange, passive=True)


def test_an_exchange_declared_again_otherwise_is_refused_with_406(peer: Peer) -> None:
    connection = peer.connect()
    exchange = peer.name("exchange")
    connection.channel().exchange_declare(exchange, "topic")
    for arguments, argument in (({"exchange_type": "direct"}, "type"), ({"durable": True}, "durable")):
        with channel_refusal(406, f"inequivalent arg '{argument}' for exchange '{exchange}' in vhost"):
            connection.channel().exchange_declare(exchange, **{"exchange_type": "topic", **arguments})
    connection.channel().exchange_delete(exchange)


def test_reserved_and_default_exchanges_cannot_be_touched(peer: Peer) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel())
    with channel_refusal(403, "exchange name 'amq.mine' contains reserved prefix 'amq.*'"):
        connection.channel().exchange_declare("amq.mine", "topic")
    with channel_refusal(403):
        connection.channel().exchange_delete("amq.topic")
    with channel_refusal(403, "operation not permitted on the default exchange"):
        connection.channel().queue_bind(queue, "", "key")
    with channel_refusal(403, "operation not permitted on the default exchange"):
        connection.channel().queue_unbind(queue, "", queue)


def test_an_exchange_in_use_is_not_deleted_if_unused_with_406(peer: Peer) -> None:
    connection = peer.connect()
    channel = connection.channel()
    exchange = peer.name("exchange")
    channel.exchange_declare(exchange, "topic")
    channel.queue_bind(peer.queue(channel), exchange, "#")
    with channel_refusal(406, f"exchange '{exchange}' in vhost"):
        connection.channel().exchange_delete(exchange, if_unused=True)
    channel.exchange_delete(exchange)


def test_an_auto_delete_exchange_goes_with_its_last_binding(peer: Peer) -> None:
    channel = peer.channel()
    exchange = peer.name("exchange")
    queue = peer.queue(channel)
    channel.exchange_declare(exchange, "topic", auto_delete=True)
    channel.queue_bind(queue, exchange, "a")
    channel.queue_bind(queue, exchange, "b")
    channel.queue_unbind(queue, exchange, "a")
    channel.exchange_declare(exchange, passive=True)
    channel.queue_delete(queue)
    with channel_refusal(404):
        channel.exchange_declare(exchange, passive=True)


def test_an_unknown_kind_of_exchange_is_refused_with_503(peer: Peer) -> None:
    channel = peer.channel()
    with connection_refusal(503, "COMMAND_INVALID - unknown exchange type 'x-strange'"):
        channel.exchange_declare(peer.name(), "x-strange")


def test_binding_what_is_not_there_is_refused_with_404(peer: Peer) -> None:
    connection = peer.connect()
    queue = peer.queue(connection.channel())
    with channel_refusal(404, "no exchange 'nowhere' in vhost"):
        connection.channel().queue_bind(queue, "nowhere", "key")
    with channel_refusal(404, "no queue 'nowhere' in vhost"):
        connection.channel().queue_bind("nowhere", "amq.topic", "key")


def test_unbinding_what_is_not_bound_does_nothing(peer: Peer) -> None:
    channel = peer.channel()
    queue = peer.queue(channel)
    channel.queue_unbind(queue, "amq.topic", "never")
    assert channel.is_open


@pytest.mark.parametrize(
    "arguments",
    [{"x-message-ttl": 1000}, {"x-dead-letter-exchange": "x"}, {"x-max-length": 5}, {"x-queue-type": "quorum"}],
    ids=lambda arguments: next(iter(arguments)),
)
def test_the_embedded_broker_refuses_with_540_what_it_would_not_do(
    embedded_peer: Peer, arguments: dict[str, object]
) -> None:
    channel = embedded_peer.channel()
    with connection_refusal(540, f"NOT_IMPLEMENTED - queue argument '{next(iter(arguments))}'"):
        channel.queue_declare("q", arguments=arguments)


def test_the_embedded_broker_takes_a_classic_queue_by_name_and_free_arguments(embedded_peer: Peer) -> None:
    channel = embedded_peer.channel()
    channel.queue_declare("q", arguments={"x-queue-type": "classic", "owner": "me"})


def test_the_embedded_broker_refuses_headers_and_internal_exchanges_with_540(embedded_peer: Peer) -> None:
    channel = embedded_peer.channel()
    with connection_refusal(540, "exchange type 'headers'"):
        channel.exchange_declare("e", "headers")
    channel = embedded_peer.channel()
    with connection_refusal(540, "internal exchanges"):
        channel.exchange_declare("e", "topic", internal=True)


def test_what_a_user_may_not_do_is_refused_with_403(embedded_peer: Peer) -> None:
    connection = embedded_peer.connect()
    steps: list[Callable[[Any], object]] = [
        lambda channel: channel.queue_declare("forbidden"),
        lambda channel: channel.queue_declare("forbidden", passive=True),
        lambda channel: channel.queue_delete("forbidden"),
        lambda channel: channel.queue_purge("forbidden"),
        lambda channel: channel.queue_bind("forbidden", "amq.topic", "#"),
        lambda channel: channel.basic_get("forbidden"),
        lambda channel: channel.basic_consume("forbidden", ignore),
    ]
    for step in steps:
        with channel_refusal(403, "ACCESS_REFUSED - access to "):
            step(connection.channel())
    steps = [
        lambda channel: channel.exchange_declare("forbidden", "topic"),
        lambda channel: channel.exchange_declare("forbidden", passive=True),
        lambda channel: channel.exchange_delete("forbidden"),
    ]
    for step in steps:
        with channel_refusal(403, "access to exchange 'forbidden' in vhost '/' refused for user 'somebody'"):
            step(connection.channel())
