"""When a request is sent again, and when not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from globus_sdk.authorizers import NullAuthorizer

from farpool.client import Client, Patience
from farpool.client.bodies import any_body
from farpool.client.transport import Transport
from farpool.errors import AccessDenied, RateLimited, ServiceDown, ServiceError, ServiceRefused
from farpool.settings import Settings
from farpool.wire.rest import SubmitRequest
from support.rest_server import VERSION, HangUp, Reply, RestServer, free_port, refusal

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
FUNCTION = "5b116d3c-1703-4f8f-9f6f-39921e5864df"
ONE_TASK = SubmitRequest(tasks={FUNCTION: ["payload"]})
ACCEPTED = Reply(
    body={"tasks": {FUNCTION: [ENDPOINT]}, "task_group_id": ENDPOINT, "endpoint_id": ENDPOINT, "request_id": ENDPOINT}
)


@pytest.fixture
def client(server: RestServer, settings: Settings) -> Iterator[Client]:
    """A client as users have it: patient."""
    with Client(service_url=server.url, token="t", settings=settings, do_version_check=False) as one:
        yield one


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_tried_again_and_soon(server: RestServer, client: Client, status: int) -> None:
    server.answer_in_turn([refusal(status), refusal(status), VERSION])
    began = time.monotonic()

    client.version_check()

    assert len(server.requests) == 3
    assert time.monotonic() - began < 1.0  # two waits of at most 75 and 150 ms


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 423, 501])
def test_what_stays_refused_is_asked_once(server: RestServer, client: Client, status: int) -> None:
    server.answer_in_turn([refusal(status)])

    with pytest.raises(ServiceError):
        client.version_check()
    assert len(server.requests) == 1


def test_retry_after_is_waited_for(server: RestServer, client: Client) -> None:
    server.answer_in_turn([Reply(429, {"code": "X", "message": "x"}, {"Retry-After": "1"}), VERSION])
    began = time.monotonic()

    client.version_check()

    assert time.monotonic() - began >= 1.0


def test_a_retry_after_beyond_the_patience_is_told_at_once(server: RestServer, client: Client) -> None:
    server.answer(429, {"code": "X", "message": "slow down"}, {"Retry-After": "3600"})
    began = time.monotonic()

    with pytest.raises(RateLimited, match="slow down"):
        client.version_check()
    assert time.monotonic() - began < 2
    assert len(server.requests) == 1


def test_a_retry_after_that_is_a_date_does_not_matter(server: RestServer, client: Client) -> None:
    server.answer_in_turn(
        [Reply(503, {"code": "X", "message": "x"}, {"Retry-After": "Fri, 31 Dec 2055 23:59:59 GMT"}), VERSION]
    )

    client.version_check()

    assert len(server.requests) == 2


def test_a_restart_of_the_service_is_survived(settings: Settings) -> None:
    first = RestServer()
    with Client(service_url=first.url, token="t", settings=settings) as client:
        first.close()
        later: list[RestServer] = []
        starting = threading.Timer(0.5, lambda: later.append(RestServer(port=first.port)))
        starting.start()

        client.version_check()

        starting.join()
        later[0].close()
        assert len(later[0].requests) == 1


def test_patience_ends(server: RestServer, settings: Settings) -> None:
    server.answer_in_turn([refusal(503, message="still away")])
    short = Patience(away_s=0.3)
    began = time.monotonic()

    with pytest.raises(ServiceDown, match="still away"):
        Client(service_url=server.url, token="t", settings=settings, patience=short)
    assert time.monotonic() - began < 2
    assert len(server.requests) >= 3


def test_an_address_that_was_never_reached_is_told_sooner(settings: Settings) -> None:
    short = Patience(first_s=0.2, away_s=60)
    began = time.monotonic()

    with pytest.raises(ServiceDown, match="connection refused"):
        Client(service_url=f"http://127.0.0.1:{free_port()}", token="t", settings=settings, patience=short)
    assert time.monotonic() - began < 2


def test_a_submit_whose_answer_was_lost_is_sent_again_under_the_same_key(server: RestServer, client: Client) -> None:
    server.answer_in_turn([HangUp(), ACCEPTED])

    client.submit(ENDPOINT, ONE_TASK)
    client.submit(ENDPOINT, ONE_TASK)

    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("lost", [HangUp(), refusal(502), refusal(504), refusal(500)])
def test_what_may_be_done_twice_is_told(
    server: RestServer, caplog: pytest.LogCaptureFixture, lost: Reply | HangUp
) -> None:
    server.answer_in_turn([lost, VERSION])
    transport = Transport(server.url, NullAuthorizer(), patience=Patience())

    with caplog.at_level(logging.WARNING, "farpool"), closing(transport):
        transport.call("pay the bill", lambda pair: pair.v2.get_version(), any_body, idempotent=False)

    assert len(server.requests) == 2
    assert "pay the bill: the answer was lost" in caplog.text
    assert "may be done twice" in caplog.text


def test_a_submit_that_was_refused_for_now_is_sent_again_silently(
    server: RestServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer_in_turn([refusal(429), refusal(503), ACCEPTED])

    with caplog.at_level(logging.WARNING, "farpool"):
        client.submit(ENDPOINT, ONE_TASK)

    assert len(server.requests) == 3
    assert not caplog.records


def test_a_submit_that_was_never_sent_is_repeated_silently(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    later: list[RestServer] = []
    starting = threading.Timer(0.15, lambda: later.append(RestServer(lambda _request: ACCEPTED, port=port)))
    with (
        caplog.at_level(logging.WARNING, "farpool"),
        Client(service_url=f"http://127.0.0.1:{port}", token="t", settings=settings, do_version_check=False) as client,
    ):
        starting.start()
        client.submit(ENDPOINT, ONE_TASK)

        starting.join()
        later[0].close()
    assert len(later[0].requests) == 1
    assert not [record for record in caplog.records if "twice" in record.getMessage()]


def test_a_wrong_token_is_not_tried_again(server: RestServer, client: Client) -> None:
    server.answer_in_turn([refusal(401)])

    with pytest.raises(AccessDenied):
        client.version_check()
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", [-1, float("nan")])
def test_patience_is_not_negative(value: float) -> None:
    with pytest.raises(ValueError, match="away_s must be 0 or more seconds"):
        Patience(away_s=value)


def test_every_refusal_that_stays_is_of_its_kind(server: RestServer, client: Client) -> None:
    server.answer_in_turn([refusal(409)])

    with pytest.raises(ServiceRefused) as caught:
        client.version_check()
    assert caught.value.http_status == 409


def test_a_page_for_people_in_place_of_an_answer_passes(server: RestServer, client: Client) -> None:
    login = Reply(200, b"<html>Welcome to our hotel</html>", {"Content-Type": "text/html"})
    server.answer_in_turn([VERSION, login, VERSION])
    client.version_check()

    client.version_check()

    assert len(server.requests) == 3
    assert client.retries == 1
