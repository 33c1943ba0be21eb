"""What is held for peers that do not take it, and who has to wait."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import pytest
from pamqp import commands, frame

from support.broker import EmbeddedServer, Peer, is_empty


def test_a_slow_reader_does_not_make_the_broker_keep_its_backlog_twice(embedded_peer: Peer) -> None:
    server = embedded_peer.embedded
    assert server is not None
    channel = embedded_peer.channel()
    queue = embedded_peer.queue(channel)
    count, size = 400, 100_000
    for _ in range(count):
        channel.basic_publish("", queue, b"x" * size)
    embedded_peer.wait_for_messages(queue, count)
    with embedded_peer.raw() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.open()
        slow.send(commands.Basic.Consume(queue=queue), 1)
        slow.expect(commands.Basic.ConsumeOk)
        # It reads no more: what was sent fills two socket buffers and the transport, the rest stays in the queue.
        held = server.wait_until(lambda now: now.unacked > 0)
        embedded_peer.connect().channel()
        held = server.statistics()
        assert held.ready > count * 0.5, held
        # A second consumer gets what the first one does not take.
        other = embedded_peer.channel()
        got = 0
        for method, _, _ in other.consume(queue, inactivity_timeout=0.3):
            if method is None:
                break
            got += 1
            other.basic_ack(method.delivery_tag)
        other.cancel()
        assert got >= held.ready - 5
        # And it goes on when the first one reads again.
        deliveries = 0
        while deliveries < count - got:
            deliveries += isinstance(slow.read(), commands.Basic.Deliver)
        slow.send(commands.Basic.Ack(0, multiple=True), 1)
        slow.send(commands.Channel.Close(200, "", 0, 0), 1)
        while not isinstance(slow.read(), commands.Channel.CloseOk):
            pass
    assert server.statistics().bytes == 0


@pytest.mark.slow
def test_a_peer_that_asks_and_never_reads_is_not_read_either(embedded_peer: Peer) -> None:
    server = embedded_peer.embedded
    assert server is not None
    question = frame.marshal(commands.Queue.Declare(queue="q", passive=False), 1) * 2000
    with embedded_peer.raw() as deaf:
        # Small buffers are full soon: the less is asked, the sooner all of it is answered.
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            deaf.socket.setsockopt(socket.SOL_SOCKET, buffer, 65536)
        deaf.open()
        deaf.socket.settimeout(1)
        asked = 0
        with contextlib.suppress(TimeoutError):
            while asked < 1000:
                deaf.socket.sendall(question)
                asked += 1
        assert asked < 1000  # the broker has stopped to read: the rest of the last one is still here
        embedded_peer.connect()
        deaf.socket.settimeout(10)
        for _ in range(20_000):
            deaf.expect(commands.Queue.DeclareOk)


def test_a_full_memory_blocks_publishers_until_there_is_room(
    embedded_with: Callable[..., EmbeddedServer],
) -> None:
    server = embedded_with(memory_bytes=1_000_000)
    peer = server.peer
    consumer = peer.channel()
    consumer.queue_declare("q")
    with peer.raw() as publisher:
        publisher.open(**{"connection.blocked": True})
        publisher.send(commands.Confirm.Select(), 1)
        publisher.expect(commands.Confirm.SelectOk)
        for _ in range(12):
            publisher.send_message("", "q", b"x" * 100_000)
        seen = [publisher.read()]
        while not isinstance(seen[-1], commands.Connection.Blocked):
            seen.append(publisher.read())
        assert seen[-1].reason == "low on memory"
        assert server.statistics().is_blocking
        blocked = server.statistics()
        publisher.send_message("", "q", b"waits in the socket")
        assert server.statistics().ready == blocked.ready
        # Who only consumes is not blocked, and makes room.
        assert consumer.queue_purge("q").method.message_count == blocked.ready
        while not isinstance(publisher.read(), commands.Connection.Unblocked):
            pass
        peer.wait_for_messages("q", 13 - blocked.ready)
        publisher.send(commands.Queue.Purge(queue="q"), 1)
        while not isinstance(publisher.read(), commands.Queue.PurgeOk):
            pass
    peer.close()
    server.wait_until(is_empty)


def test_a_first_publish_into_a_full_memory_blocks_its_connection(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(memory_bytes=300_000)
    peer = server.peer
    filler = peer.channel()
    filler.queue_declare("q")
    filler.basic_publish("", "q", b"x" * 400_000)
    server.wait_until(lambda now: now.is_blocking)
    with peer.raw() as late:
        late.open(**{"connection.blocked": True})
        late.send(commands.Queue.Declare(queue="q"), 1)
        late.expect(commands.Queue.DeclareOk)  # not a publisher yet
        late.send_message("", "q", b"one")
        late.expect(commands.Connection.Blocked)
        with peer.raw() as taker:
            taker.open()
            taker.send(commands.Queue.Purge(queue="q"), 1)
            taker.expect(commands.Queue.PurgeOk)
        late.expect(commands.Connection.Unblocked)
        late.send(commands.Queue.Delete(queue="q"), 1)
        late.expect(commands.Queue.DeleteOk)


def test_a_blocked_peer_that_goes_away_is_let_go(embedded_with: Callable[..., EmbeddedServer]) -> None:
    server = embedded_with(memory_bytes=300_000, goodbye_s=0.2)
    channel = server.peer.channel()
    channel.queue_declare("q")
    with server.peer.raw() as publisher:
        publisher.open()
        publisher.send_message("", "q", b"x" * 120_000)
        publisher.send_message("", "q", b"x" * 120_000)
        publisher.send_message("", "q", b"x" * 120_000)
        server.wait_until(lambda now: now.is_blocking)
    channel.queue_purge("q")
    server.wait_until(lambda now: now.connections == 1)
    channel.connection.close()
