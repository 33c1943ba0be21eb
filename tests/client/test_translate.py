"""What goes wrong on the way, said in our own error tree."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from globus_sdk import GlobusConnectionError, GlobusError

from farpool.auth import TokenFile
from farpool.client import Client, Patience
from farpool.client.translate import Call, translated
from farpool.errors import (
    AccessDenied,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ServiceDown,
    ServiceError,
    ServiceRefused,
)
from farpool.settings import Settings
from farpool.wire.rest import SubmitRequest
from support.rest_server import HangUp, Reply, RestServer, free_port, refusal

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
AT_ONCE = Patience(first_s=0, away_s=0, broken_s=0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ServiceRefused),
        (401, AccessDenied),
        (403, AccessDenied),
        (404, NotFound),
        (409, ServiceRefused),
        (413, PayloadTooLarge),
        (422, ServiceRefused),
        (423, ServiceRefused),
        (429, RateLimited),
        (500, ServiceDown),
        (502, ServiceDown),
        (503, ServiceDown),
    ],
)
def test_a_status_becomes_the_error_of_its_kind(
    server: RestServer, client: Client, status: int, kind: type[ServiceError]
) -> None:
    server.answer_in_turn([refusal(status, "ITS_CODE", "its message", request_id="r-77")])

    with pytest.raises(ServiceError) as caught:
        client.get_function(ID)

    error = caught.value
    assert type(error) is kind
    assert (error.http_status, error.code, error.request_id) == (status, "ITS_CODE", "r-77")
    for part in (f"cannot get function {ID}", "its message", str(status), "ITS_CODE", "r-77"):
        assert part in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("code", "kind"), [("TASK_PAYLOAD_TOO_LARGE", PayloadTooLarge), ("MaxRequestsExceeded", RateLimited)]
)
def test_a_code_of_the_hosted_service_counts_whatever_the_status(
    server: RestServer, client: Client, code: str, kind: type[ServiceError]
) -> None:
    server.answer_in_turn([refusal(400, code)])

    with pytest.raises(kind):
        client.get_function(ID)


def test_a_request_that_is_too_large_is_told_with_its_size(server: RestServer, client: Client) -> None:
    server.answer_in_turn([refusal(413, "TASK_PAYLOAD_TOO_LARGE", "too large")])

    with pytest.raises(PayloadTooLarge, match=r"the request was 1,0\d\d,\d\d\d bytes: send fewer tasks"):
        client.submit(ID, SubmitRequest(tasks={ID: ["x" * 1_000_000]}))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(400, {"status": "Failed", "code": 16, "reason": "the old shape", "http_status_code": 400}),
            "the old shape",
        ),
        (Reply(422, {"detail": [{"loc": ["body"], "msg": "field required"}]}), "field required"),
        (Reply(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}), "bad gateway"),
        (Reply(400, b""), "Bad Request"),
        (Reply(400, b"not json"), "not json"),
        (Reply(400, ["a", "list"]), "list"),
    ],
)
def test_an_error_in_another_shape_still_tells_what_it_can(
    server: RestServer, client: Client, reply: Reply, said: str
) -> None:
    server.answer_in_turn([reply])

    with pytest.raises(ServiceError, match=said):
        client.get_function(ID)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>welcome</html>"),
        Reply(200, b""),
        Reply(200, b"null"),
        Reply(200, []),
        Reply(200, "text"),
        Reply(200, {"min_sdk_version": 3, "min_ep_version": "2"}),
    ],
)
def test_an_answer_that_cannot_be_read_is_told_with_the_address(
    server: RestServer, client: Client, reply: Reply
) -> None:
    server.answer_in_turn([reply])

    with pytest.raises(ServiceError, match="cannot be read") as caught:
        client.version_check()
    assert server.url in str(caught.value)
    assert caught.value.http_status == 200


def test_a_not_found_of_another_program_asks_about_the_address(server: RestServer, client: Client) -> None:
    server.answer_in_turn([Reply(404, b"nginx")])

    with pytest.raises(NotFound, match="the address of a farpool or Globus Compute service"):
        client.version_check()


def test_a_service_that_is_not_running_is_told_with_the_command_to_start_it(settings: Settings) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(ServiceDown) as caught:
        Client(service_url=url, token="t", settings=settings, patience=AT_ONCE)
    assert str(caught.value) == (
        f"cannot reach {url} to ask for its version: connection refused; is it running? start it with: farpool serve"
    )
    assert caught.value.http_status is None


def test_an_error_that_the_caller_was_handling_is_not_taken_for_the_reason(server: RestServer, client: Client) -> None:
    server.answer_in_turn([HangUp()])

    try:
        socket.create_connection(("127.0.0.1", free_port()))
    except ConnectionRefusedError:
        with pytest.raises(ServiceDown, match="closed before the answer"):
            client.version_check()


def test_an_unknown_host_is_told(settings: Settings) -> None:
    with pytest.raises(ServiceDown, match=r"http://no-such-host\.invalid:5000 .*host name is not known"):
        Client(service_url="http://no-such-host.invalid:5000", token="t", settings=settings, patience=AT_ONCE)


def test_a_service_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, mute_port: int
) -> None:
    monkeypatch.setenv("GLOBUS_SDK_HTTP_TIMEOUT", "0.2")

    with pytest.raises(ServiceDown, match="no answer came in time"):
        Client(service_url=f"http://127.0.0.1:{mute_port}", token="t", settings=settings, patience=AT_ONCE)


def test_a_program_that_speaks_no_http_is_told(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            one, _ = listening.accept()
            with one:
                one.recv(1000)
                one.sendall(b"AMQP\x00\x00\x09\x01")

        greeting = threading.Thread(target=greet)
        greeting.start()
        with pytest.raises(ServiceDown, match=r"BadStatusLine|closed|AMQP"):
            Client(
                service_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
                token="t",
                settings=settings,
                patience=AT_ONCE,
            )
        greeting.join()


def test_https_at_a_plain_port_is_told(server: RestServer, settings: Settings) -> None:
    with pytest.raises(ServiceDown, match="TLS failed"):
        Client(service_url=server.url.replace("http:", "https:"), token="t", settings=settings, patience=AT_ONCE)


def test_a_wrong_token_is_told_and_never_shown(server: RestServer, settings: Settings) -> None:
    TokenFile(settings.home).write(server.url, "very-secret")
    server.answer_in_turn([refusal(401, "UNAUTHENTICATED", "no such token")])

    with pytest.raises(AccessDenied, match="pass another as token= or in FARPOOL_TOKEN") as caught:
        Client(service_url=server.url, settings=settings)
    assert "very-secret" not in f"{caught.value}{caught.value.__cause__!r}"


def test_a_login_server_that_cannot_be_reached_is_told_apart_from_the_service() -> None:
    request = requests.Request("POST", "https://auth.globus.org/v2/oauth2/token").prepare()
    error = GlobusConnectionError("x", requests.ConnectionError(ConnectionRefusedError(), request=request))

    told = translated(error, Call("list endpoints", "http://localhost:5000"))

    assert str(told) == (
        "cannot reach https://auth.globus.org/v2/oauth2/token to list endpoints: connection refused; "
        "check the network connection and the proxy settings (HTTPS_PROXY)"
    )


def test_an_error_of_globus_sdk_that_nobody_expected_is_still_one_of_ours() -> None:
    told = translated(GlobusError("surprise"), Call("list endpoints", "http://localhost:5000"))

    assert type(told) is ServiceError
    assert str(told) == "cannot list endpoints: surprise"


def test_what_the_service_advises_is_not_repeated(server: RestServer, client: Client) -> None:
    server.answer_in_turn([refusal(404, "FUNCTION_NOT_FOUND", "there is no such function; register it first")])

    with pytest.raises(NotFound) as caught:
        client.get_function(ID)
    assert str(caught.value) == (
        f"cannot get function {ID}: there is no such function; register it first (404, FUNCTION_NOT_FOUND)"
    )


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
