"""The client itself: which service, who is calling, and what making one costs."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from globus_sdk.authorizers import AccessTokenAuthorizer, NullAuthorizer

from farpool.auth import TokenFile
from farpool.client import Client, Patience
from farpool.errors import AccessDenied, ServiceRefused
from farpool.serialize import DillCodeSource, JSONData, Serializer
from farpool.settings import HOSTED_SERVICE_URL, Settings
from support.rest_server import Reply, RestServer


def test_making_a_client_asks_whether_the_service_takes_it(server: RestServer, settings: Settings) -> None:
    with Client(service_url=server.url + "/", token="t", settings=settings) as client:
        assert client.service_url == server.url

    assert [request.target for request in server.requests] == ["/v2/version?service=all"]


@pytest.mark.parametrize("least", ["5.0", "4.19.1", "4.20"])
def test_a_service_that_wants_a_newer_client_is_told_of(server: RestServer, settings: Settings, least: str) -> None:
    server.answer(body={"min_sdk_version": least, "min_ep_version": "2"})

    with pytest.raises(ServiceRefused, match=f"{least} on.*pip install --upgrade farpool") as caught:
        Client(service_url=server.url, token="t", settings=settings)
    assert caught.value.code == "VERSION_TOO_OLD"


@pytest.mark.parametrize("least", ["4.19.0", "4.19", "4.19.0.0", "2", "0.0.1a3", "4.19.0rc1"])
def test_a_service_that_takes_this_client_is_fine(server: RestServer, client: Client, least: str) -> None:
    server.answer(body={"min_sdk_version": least, "min_ep_version": "2"})

    client.version_check()


def test_the_version_of_an_endpoint_is_checked_too(client: Client) -> None:
    client.version_check("2.0.0")
    with pytest.raises(ServiceRefused, match=r"endpoints from version 2\.0 on, and this one is 1\.9"):
        client.version_check("1.9")


def test_the_environment_names_the_service_and_the_token(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, tmp_path: Path
) -> None:
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path))
    monkeypatch.setenv("FARPOOL_SERVICE_URL", server.url)
    monkeypatch.setenv("FARPOOL_TOKEN", "from-environment")

    with Client():
        pass

    assert server.last.headers["Authorization"] == "Bearer from-environment"


def test_the_default_is_the_hosted_service_with_its_limits(settings: Settings) -> None:
    with Client(token="t", settings=settings, do_version_check=False) as client:
        assert client.service_url == HOSTED_SERVICE_URL
        assert client.is_hosted
        assert client.max_payload_bytes == 10_000_000


def test_a_self_hosted_service_has_no_known_limits(client: Client) -> None:
    assert not client.is_hosted
    assert client.max_payload_bytes is None


def test_no_token_for_a_self_hosted_service_is_told_when_it_wants_one_of_its_own(
    server: RestServer, settings: Settings
) -> None:
    with pytest.raises(AccessDenied, match=r"pass token=, or set FARPOOL_TOKEN, or store it in .*tokens\.json"):
        Client(service_url=server.url, settings=settings)
    assert [(request.path, request.headers.get("Authorization")) for request in server.requests] == [
        ("/v2/version", None)  # how does one log in here?
    ]


def test_an_authorizer_is_used_as_it_is(server: RestServer, settings: Settings) -> None:
    with Client(service_url=server.url, authorizer=AccessTokenAuthorizer("mine"), settings=settings):
        pass
    assert server.last.headers["Authorization"] == "Bearer mine"

    with Client(service_url=server.url, authorizer=NullAuthorizer(), settings=settings):
        pass
    assert "Authorization" not in server.last.headers


@pytest.mark.parametrize("url", ["", " ", "localhost:5000"])
def test_an_empty_or_malformed_address_does_not_end_at_the_hosted_service(settings: Settings, url: str) -> None:
    with pytest.raises(ValueError, match=r"is not an http\(s\) URL"):
        Client(service_url=url, token="t", settings=settings)


@pytest.mark.parametrize("name", ["app", "authorizer"])
def test_a_token_in_the_place_of_a_login_is_told(settings: Settings, name: str) -> None:
    given: dict[str, Any] = {name: "a-token"}

    with pytest.raises(TypeError, match=f"{name} must be one of globus-sdk's, not a str; for a token use token="):
        Client(settings=settings, **given)


def test_two_ways_to_say_who_one_is_exclude_each_other(settings: Settings) -> None:
    with pytest.raises(ValueError, match="authorizer and token were both given"):
        Client(authorizer=NullAuthorizer(), token="t", settings=settings)


def test_strategies_make_the_serializer(server: RestServer, settings: Settings) -> None:
    with Client(
        service_url=server.url,
        token="t",
        settings=settings,
        code_serialization_strategy=DillCodeSource(),
        data_serialization_strategy=JSONData(),
    ) as client:
        assert client.serializer.serialize([1]) == "11\n[1]"

    with pytest.raises(ValueError, match="together with a strategy"):
        Client(
            service_url=server.url,
            token="t",
            settings=settings,
            serializer=Serializer(),
            data_serialization_strategy=JSONData(),
        )


def test_logging_out_of_a_self_hosted_service_forgets_its_token(server: RestServer, settings: Settings) -> None:
    TokenFile(settings.home).write(server.url, "t")
    with Client(service_url=server.url, settings=settings) as client:
        client.logout()

    assert TokenFile(settings.home).read(server.url) is None


def test_plain_http_to_another_machine_is_warned_of(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with Client(service_url="http://farpool.example", token="t", settings=settings, do_version_check=False):
        pass

    assert "http://farpool.example is plain http" in caplog.text


def test_nothing_shows_the_token(server: RestServer, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        Client(service_url=server.url, token="very-secret", settings=settings, patience=Patience()) as client,
    ):
        server.answer_in_turn([Reply(503, {"code": "X", "message": "x"}), Reply(body={"function_name": "f"})])
        client.get_function("4b116d3c-1703-4f8f-9f6f-39921e5864df")

        assert "very-secret" not in repr(client) + caplog.text


def test_importing_the_client_imports_no_globus_sdk_and_starts_no_thread() -> None:
    program = (
        "import sys, threading, farpool.client, farpool.auth;"
        "print(sorted({'globus_sdk', 'requests', 'pika', 'fastapi'} & set(sys.modules)), threading.active_count())"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip() == "[] 1"


def test_a_client_with_a_token_does_without_cryptography(tmp_path: Path) -> None:
    program = (
        "import sys; from farpool.client import Client;"
        "Client(service_url='http://127.0.0.1:1', token='t', do_version_check=False);"
        "print('cryptography' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"FARPOOL_HOME": str(tmp_path)},
    )

    assert done.stdout.strip() == "False"
