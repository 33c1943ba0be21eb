from __future__ import annotations

import asyncio
import queue
from functools import partial
from urllib.parse import urlsplit

import pytest

from farpool.amqp import Address, Consumer, Delivery, Loop, Patience
from farpool.errors import StreamError
from support.proxy import proxy_to

from .conftest import BEFORE, QUEUE, LoopThread, RunningBroker


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def test_messages_arrive_in_order_and_are_gone_once_acknowledged(
    broker: RunningBroker, loop_thread: LoopThread
) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    broker.put(b"1", b"2", b"3")
    consumer = Consumer(loop_thread.loop, locate=lambda: Address(broker.url, QUEUE), deliver=seen.put)
    loop_thread.loop.call(consumer.open)

    deliveries = [seen.get(timeout=10) for _ in range(3)]
    assert [one.body for one in deliveries] == [b"1", b"2", b"3"]
    for one in deliveries:
        loop_thread.loop.call(partial(consumer.ack, one))
    loop_thread.close(consumer)

    again = LoopThread()
    late = Consumer(again.loop, locate=lambda: Address(broker.url, QUEUE), deliver=seen.put)
    again.loop.call(late.open)
    broker.put(b"4")
    assert seen.get(timeout=10).body == b"4"
    again.close(late)


def test_what_was_not_acknowledged_comes_again_after_a_cut(broker: RunningBroker, loop_thread: LoopThread) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    events: queue.Queue[str] = queue.Queue()
    with proxy_to(port_of(broker.url)) as proxy:
        url = broker.url.replace(f":{port_of(broker.url)}/", f":{proxy.port}/")
        consumer = Consumer(
            loop_thread.loop,
            locate=lambda: Address(url, QUEUE),
            deliver=seen.put,
            on_open=lambda: events.put("open"),
            on_lost=lambda: events.put("lost"),
        )
        broker.put(b"kept", b"acknowledged too late")
        loop_thread.loop.call(consumer.open)
        first, second = seen.get(timeout=10), seen.get(timeout=10)
        assert not first.redelivered
        assert events.get(timeout=10) == "open"

        proxy.cut()
        again = [seen.get(timeout=10), seen.get(timeout=10)]
        loop_thread.loop.call(partial(consumer.ack, second))  # of the old connection: must not acknowledge anything
        assert [one.body for one in again] == [b"kept", b"acknowledged too late"]
        assert all(one.redelivered for one in again)
        assert [events.get(timeout=10), events.get(timeout=10)] == ["lost", "open"]

        loop_thread.loop.call(partial(consumer.ack, again[0]))
        loop_thread.close(consumer)
    assert broker.broker.statistics().ready + broker.broker.statistics().unacked == 1


def test_a_consumer_survives_a_broker_that_forgets_everything(broker: RunningBroker, loop_thread: LoopThread) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    consumer = Consumer(loop_thread.loop, locate=lambda: Address(broker.url, QUEUE), deliver=seen.put)
    loop_thread.loop.call(consumer.open)
    broker.put(b"before")
    assert seen.get(timeout=10).body == b"before"

    broker.restart()
    broker.put(b"after")

    assert seen.get(timeout=10).body == b"after"
    loop_thread.close(consumer)


def test_prefetch_bounds_what_is_handed_over(broker: RunningBroker, loop_thread: LoopThread) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    broker.put(*[b"%d" % number for number in range(10)])
    consumer = Consumer(loop_thread.loop, locate=lambda: Address(broker.url, QUEUE), deliver=seen.put, prefetch=2)
    loop_thread.loop.call(consumer.open)
    held = [seen.get(timeout=10), seen.get(timeout=10)]
    assert loop_thread.do(seen.empty)

    loop_thread.loop.call(partial(consumer.ack, held[1]))

    assert seen.get(timeout=10).body == b"2"
    loop_thread.close(consumer)


def test_a_nacked_message_comes_back_or_is_dropped(broker: RunningBroker, loop_thread: LoopThread) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    consumer = Consumer(loop_thread.loop, locate=lambda: Address(broker.url, QUEUE), deliver=seen.put)
    loop_thread.loop.call(consumer.open)
    broker.put(b"again")

    loop_thread.loop.call(partial(consumer.nack, seen.get(timeout=10)))
    back = seen.get(timeout=10)
    assert (back.body, back.redelivered) == (b"again", True)

    loop_thread.loop.call(partial(consumer.nack, back, requeue=False))
    broker.put(b"next")
    assert seen.get(timeout=10).body == b"next"
    loop_thread.close(consumer)


