"""Globus apps: client credentials, a person's login, and what the service may demand."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from globus_sdk import GlobusApp
from globus_sdk.scopes import AuthScopes, ComputeScopes, GroupsScopes

from farpool.auth import authorizer_for
from farpool.auth.app_authorizer import AppAuthorizer
from farpool.auth.apps import globus_app
from farpool.client import Client
from farpool.errors import AccessDenied
from farpool.settings import HOSTED_SERVICE_URL, Settings
from support.auth_server import CODE, IDENTITY, AuthServer
from support.rest_server import VERSION, Reply, RestServer

CLIENT_ID = "1b116d3c-1703-4f8f-9f6f-39921e5864df"
COMPUTE_SCOPE = str(ComputeScopes.all)


@pytest.fixture
def auth(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthServer]:
    """Globus Auth, at which globus-sdk arrives."""
    with AuthServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def credentials(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", client_id=CLIENT_ID, client_secret="very-secret")


@pytest.fixture
def app(auth: AuthServer, credentials: Settings) -> Iterator[GlobusApp]:
    assert auth
    with closing(globus_app(credentials)) as one, closing(one.token_storage):
        yield one


def test_client_credentials_get_a_token_when_one_is_needed(auth: AuthServer, credentials: Settings) -> None:
    authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)
    with closing(authorizer):
        assert not auth.requests

        assert authorizer.get_authorization_header() == "Bearer compute-1"
        assert authorizer.get_authorization_header() == "Bearer compute-1"

    assert [grant["grant_type"] for grant in auth.grants] == ["client_credentials"]
    assert COMPUTE_SCOPE in auth.grants[0]["scope"].split()


def test_the_token_is_kept_for_the_next_program_and_for_the_owner_alone(
    auth: AuthServer, credentials: Settings
) -> None:
    for _ in range(2):
        authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
        assert isinstance(authorizer, AppAuthorizer)
        with closing(authorizer):
            assert authorizer.get_authorization_header() == "Bearer compute-1"

    assert len(auth.grants) == 1
    storage = credentials.home / "globus_tokens.db"
    assert storage.stat().st_mode & 0o777 == 0o600
    assert b"very-secret" not in storage.read_bytes()


def test_a_login_storage_that_others_can_read_is_refused(auth: AuthServer, credentials: Settings) -> None:
    assert auth
    authorizer = authorizer_for(credentials, HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)
    authorizer.close()
    storage = credentials.home / "globus_tokens.db"
    storage.chmod(0o644)

    with pytest.raises(AccessDenied, match=rf"mode 0644.*chmod 600 {storage}"):
        authorizer_for(credentials, HOSTED_SERVICE_URL)


def test_a_login_storage_that_is_damaged_is_told(auth: AuthServer, credentials: Settings) -> None:
    assert auth
    credentials.home.mkdir()
    storage = credentials.home / "globus_tokens.db"
    storage.write_bytes(b"this is no database" * 100)
    storage.chmod(0o600)

    with pytest.raises(AccessDenied, match="remove it and log in again"):
        authorizer_for(credentials, HOSTED_SERVICE_URL)


def test_threads_that_need_a_token_at_once_ask_for_one(auth: AuthServer, app: GlobusApp) -> None:
    authorizer = AppAuthorizer(app)
    with ThreadPoolExecutor(8) as threads:
        headers = [threads.submit(authorizer.get_authorization_header) for _ in range(8)]

    assert {header.result() for header in headers} == {"Bearer compute-1"}
    assert len(auth.grants) == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_the_login_storage_anew(auth: AuthServer, credentials: Settings) -> None:
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
    assert len(auth.grants) == 1


def test_nobody_is_asked_where_nobody_can_answer(auth: AuthServer, tmp_path: Path) -> None:
    authorizer = authorizer_for(Settings(tmp_path), HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)

    with (
        closing(authorizer),
        pytest.raises(AccessDenied, match="GLOBUS_COMPUTE_CLIENT_ID and GLOBUS_COMPUTE_CLIENT_SECRET"),
    ):
        authorizer.get_authorization_header()
    assert not auth.requests


@pytest.mark.slow
def test_a_person_at_a_terminal_logs_in_once(auth: AuthServer, tmp_path: Path) -> None:
    auth.grants_scopes(
        f"{COMPUTE_SCOPE} {AuthScopes.openid} {AuthScopes.email} {GroupsScopes.view_my_groups_and_memberships}"
    )
    program = (
        "from farpool.auth import authorizer_for, identity_of;"
        "from farpool.settings import Settings, HOSTED_SERVICE_URL;"
        "authorizer = authorizer_for(Settings.from_environment(), HOSTED_SERVICE_URL);"
        "print(authorizer.get_authorization_header(), identity_of(authorizer)); authorizer.close()"
    )
    environment = {**os.environ, **auth.environment(), "FARPOOL_HOME": str(tmp_path)}

    first = _run_at_terminal(program, environment, answer=f"{CODE}\n")
    second = _run_at_terminal(program, environment, answer="")

    assert "/v2/oauth2/authorize?client_id=" in first
    assert first.rstrip().endswith(f"Bearer compute-1 globus {IDENTITY}")
    assert second.strip() == f"Bearer compute-1 globus {IDENTITY}"
    assert [grant["grant_type"] for grant in auth.grants] == ["authorization_code"]


def _run_at_terminal(program: str, environment: dict[str, str], *, answer: str) -> str:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdin=theirs,
            capture_output=True,
            env=environment,
            text=True,
            timeout=30,
            check=True,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.stdout


def test_a_service_that_calls_the_token_expired_gets_another(auth: AuthServer, app: GlobusApp, tmp_path: Path) -> None:
    with RestServer() as service:
        service.script = lambda request: (
            VERSION
            if request.headers["Authorization"] == "Bearer compute-2"
            else Reply(401, {"code": "X", "message": "x"})
        )
        with Client(service_url=service.url, app=app, settings=Settings(tmp_path)):
            pass

    assert len(service.requests) == 2
    assert len(auth.grants) == 2


def test_a_service_that_demands_another_login_gets_it_once(auth: AuthServer, app: GlobusApp, tmp_path: Path) -> None:
    demand = Reply(
        403,
        {
            "code": "ConsentRequired",
            "message": "consent, please",
            "authorization_parameters": {"required_scopes": [COMPUTE_SCOPE], "session_message": "consent, please"},
        },
    )
    with RestServer() as service:
        service.answer_in_turn([demand, VERSION, demand])
        with Client(service_url=service.url, app=app, settings=Settings(tmp_path)) as client:
            assert len(service.requests) == 2
            assert len(auth.grants) == 2

            with pytest.raises(AccessDenied, match="consent, please"):
                client.version_check()
        assert len(service.requests) == 4


def test_credentials_that_are_refused_are_told_and_never_shown(
    auth: AuthServer, app: GlobusApp, tmp_path: Path
) -> None:
    auth.refuses = True

    with RestServer() as service:
        with pytest.raises(AccessDenied, match=r"Globus Auth refused the login \(401.*CLIENT_SECRET") as caught:
            Client(service_url=service.url, app=app, settings=Settings(tmp_path))
        assert not service.requests
    assert "very-secret" not in str(caught.value)


def test_logging_out_forgets_the_token(auth: AuthServer, app: GlobusApp, tmp_path: Path) -> None:
    with RestServer() as service, Client(service_url=service.url, app=app, settings=Settings(tmp_path)) as client:
        client.logout()
        client.version_check()

    assert "/v2/oauth2/token/revoke" in [request.path for request in auth.requests]
    assert len(auth.grants) == 2


def test_an_app_that_was_given_stays_open(auth: AuthServer, app: GlobusApp, tmp_path: Path) -> None:
    assert auth
    with RestServer() as service:
        for _ in range(2):
            with Client(service_url=service.url, app=app, settings=Settings(tmp_path)):
                pass
        assert len(service.requests) == 2
