"""Globus apps: client credentials, a person's login, and what the service may demand."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from globus_sdk import GlobusApp

from fakes.globus import Globus, address_in
from fakes.globus_directory import COMPUTE_SCOPE, GROUPS_SCOPE
from farpool.auth import authorizer_for
from farpool.auth.app_authorizer import AppAuthorizer
from farpool.auth.apps import globus_app
from farpool.client import Client
from farpool.errors import AccessDenied
from farpool.settings import HOSTED_SERVICE_URL, Settings
from support.environments import clean_environment
from support.rest_server import VERSION, Reply, Request, RestServer
from support.terminal import terminal

CLIENT_ID = "1b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.fixture
def auth(monkeypatch: pytest.MonkeyPatch) -> Iterator[Globus]:
    """Globus Auth, at which globus-sdk arrives."""
    with Globus() as server:
        server.client("very-secret", CLIENT_ID)
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def credentials(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", client_id=CLIENT_ID, client_secret="very-secret")


@pytest.fixture
def app(auth: Globus, credentials: Settings) -> Iterator[GlobusApp]:
    assert auth
    with closing(globus_app(credentials)) as one, closing(one.token_storage):
        yield one


def authorized(service: RestServer) -> list[Request]:
    """What was asked in somebody's name."""
    return [request for request in service.requests if "Authorization" in request.headers]


def test_client_credentials_get_a_token_when_one_is_needed(auth: Globus, credentials: Settings) -> None:
    authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)
    with closing(authorizer):
        assert not auth.requests

        assert authorizer.get_authorization_header() == "Bearer funcx_service-1"
        assert authorizer.get_authorization_header() == "Bearer funcx_service-1"

    assert auth.counted == {"client_credentials": 1}
    assert COMPUTE_SCOPE in auth.last.form()["scope"].split()


def test_the_token_is_kept_for_the_next_program_and_for_the_owner_alone(auth: Globus, credentials: Settings) -> None:
    for _ in range(2):
        authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
        assert isinstance(authorizer, AppAuthorizer)
        with closing(authorizer):
            assert authorizer.get_authorization_header() == "Bearer funcx_service-1"

    assert auth.counted["client_credentials"] == 1
    storage = credentials.home / "globus_tokens.db"
    assert storage.stat().st_mode & 0o777 == 0o600
    assert b"very-secret" not in storage.read_bytes()


def test_a_login_storage_that_others_can_read_is_refused(auth: Globus, credentials: Settings) -> None:
    assert auth
    authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)
    authorizer.close()
    storage = credentials.home / "globus_tokens.db"
    storage.chmod(0o644)

    with pytest.raises(AccessDenied, match=rf"mode 0644.*chmod 600 {storage}"):
        authorizer_for(credentials, HOSTED_SERVICE_URL)


def test_a_login_storage_that_is_damaged_is_told(auth: Globus, credentials: Settings) -> None:
    assert auth
    credentials.home.mkdir()
    storage = credentials.home / "globus_tokens.db"
    storage.write_bytes(b"this is no database" * 100)
    storage.chmod(0o600)

    with pytest.raises(AccessDenied, match="remove it and log in again"):
        authorizer_for(credentials, HOSTED_SERVICE_URL)


def test_threads_that_need_a_token_at_once_ask_for_one(auth: Globus, app: GlobusApp) -> None:
    authorizer = AppAuthorizer(app)
    with ThreadPoolExecutor(8) as threads:
        headers = [threads.submit(authorizer.get_authorization_header) for _ in range(8)]

    assert {header.result() for header in headers} == {"Bearer funcx_service-1"}
    assert auth.counted["client_credentials"] == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_the_login_storage_anew(auth: Globus, credentials: Settings) -> None:
    authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)
    with closing(authorizer):
        header, app = authorizer.get_authorization_header(), authorizer.app

        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 42 if authorizer.get_authorization_header() == header and authorizer.app is not app else 2
            finally:
                os._exit(code)

        assert os.waitpid(child, 0)[1] >> 8 == 42
        assert authorizer.app is app
        assert authorizer.get_authorization_header() == header
    assert auth.counted["client_credentials"] == 1


