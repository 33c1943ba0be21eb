from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import pika
import pytest
from pamqp import commands
from pika import exceptions

from farpool.broker import Limits
from support.broker import EmbeddedServer, Peer, connection_refusal, ignore


def test_a_client_opens_a_connection_and_closes_it(peer: Peer) -> None:
    connection = peer.connect()
    assert connection.is_open
    assert connection.basic_nack_supported
    assert connection.consumer_cancel_notify_supported
    assert connection.publisher_confirms_supported
    connection.close()
    assert connection.is_closed


def test_another_protocol_is_answered_with_the_version_spoken_here(peer: Peer) -> None:
    for first in (b"AMQP\x00\x01\x00\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01"):
        with peer.raw() as raw:
            raw.send_bytes(first)
            assert raw.read_bytes(8) == b"AMQP\x00\x00\x09\x01"
            raw.expect_end()


def test_a_wrong_password_is_refused_with_403(peer: Peer) -> None:
    url = peer.url.replace("secret", "wrong").replace(":farpool@", ":wrong@")
    with pytest.raises(exceptions.ProbableAuthenticationError, match=r"403.*ACCESS_REFUSED"):
        peer.connect(url)


@pytest.mark.slow
def test_an_old_client_with_a_wrong_password_is_hung_up_on(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.start()
        raw.send(commands.Connection.StartOk({}, "PLAIN", "\0nobody\0nothing", "en_US"))
        raw.expect_end()


def test_an_unknown_virtual_host_is_refused_with_530(peer: Peer) -> None:
    url = peer.url.rpartition("/")[0] + "/elsewhere"
    with pytest.raises(exceptions.ProbableAccessDeniedError, match=r"530.*vhost elsewhere not found"):
        peer.connect(url)


@pytest.mark.slow
def test_an_unknown_mechanism_is_refused_with_503(peer: Peer) -> None:
    with peer.raw() as raw:
        assert b"PLAIN" in str(raw.start().mechanisms).encode()
        raw.send(commands.Connection.StartOk({}, "RHUBARB", "", "en_US"))
        # RabbitMQ hangs up on a peer it does not know yet, after three seconds of silence.
        assert raw.refusal() == (
            peer.embedded and (503, "COMMAND_INVALID - unknown authentication mechanism 'RHUBARB'")
        )


@pytest.mark.slow
def test_tuning_out_of_bounds_is_refused_with_530(peer: Peer) -> None:
    cases = {
        (2048, 131_072): "negotiated channel_max = 2048 is higher than the maximum allowed value (2047)",
        (0, 131_072): "negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)",
        (10, 131_073): "negotiated frame_max = 131073 is higher than the maximum allowed value (131072)",
        (10, 4095): "negotiated frame_max = 4095 is lower than the minimum allowed value (4096)",
    }
    raws = [peer.raw() for _ in cases]
    for raw, (channel_max, frame_max) in zip(raws, cases, strict=True):
        raw.start()
        tune = raw.log_in()
        assert (tune.channel_max, tune.frame_max, tune.heartbeat) == (2047, 131_072, 60)
        raw.send(commands.Connection.TuneOk(channel_max, frame_max, 0))
    for raw, text in zip(raws, cases.values(), strict=True):
        assert raw.refusal() == ((530, f"NOT_ALLOWED - {text}") if peer.embedded else None)
        raw.close()


@pytest.mark.slow
def test_nothing_is_done_for_a_peer_that_has_not_logged_in(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.start()
        raw.send(commands.Channel.Open(), 1)
        raw.send(commands.Queue.Declare(queue=peer.name()), 1)
        assert raw.refusal() == ((504, "CHANNEL_ERROR - expected 'channel.open'") if peer.embedded else None)


def test_a_small_frame_size_is_kept_in_both_directions(peer: Peer) -> None:
    connection = peer.connect(frame_max=4096)
    channel = connection.channel()
    body = bytes(range(256)) * 100
    queue = peer.queue(channel, body)
    assert channel.basic_get(queue, auto_ack=True)[2] == body
    with peer.raw() as raw:
        raw.open(frame_max=4096)
        raw.send_message("", queue, b"")
        channel.basic_publish("", queue, body)
        raw.send(commands.Basic.Consume(queue=queue, no_ack=True), 1)
        raw.expect(commands.Basic.ConsumeOk)
        sizes = [len(raw.read_frame()[2]) for _ in range(5 + 25600 // 4088)]
        assert max(sizes) == 4096 - 8


@pytest.mark.slow
def test_a_silent_peer_gets_heartbeats_and_is_cut_after_two_intervals(peer: Peer) -> None:
    with peer.raw() as raw:
        raw.open(heartbeat_s=1)
        began = time.monotonic()
        beats: list[tuple[int, int, bytes]] = []
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                beats.append(raw.read_frame())
        took = time.monotonic() - began
    assert all(beat == (8, 0, b"") for beat in beats)
    assert len(beats) >= 2
    assert 1.5 < took < 6


@pytest.mark.slow
def test_a_peer_that_beats_stays(peer: Peer) -> None:
    connection = peer.connect(heartbeat=1)
    channel = connection.channel()
    queue = peer.queue(channel)
    connection.sleep(3.5)
    assert channel.queue_declare(queue, passive=True).method.message_count == 0


def test_a_peer_that_does_not_shake_hands_is_cut(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(handshake_s=0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as idle:
        assert idle.recv(100) == b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as half:
        half.sendall(b"AMQP\x00\x00\x09\x01")
        while half.recv(1000):
            pass


def test_one_connection_too_many_is_cut(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(connections=1)
    with server.peer.raw() as first:
        first.open()
        with server.peer.raw() as second:
            second.expect_end()
        first.open_channel(2)


def test_a_stopping_broker_says_320() -> None:
    server = EmbeddedServer(Limits())
    connection = pika.BlockingConnection(pika.URLParameters(server.url))
    channel = connection.channel()
    channel.queue_declare("q")
    channel.basic_consume("q", ignore)
    stopping = server.server.stop()
    with connection_refusal(320, "CONNECTION_FORCED"):
        stopped = server.submit(stopping)
        channel.start_consuming()
    stopped.result(10)
    server.close()
