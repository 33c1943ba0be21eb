from __future__ import annotations

import queue
from urllib.parse import urlsplit

from farpool.amqp import Publisher
from support.proxy import proxy_to

from .conftest import LoopThread, RunningBroker


def test_a_message_is_confirmed_when_it_was_taken(broker: RunningBroker, loop_thread: LoopThread) -> None:
    confirmed: queue.Queue[int] = queue.Queue()
    publisher = Publisher(loop_thread.loop, locate=lambda: broker.results_info(broker.url))
    loop_thread.loop.call(publisher.open)
    for number in range(100):
        loop_thread.loop.call(lambda number=number: publisher.publish(b"%d" % number, lambda: confirmed.put(number)))  # type: ignore[misc]

    assert [broker.arrived.get(timeout=10) for _ in range(100)] == [b"%d" % number for number in range(100)]
    assert sorted(confirmed.get(timeout=10) for _ in range(100)) == list(range(100))
    assert loop_thread.do(lambda: publisher.pending) == 0
    loop_thread.close(publisher)


def test_what_was_not_confirmed_is_published_again_after_a_cut(broker: RunningBroker, loop_thread: LoopThread) -> None:
    confirmed: set[int] = set()
    everything = queue.Queue[str]()

    def confirm(number: int) -> None:
        confirmed.add(number)
        if len(confirmed) == 200:
            everything.put("confirmed")

    port = urlsplit(broker.url).port
    assert port is not None
    with proxy_to(port) as proxy:
        url = broker.url.replace(f":{port}/", f":{proxy.port}/")
        publisher = Publisher(loop_thread.loop, locate=lambda: broker.results_info(url))
        loop_thread.loop.call(publisher.open)
        for number in range(200):
            loop_thread.loop.call(lambda number=number: publisher.publish(b"%d" % number, lambda: confirm(number)))  # type: ignore[misc]
            if number % 50 == 49:
                proxy.cut()

        assert everything.get(timeout=20) == "confirmed"
        loop_thread.close(publisher)

    seen: set[bytes] = set()
    while not broker.arrived.empty():
        seen.add(broker.arrived.get())
    assert seen == {b"%d" % number for number in range(200)}
