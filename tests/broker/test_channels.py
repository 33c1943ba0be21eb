from __future__ import annotations

import pytest
from pamqp import commands

from support.broker import Peer, channel_refusal, connection_refusal


def test_a_channel_opens_closes_and_its_number_opens_again(peer: Peer) -> None:
    connection = peer.connect()
    for _ in range(3):
        channel = connection.channel(7)
        assert channel.channel_number == 7
        channel.close()
        assert channel.is_closed


def test_a_refused_channel_leaves_the_others_and_the_connection_alone(peer: Peer) -> None:
    connection = peer.connect()
    refused, other = connection.channel(), connection.channel()
    queue = peer.queue(other, b"one")
    with channel_refusal(404, f"no queue '{queue}x' in vhost"):
        refused.queue_declare(queue + "x", passive=True)
    assert refused.is_closed
    assert other.basic_get(queue, auto_ack=True)[2] == b"one"
    assert connection.channel(refused.channel_number).is_open


def test_frames_after_a_refusal_are_ignored_until_the_peer_answers(peer: Peer) -> None:
    queue = peer.queue(peer.channel())
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Queue.Declare(queue="nowhere", passive=True), 1)
        raw.send_message("", queue, b"ignored")
        raw.send(commands.Queue.Purge(queue=queue), 1)
        close = raw.expect(commands.Channel.Close)
        assert (close.reply_code, close.class_id, close.method_id) == (404, 50, 10)
        raw.send(commands.Queue.Purge(queue=queue), 1)
        raw.send(commands.Channel.CloseOk(), 1)
        raw.open_channel(1)
        raw.send(commands.Queue.Purge(queue=queue), 1)
        assert raw.expect(commands.Queue.PurgeOk).message_count == 0


def test_a_peer_may_close_the_channel_it_is_refused_on(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Queue.Declare(queue="nowhere", passive=True), 1)
        raw.send(commands.Channel.Close(200, "bye", 0, 0), 1)
        raw.expect(commands.Channel.Close)
        raw.expect(commands.Channel.CloseOk)
        raw.send(commands.Channel.CloseOk(), 1)
        raw.open_channel(1)


def test_more_channels_than_agreed_on_are_refused_with_530(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.start()
        raw.log_in()
        raw.send(commands.Connection.TuneOk(2, 131_072, 0))
        raw.send(commands.Connection.Open(raw.vhost))
        raw.expect(commands.Connection.OpenOk)
        raw.open_channel(1)
        raw.open_channel(2)
        raw.send(commands.Channel.Open(), 3)
        assert raw.refusal() == (
            530,
            "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)",
        )


def test_a_channel_opened_twice_is_refused_with_504(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Channel.Open(), 1)
        assert raw.refusal() == (504, "CHANNEL_ERROR - second 'channel.open' seen")


def test_a_method_on_an_unopened_channel_is_refused_with_504(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Queue.Declare(queue="x"), 2)
        assert raw.refusal() == (504, "CHANNEL_ERROR - expected 'channel.open'")


def test_a_method_only_a_broker_sends_is_refused(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send(commands.Queue.DeclareOk("q", 0, 0), 1)
        refusal = raw.refusal()
        assert refusal is not None
        assert refusal[0] == 503


def test_transactions_are_refused_with_540_by_the_embedded_broker(peer: Peer) -> None:
    channel = peer.channel()
    if peer.embedded is None:
        channel.tx_select()
        return
    with connection_refusal(540, "NOT_IMPLEMENTED - transactions"):
        channel.tx_select()


def test_bindings_between_exchanges_are_refused_with_540_by_the_embedded_broker(peer: Peer) -> None:
    channel = peer.channel()
    if peer.embedded is None:
        pytest.skip("RabbitMQ has them")
    with connection_refusal(540, "NOT_IMPLEMENTED - bindings between exchanges"):
        channel.exchange_bind("amq.topic", "amq.direct", "key")


def test_flow_can_be_asked_for_and_not_be_stopped(peer: Peer) -> None:
    channel = peer.channel()
    assert channel.flow(True)
    with connection_refusal(540, "active=false"):
        channel.flow(False)


def test_a_lost_connection_takes_its_channels_with_it(embedded_peer: Peer) -> None:
    server = embedded_peer.embedded
    assert server is not None
    with embedded_peer.raw() as raw:
        raw.open()
        raw.open_channel(2)
        assert server.statistics().channels == 2
    server.wait_until(lambda now: (now.connections, now.channels) == (0, 0))
