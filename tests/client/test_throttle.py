"""The throttle: as a value, with a clock of the test's own, and in a client of a real server that counts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from farpool.client import Client, ClientStats, Throttle
from farpool.client.throttle import HOSTED, throttle_for
from farpool.client.turns import Turns
from farpool.errors import PayloadTooLarge, RateLimited
from farpool.settings import HOSTED_SERVICE_URL, Settings
from support.rest_server import VERSION, Reply, RestServer

from .conftest import AT_ONCE

#: So long that no test sees the end of it.
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


class Waiting(logging.Handler):
    """Says when the client has begun to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.has_begun.set()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    handler = Waiting()
    log = logging.getLogger("farpool.client.turns")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def never(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s")


def client_of(server: RestServer, settings: Settings, throttle: Throttle | bool | None) -> Client:
    return Client(
        service_url=server.url,
        token="secret-1",
        settings=settings,
        patience=AT_ONCE,
        throttle=throttle,
        do_version_check=False,
    )


# ---- the value


def test_the_default_is_what_the_hosted_service_takes() -> None:
    assert Throttle() == HOSTED
    assert (HOSTED.requests, HOSTED.window_s, HOSTED.max_bytes) == (20, 10.0, 10_000_000)


@pytest.mark.parametrize(
    ("limits", "error", "message"),
    [
        ({"requests": 0}, ValueError, "requests must be greater than 0, not 0"),
        ({"requests": None}, TypeError, "throttle=False"),
        ({"requests": 2.5}, TypeError, r"requests must be an integer, not 2.5 \(float\)"),
        ({"window_s": 0}, ValueError, "window_s must be above 0 seconds, not 0"),
        ({"window_s": "1"}, TypeError, r"window_s must be a number, not '1' \(str\)"),
        ({"max_bytes": -1}, ValueError, "max_bytes must be greater than 0, not -1"),
    ],
)
def test_limits_that_are_none_are_refused(limits: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Throttle(**limits)


def test_only_the_hosted_service_is_throttled_unless_asked() -> None:
    own = Throttle(requests=3)

    assert throttle_for(None, is_hosted=True) == HOSTED
    assert throttle_for(None, is_hosted=False) is None
    assert throttle_for(True, is_hosted=False) == HOSTED
    assert throttle_for(False, is_hosted=True) is None
    assert throttle_for(own, is_hosted=False) is own
    with pytest.raises(TypeError, match="throttle must be a Throttle, True, False or None, not 20"):
        throttle_for(20, is_hosted=True)


def test_a_client_of_the_hosted_service_keeps_to_its_limits(settings: Settings) -> None:
    def make(throttle: Throttle | bool | None) -> Client:
        return Client(
            service_url=HOSTED_SERVICE_URL, token="t", settings=settings, throttle=throttle, do_version_check=False
        )

    with make(None) as client, make(False) as loose, make(Throttle(max_bytes=5)) as tight:
        assert (client.throttle, client.max_payload_bytes) == (HOSTED, 10_000_000)
        assert (loose.throttle, loose.max_payload_bytes) == (None, 10_000_000)
        assert tight.max_payload_bytes == 5


# ---- turns


def test_requests_beyond_the_limit_wait_and_the_wait_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    turns = Turns(Throttle(requests=3, window_s=6.0), clock=clock)

    with caplog.at_level(logging.INFO, "farpool.client.turns"):
        for _ in range(12):
            turns.take("get task 1", clock.wait)

    assert (turns.waits, turns.waited_s) == (3, 18.0)
    assert caplog.messages == ["get task 1: waiting 6.0 s, as no more than 3 requests may go in 6 s"]


def test_after_a_quiet_while_a_wait_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    turns = Turns(Throttle(requests=1, window_s=6.0), clock=clock)

    for _ in range(3):
        clock.now += 60.0
        turns.take("ask", clock.wait)
        turns.take("ask", clock.wait)

    assert len(caplog.messages) == 3


def test_pacing_counts_nothing_and_what_is_sent_is_counted_once() -> None:
    clock = Clock()
    turns = Turns(Throttle(requests=20, window_s=10.0), clock=clock)

    for _ in range(8):
        turns.pace(clock.wait)
        turns.take("submit", clock.wait)
    assert turns.waited_s == 0.0

    turns.pace(clock.wait)
    turns.pace(clock.wait)
    assert 0.8 < turns.waited_s < 0.9


def test_what_keeps_an_even_pace_does_not_hide_that_the_limit_is_met(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    turns = Turns(Throttle(requests=2, window_s=6.0), clock=clock)

    with caplog.at_level(logging.INFO, "farpool.client.turns"):
        turns.take("submit", clock.wait)
        turns.pace(clock.wait)
        for _ in range(3):
            turns.take("submit", clock.wait)

    assert [(record.levelname, record.getMessage()[:8]) for record in caplog.records] == [
        ("INFO", "requests"),
        ("WARNING", "submit: "),
    ]


def test_without_a_throttle_nothing_waits() -> None:
    turns = Turns(None)

    for _ in range(1000):
        turns.pace(never)
        turns.take("ask", never)
    turns.fits("ask", 10**12)


def test_a_throttle_that_refuses_counts_only_what_is_sent() -> None:
    clock = Clock()
    turns = Turns(Throttle(requests=2, window_s=5.0, too_many=RateLimited), clock=clock)
    turns.take("ask", never)
    clock.now += 1
    turns.take("ask", never)

    for _ in range(3):
        with pytest.raises(RateLimited, match=r"cannot ask: this client has sent 2 requests in the last 5 s.*in 4.0 s"):
            turns.take("ask", never)
    turns.take("ask again", clock.wait, may_refuse=False)  # a repeat of what was let through

    assert clock.now == 105.0


def test_threads_are_given_different_turns() -> None:
    turns = Turns(Throttle(requests=5, window_s=10.0), clock=lambda: 0.0)  # a clock that stands: all ask at once
    delays: list[float] = []

    def take_ten() -> None:
        for _ in range(10):
            turns.take("ask", delays.append)

    with ThreadPoolExecutor(8) as pool:
        for asking in [pool.submit(take_ten) for _ in range(8)]:
            asking.result(60)

    assert sorted(delays) == [10.0 * window for window in range(1, 16) for _ in range(5)]
    assert turns.waits == 75


def test_a_forked_child_waits_for_no_lock_of_its_parents() -> None:
    turns = Turns(Throttle(requests=1, window_s=HOUR))
    vars(turns)["_lock"].acquire()
    vars(turns)["_process"] = -1  # as it is seen in a child

    turns.take("ask", never)


def test_a_new_throttle_begins_a_new_count() -> None:
    turns = Turns(Throttle(requests=1, window_s=HOUR))
    turns.take("ask", never)

    turns.throttle = Throttle(requests=1, window_s=HOUR)
    turns.take("ask", never)


# ---- in a client


def test_a_client_sends_no_more_than_its_throttle_allows_and_close_ends_the_wait(
    server: RestServer, settings: Settings, waiting: Waiting
) -> None:
    client = client_of(server, settings, Throttle(requests=3, window_s=HOUR))

    def ask_four_times() -> None:
        for _ in range(4):
            client.version_check()

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_four_times)
        assert waiting.has_begun.wait(60)
        assert len(server.requests) == 3
        assert client.stats().waits == 1
        client.close()
        with pytest.raises(RuntimeError, match="the client is closed"):
            asking.result(60)

    assert len(server.requests) == 3
    assert waiting.lines[0].startswith("ask for its version: waiting 3")


def test_requests_that_are_sent_again_are_counted_too(server: RestServer, settings: Settings, waiting: Waiting) -> None:
    server.answer(503, {"code": "BUSY", "message": "later"}, {"Retry-After": "0"})
    client = Client(
        service_url=server.url,
        token="secret-1",
        settings=settings,
        throttle=Throttle(requests=5, window_s=HOUR),
        do_version_check=False,
    )

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.version_check)
        assert waiting.has_begun.wait(60)
        assert len(server.requests) == 5
        client.close()
        assert asking.exception(60) is not None


def test_clients_made_of_one_another_share_their_turns_and_only_the_first_one_refuses(
    server: RestServer, settings: Settings, waiting: Waiting
) -> None:
    refusing = Throttle(requests=2, window_s=HOUR, too_many=RateLimited)

    with client_of(server, settings, refusing) as client, client.patient(AT_ONCE) as another:
        client.version_check()
        another.version_check()
        with pytest.raises(RateLimited):
            client.version_check()

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(another.version_check)  # such as for a result that has come: nobody tries it again
            assert waiting.has_begun.wait(60)
            another.close()
            assert isinstance(asking.exception(60), RuntimeError)

        client.throttle = False
        client.version_check()

    assert len(server.requests) == 3


def test_a_request_that_is_too_large_is_not_sent(server: RestServer, settings: Settings) -> None:
    function_id = "00000000-0000-4000-8000-000000000001"

    with client_of(server, settings, Throttle(max_bytes=50_000)) as client:
        batch = client.create_batch()
        batch.add(function_id, ("x" * 60_000,))
        with pytest.raises(PayloadTooLarge, match=r"the request is \d\d,\d\d\d bytes, and 50,000 is the limit"):
            client.batch_run(function_id, batch)

    assert server.requests == []


def test_figures_of_a_client_that_never_waited_are_zero(server: RestServer, settings: Settings) -> None:
    server.script = lambda _request: Reply(body=VERSION.body)

    with client_of(server, settings, None) as client:
        for _ in range(30):
            client.version_check()

        assert client.stats() == ClientStats(retries=0, waits=0, waited_s=0.0)