def test_a_closed_port_is_given_up_with_an_error_that_names_it(loop_thread: LoopThread) -> None:
    gave_up: queue.Queue[StreamError] = queue.Queue()
    consumer = Consumer(
        loop_thread.loop,
        name="results",
        locate=lambda: Address("amqp://a:b@127.0.0.1:1/%2F", "q"),
        deliver=lambda _: None,
        on_gave_up=gave_up.put,
        patience=Patience(first_s=0.3),
    )
    loop_thread.loop.call(consumer.open)

    error = gave_up.get(timeout=10)
    assert "127.0.0.1:1" in str(error)
    assert "Connection refused" in str(error)
    assert "a:b" not in str(error)
    loop_thread.close(consumer)


def test_a_missing_queue_is_given_up_with_the_brokers_own_words(broker: RunningBroker, loop_thread: LoopThread) -> None:
    gave_up: queue.Queue[StreamError] = queue.Queue()
    endpoint_url = broker.url
    broker.call(broker.broker.delete(QUEUE))
    consumer = Consumer(
        loop_thread.loop,
        locate=lambda: Address(endpoint_url, QUEUE),
        deliver=lambda _: None,
        on_gave_up=gave_up.put,
        patience=Patience(first_s=0.3),
    )
    loop_thread.loop.call(consumer.open)

    assert "NOT_FOUND" in str(gave_up.get(timeout=10))
    loop_thread.close(consumer)


@pytest.mark.parametrize("moment_s", [place * 0.0003 for place in range(12)])
def test_a_consumer_can_be_closed_at_any_moment_of_its_opening(broker: RunningBroker, moment_s: float) -> None:
    loop = Loop()
    consumer = Consumer(loop, locate=lambda: Address(broker.url, QUEUE), deliver=lambda _: None)
    loop.call(consumer.open)

    def close_later() -> None:
        loop.call_later(moment_s, lambda: consumer.close(loop.stop))

    loop.call(close_later)
    loop.run()

    assert broker.call(_connections_left(broker)) == 0


async def _connections_left(broker: RunningBroker) -> int:
    # In the broker's loop, until it has read the end of the connection.
    for _ in range(1000):
        if not broker.broker.statistics().connections:
            break
        await asyncio.sleep(0.001)
    return broker.broker.statistics().connections


async def _unacked(broker: RunningBroker, expected: int) -> int:
    # In the broker's loop, until it has read the acknowledgements.
    for _ in range(10_000):
        if broker.broker.statistics().unacked == expected:
            break
        await asyncio.sleep(0.001)
    return broker.broker.statistics().unacked


def test_what_waits_in_the_queue_before_comes_first_at_every_connect(
    broker: RunningBroker, loop_thread: LoopThread
) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    before = [f"before {number}".encode() for number in range(1200)]  # more than the broker hands out in one turn
    broker.put(b"task 1", b"task 2", b"task 3")
    broker.put_before(*before)
    with proxy_to(port_of(broker.url)) as proxy:
        url = broker.url.replace(f":{port_of(broker.url)}/", f":{proxy.port}/")
        consumer = Consumer(
            loop_thread.loop, locate=lambda: Address(url, QUEUE, BEFORE), deliver=seen.put, prefetch=2, exclusive=True
        )
        loop_thread.loop.call(consumer.open)

        first = [seen.get(timeout=10) for _ in range(1202)]
        assert [one.body for one in first] == [*before, b"task 1", b"task 2"]
        for one in first[:1200]:
            loop_thread.loop.call(partial(consumer.ack, one))
        broker.put_before(b"later")  # beside the tasks, whose window is full
        assert seen.get(timeout=10).body == b"later"

        broker.put_before(b"latest")
        assert seen.get(timeout=10).body == b"latest"
        assert broker.call(_unacked(broker, 4)) == 4  # what is acknowledged has come to the broker
        proxy.cut()
        again = [seen.get(timeout=10) for _ in range(4)]
        assert [one.body for one in again] == [b"later", b"latest", b"task 1", b"task 2"]
        assert all(one.redelivered for one in again)
        loop_thread.close(consumer)


def test_a_queue_before_that_is_empty_holds_nothing_up(broker: RunningBroker, loop_thread: LoopThread) -> None:
    seen: queue.Queue[Delivery] = queue.Queue()
    broker.put(b"task")
    consumer = Consumer(loop_thread.loop, locate=lambda: Address(broker.url, QUEUE, BEFORE), deliver=seen.put)
    loop_thread.loop.call(consumer.open)

    assert seen.get(timeout=10).body == b"task"
    loop_thread.close(consumer)
