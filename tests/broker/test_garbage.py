"""What is no AMQP, or bad AMQP, and what becomes of who sends it."""

from __future__ import annotations

import contextlib
import socket
import struct

import pika
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pamqp import body, commands, frame, header

from support.broker import EmbeddedServer, Peer, is_empty
from support.raw_amqp import HEADER, RawConnection


def frame_of(kind: int, channel: int, payload: bytes, end: int = 0xCE, size: int | None = None) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload) if size is None else size) + payload + bytes([end])


PUBLISH = frame.marshal(commands.Basic.Publish(routing_key="q"), 1)


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (frame_of(1, 0, b"\0\x0a\0\x1f", end=0), {501}),
        (frame_of(3, 0, b"x" * 10, size=10_000_000), {501}),
        (frame_of(9, 0, b"abcd"), {501}),
        (frame_of(1, 1, b"\x00\x63\x00\x63"), {501, 540, 503}),
        (frame_of(1, 1, b"\0\x32\0\x0a\0\0\xff"), {501, 502}),
        (frame_of(1, 1, b"\0"), {501, 502}),
        (frame_of(8, 1, b""), {501, 503, 505}),
        (frame_of(2, 1, b"\0\x3c" + b"\0" * 12), {505}),
        (frame_of(3, 1, b"body"), {505}),
        (PUBLISH + PUBLISH, {505}),
        (PUBLISH + frame_of(3, 1, b"body"), {505}),
        (PUBLISH + frame.marshal(header.ContentHeader(0, 9), 1) + PUBLISH, {505}),
        (PUBLISH + frame_of(2, 1, b"\0\x32" + b"\0" * 12), {501, 505}),
    ],
    ids=[
        "end mark",
        "frame too large",
        "frame type",
        "unknown method",
        "arguments cut short",
        "no method",
        "heartbeat on a channel",
        "header without publish",
        "body without publish",
        "publish after publish",
        "body after publish",
        "publish in a body",
        "header of another class",
    ],
)
def test_a_broken_frame_closes_the_connection_with_its_code(peer: Peer, sent: bytes, codes: set[int]) -> None:
    with peer.raw() as raw:
        raw.open()
        raw.send_bytes(sent)
        refusal = raw.refusal()
        assert refusal is not None or not peer.embedded  # RabbitMQ hangs up on some without a word
        assert refusal is None or refusal[0] in codes, refusal
        if peer.embedded:
            raw.send(commands.Connection.CloseOk())
            raw.expect_end()
    peer.connect().channel().queue_declare("", exclusive=True)


def test_a_body_longer_than_its_header_said_is_refused_with_501(embedded_peer: Peer) -> None:
    with embedded_peer.raw() as raw:
        raw.open()
        raw.send_bytes(PUBLISH + frame.marshal(header.ContentHeader(0, 2), 1) + frame_of(3, 1, b"too long"))
        assert raw.refusal() == (501, "FRAME_ERROR - a message body is 6 bytes longer than its header said")


@pytest.mark.parametrize(
    "properties",
    [
        b"\x80\x00\xff123",  # a content type of 255 bytes, three there
        b"\x10\x00",  # a delivery mode that is not there
        b"\x10\x00\x02extra",
        b"\x20\x00\x00\x00\x00\x09short",  # headers of 9 bytes, five there
        b"\x20\x00\x00\x00\x00\x03\x01kZ",  # a header of no known type
        b"\x20\x00\x00\x00\x00\x06\x01kS\x00\x00\x00",  # a string whose length is cut short
        b"\x00\x01\x00\x00",  # a second word of flags
        b"",
    ],
)
def test_properties_that_would_hurt_their_reader_are_refused(embedded_peer: Peer, properties: bytes) -> None:
    embedded_peer.queue(embedded_peer.channel())
    with embedded_peer.raw() as raw:
        raw.open()
        raw.send_bytes(PUBLISH + frame_of(2, 1, b"\0\x3c\0\0" + (5).to_bytes(8, "big") + properties))
        refusal = raw.refusal()
        assert refusal is not None
        assert refusal[0] == 502


def open_and_garble(url: str, garbage: bytes, *, greeted: bool) -> None:
    with RawConnection(url) as raw, contextlib.suppress(ConnectionError, EOFError):
        if greeted:
            raw.open()
        raw.send_bytes(garbage)
        raw.socket.shutdown(socket.SHUT_WR)
        raw.expect_end()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=300), greeted=st.booleans())
def test_garbage_does_not_bring_the_broker_down(embedded: EmbeddedServer, garbage: bytes, greeted: bool) -> None:
    open_and_garble(embedded.url, garbage, greeted=greeted)
    embedded.wait_until(is_empty)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_good_conversation_with_a_wrong_byte_does_not_bring_the_broker_down(
    embedded: EmbeddedServer, data: st.DataObject
) -> None:
    good = b"".join(
        (
            frame.marshal(commands.Queue.Declare(queue="q", auto_delete=True), 1),
            frame.marshal(commands.Basic.Consume(queue="q"), 1),
            PUBLISH,
            frame.marshal(header.ContentHeader(0, 4, commands.Basic.Properties(headers={"a": [1, "b"]})), 1),
            frame.marshal(body.ContentBody(b"body"), 1),
            frame.marshal(commands.Basic.Ack(1), 1),
            frame.marshal(commands.Queue.Delete(queue="q"), 1),
        )
    )
    at = data.draw(st.integers(0, len(good) - 1))
    wrong = data.draw(st.integers(0, 255))
    open_and_garble(embedded.url, good[:at] + bytes([wrong]) + good[at + 1 :], greeted=True)
    cleaner = pika.BlockingConnection(pika.URLParameters(embedded.url))
    cleaner.channel().queue_delete("q")
    cleaner.close()
    embedded.wait_until(lambda now: now.connections == 0)


def test_frames_may_come_byte_by_byte(embedded_peer: Peer) -> None:
    queue = embedded_peer.queue(embedded_peer.channel())
    with embedded_peer.raw() as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEADER:
            raw.send_bytes(bytes([byte]))
        raw.expect(commands.Connection.Start)
        raw.log_in()
        raw.send(commands.Connection.TuneOk(10, 131_072, 0))
        raw.send(commands.Connection.Open("/"))
        raw.expect(commands.Connection.OpenOk)
        raw.open_channel(1)
        message = b"".join(
            (
                frame.marshal(commands.Basic.Publish(routing_key=queue), 1),
                frame.marshal(header.ContentHeader(0, 5), 1),
                frame.marshal(body.ContentBody(b"hello"), 1),
            )
        )
        for byte in message:
            raw.send_bytes(bytes([byte]))
        raw.send(commands.Basic.Get(queue=queue), 1)
        raw.expect(commands.Basic.GetOk)
        raw.expect(header.ContentHeader)
        assert raw.expect(body.ContentBody).value == b"hello"


def test_half_a_message_is_forgotten_with_its_connection(embedded_peer: Peer) -> None:
    server = embedded_peer.embedded
    assert server is not None
    queue = embedded_peer.queue(embedded_peer.channel())
    with embedded_peer.raw() as raw:
        raw.open()
        raw.send(commands.Basic.Publish(routing_key=queue), 1)
        raw.send(header.ContentHeader(0, 1_000_000), 1)
        raw.send(body.ContentBody(b"x" * 100_000), 1)
    server.wait_until(lambda now: now.connections == 1)
    assert embedded_peer.channel().queue_declare(queue, passive=True).method.message_count == 0
    assert server.statistics().bytes == 0