def test_nobody_is_asked_where_nobody_can_answer(auth: Globus, tmp_path: Path) -> None:
    authorizer = authorizer_for(Settings(tmp_path), HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)

    with (
        closing(authorizer),
        pytest.raises(AccessDenied, match="GLOBUS_COMPUTE_CLIENT_ID and GLOBUS_COMPUTE_CLIENT_SECRET"),
    ):
        authorizer.get_authorization_header()
    assert not auth.requests


@pytest.mark.slow
def test_a_person_at_a_terminal_logs_in_once(auth: Globus, tmp_path: Path) -> None:
    ada = auth.person("ada@example.org")
    program = (
        "from farpool.auth import authorizer_for, identity_of;"
        "from farpool.settings import Settings, HOSTED_SERVICE_URL;"
        "authorizer = authorizer_for(Settings.from_environment(), HOSTED_SERVICE_URL);"
        "print(authorizer.get_authorization_header(), identity_of(authorizer)); authorizer.close()"
    )
    environment = clean_environment(FARPOOL_HOME=str(tmp_path), **auth.environment())
    begin = [sys.executable, "-c", program]

    with terminal(begin, environment) as first:
        first.enter(auth.visit(address_in(first.wait_for("Code here:")), ada))
        shown = first.wait_for_end()
    with terminal(begin, environment) as second:
        again = second.wait_for_end()

    assert shown.rstrip().endswith(f"Bearer funcx_service-1 globus {ada.identity_id}")
    assert again.strip() == f"Bearer funcx_service-1 globus {ada.identity_id}"
    assert (auth.counted["authorization_code"], auth.counted["refresh_token"]) == (1, 0)
    assert set(auth.logins[0]["scope"].split()) == {COMPUTE_SCOPE, "openid", "email", GROUPS_SCOPE}
    assert (tmp_path / "globus_tokens.db").stat().st_mode & 0o777 == 0o600


def test_a_service_that_calls_the_token_expired_gets_another(auth: Globus, app: GlobusApp, tmp_path: Path) -> None:
    with RestServer() as service:
        service.script = lambda request: (
            VERSION
            if request.headers.get("Authorization") in {None, "Bearer funcx_service-2"}
            else Reply(401, {"code": "X", "message": "x"})
        )
        with Client(service_url=service.url, app=app, settings=Settings(tmp_path)):
            pass

    assert len(authorized(service)) == 2
    assert auth.counted["client_credentials"] == 2


def test_a_service_that_demands_another_login_gets_it_once(auth: Globus, app: GlobusApp, tmp_path: Path) -> None:
    demand = Reply(
        403,
        {
            "code": "ConsentRequired",
            "message": "consent, please",
            "authorization_parameters": {"required_scopes": [COMPUTE_SCOPE], "session_message": "consent, please"},
        },
    )
    with RestServer() as service:
        service.answer_in_turn([VERSION, demand, VERSION, demand])
        with Client(service_url=service.url, app=app, settings=Settings(tmp_path)) as client:
            assert len(authorized(service)) == 2
            assert auth.counted["client_credentials"] == 2

            with pytest.raises(AccessDenied, match="consent, please"):
                client.version_check()
        assert len(authorized(service)) == 4


def test_credentials_that_are_refused_are_told_and_never_shown(auth: Globus, app: GlobusApp, tmp_path: Path) -> None:
    auth.client("another-secret", CLIENT_ID)

    with RestServer() as service:
        with pytest.raises(AccessDenied, match=r"Globus Auth refused the login \(401.*CLIENT_SECRET") as caught:
            Client(service_url=service.url, app=app, settings=Settings(tmp_path))
        assert not authorized(service)
    assert "very-secret" not in str(caught.value)


def test_logging_out_forgets_the_token(auth: Globus, app: GlobusApp, tmp_path: Path) -> None:
    with RestServer() as service, Client(service_url=service.url, app=app, settings=Settings(tmp_path)) as client:
        client.logout()
        client.version_check()

    assert auth.counted["revoke"] == 1
    assert auth.counted["client_credentials"] == 2


def test_an_app_that_was_given_stays_open(auth: Globus, app: GlobusApp, tmp_path: Path) -> None:
    assert auth
    with RestServer() as service:
        for _ in range(2):
            with Client(service_url=service.url, app=app, settings=Settings(tmp_path)):
                pass
        assert len(authorized(service)) == 2
