"""What RabbitMQ adds: an address that may be wrong, and connections that may be cut."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import pytest

from farpool.errors import FarpoolError
from farpool.service.broker import Outgoing
from farpool.service.brokers import RabbitBroker
from support.broker_adapters import EP, Running, require_aio_pika
from support.proxy import Proxy, proxy_to
from support.rabbitmq import RabbitNode


@pytest.mark.parametrize("url", ["http://localhost", "amqp://", "localhost:5672", ""])
def test_what_is_no_amqp_url_is_told_without_its_password(url: str) -> None:
    with pytest.raises(FarpoolError, match=r"must look like amqp://user:password@host:5672/%2F"):
        RabbitBroker(url)


def test_a_missing_aio_pika_is_told_with_what_to_install() -> None:
    program = """
        import asyncio, sys
        sys.modules["aio_pika"] = None  # as if it were not installed
        from farpool.service.brokers import RabbitBroker
        asyncio.run(RabbitBroker("amqp://localhost").start())
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.splitlines()[-1].endswith("which is not installed: pip install 'farpool[rabbitmq]'")


def test_a_rabbitmq_that_is_not_there_is_told_with_its_address() -> None:
    require_aio_pika()
    broker = RabbitBroker("amqp://me:secret@127.0.0.1:1/")
    with pytest.raises(FarpoolError, match=r"RabbitMQ at 127\.0\.0\.1:1 could not be used") as caught:
        asyncio.run(broker.start())
    assert "secret" not in str(caught.value)


@pytest.mark.live
def test_a_wrong_password_for_rabbitmq_is_told(rabbitmq: RabbitNode) -> None:
    require_aio_pika()
    broker = RabbitBroker(f"amqp://farpool:wrong@127.0.0.1:{rabbitmq.port}/")
    with pytest.raises(FarpoolError, match=r"could not be used: .*ACCESS_REFUSED"):
        asyncio.run(broker.start())


# aiormq before 7, which is what Python 3.10 gets, leaves the transport of a cut connection to the garbage collector,
# and has it held by the errors it logs.
forgives_aiormq = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture
def cut(rabbitmq: RabbitNode) -> Iterator[tuple[Running, Proxy, str]]:
    """A RabbitBroker whose connections can be cut, and the URL that leads around the proxy."""
    require_aio_pika()
    url = rabbitmq.url()
    logging.disable(logging.CRITICAL)
    with proxy_to(rabbitmq.port) as proxy:
        running = Running(lambda: RabbitBroker(url.replace(f":{rabbitmq.port}/", f":{proxy.port}/")))
        yield running, proxy, url
        running.close()
    gc.collect()
    logging.disable(logging.NOTSET)


@pytest.mark.live
@pytest.mark.slow
@forgives_aiormq
def test_publishing_to_rabbitmq_survives_cuts(cut: tuple[Running, Proxy, str]) -> None:
    running, proxy, url = cut
    running.run(running.broker.declare("q"))
    messages = [Outgoing(b"%d" % number, f"id-{number}") for number in range(6000)]
    publishing = running.submit(running.broker.publish("q", messages))
    channel = running.connect(url)
    seen: dict[bytes, int] = {}
    cuts = 0
    began = time.monotonic()
    while not publishing.done() or channel.queue_declare("q", passive=True).method.message_count:
        assert time.monotonic() - began < 60
        method, _, body = channel.basic_get("q", auto_ack=True)
        if method is None:
            continue
        seen[body] = seen.get(body, 0) + 1
        if cuts < 2 and len(seen) > 1000 * (cuts + 1):
            cuts += 1
            proxy.cut()
    publishing.result(1)
    assert list(seen) == [one.body for one in messages]  # none lost, and in order where it comes first
    assert cuts == 2


@pytest.mark.live
@pytest.mark.slow
@forgives_aiormq
def test_consuming_from_rabbitmq_survives_cuts(cut: tuple[Running, Proxy, str]) -> None:
    running, proxy, url = cut
    running.consume_results()
    channel = running.connect(url)
    seen: set[bytes] = set()
    for part in range(3):
        if part:
            proxy.cut()
        for number in range(1000):
            channel.basic_publish("results", f"{EP}.results", b"%d.%d" % (part, number))
        while len(seen) < 1000 * (part + 1):
            seen |= {one.body for one in running.arrivals(1)}
    running.run(running.broker.declare("still works"))
