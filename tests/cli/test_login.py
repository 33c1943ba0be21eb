"""`farpool login`, `logout` and `whoami`, as a person uses them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes.globus import Globus, address_in
from fakes.globus_site import GlobusSite
from farpool.auth import TokenFile
from farpool.cli.app import app
from farpool.settings import HOSTED_SERVICE_URL
from support.command import Command
from support.rest_server import VERSION, Reply, Request, RestServer, refusal
from support.service import service_in_thread
from support.terminal import terminal

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command here, in an environment of its own."""
    for name in ("FARPOOL_TOKEN", "FARPOOL_SERVICE_URL", "GLOBUS_COMPUTE_CLIENT_ID", "GLOBUS_COMPUTE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FARPOOL_HOME", str(home))

    def run(*arguments: str, given: str | None = None, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(app, arguments, input=given)
        assert done.exit_code == exit_code, done.output
        return done

    return run


@pytest.fixture
def globus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Globus]:
    with Globus() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def service() -> Iterator[RestServer]:
    """A service that gives out tokens, and knows one: `good`."""

    def answer(request: Request) -> Reply:
        if request.path == "/v2/version":
            return Reply(body={**VERSION.body, "auth": "tokens"})
        if request.headers.get("Authorization") != "Bearer good":
            return refusal(401, "UNAUTHORIZED", "that token is not known")
        groups = [{"group_id": "1", "name": "climate"}, {"group_id": "2", "name": None}]
        return Reply(body={"identity_id": "an-id", "name": "ann", "groups": groups})

    with RestServer(answer) as server:
        yield server


def test_a_token_is_tried_and_stored(service: RestServer, home: Path, run: Run) -> None:
    told = run("login", "--service-url", service.url, "--token-stdin", given="good\n").output

    assert told == (f"logged in to {service.url} as ann (an-id), by the token file {home / 'tokens.json'}\n")
    assert TokenFile(home).read(service.url) == "good"
    again = run("login", "--service-url", service.url).output
    assert again == f"you are logged in to {service.url} as ann (an-id); --force logs in anew\n"


def test_a_token_that_is_not_taken_is_not_stored(service: RestServer, home: Path, run: Run) -> None:
    TokenFile(home).write(service.url, "old")

    refused = run("login", "--service-url", service.url, "--token-stdin", given="guessed\n", exit_code=1)

    assert "that token is not known (401, UNAUTHORIZED)" in refused.output
    assert "guessed" not in refused.output
    assert TokenFile(home).read(service.url) == "old"


def test_nobody_is_asked_for_a_token_where_nobody_can_answer(service: RestServer, run: Run) -> None:
    assert "give it with --token-stdin" in run("login", "--service-url", service.url, exit_code=1).output


def test_a_login_that_fails_leaves_the_token_that_was_kept(
    globus: Globus, home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = globus.client()
    with GlobusSite(globus) as site:
        TokenFile(home).write(site.url, "owner")

        failed = run("login", "--force", "--service-url", site.url, exit_code=1).output
        assert "there is no terminal to ask at" in failed
        assert TokenFile(home).read(site.url) == "owner"

        monkeypatch.setenv("GLOBUS_COMPUTE_CLIENT_ID", one.client_id)
        monkeypatch.setenv("GLOBUS_COMPUTE_CLIENT_SECRET", "very-secret")
        assert "is removed" in run("login", "--force", "--service-url", site.url).output
    assert TokenFile(home).read(site.url) is None


def test_the_hosted_service_takes_no_token_from_standard_input(run: Run) -> None:
    assert "the hosted service gives out no tokens" in run("login", "--token-stdin", given="t", exit_code=2).output


def test_whoami_says_what_the_service_takes_one_for(service: RestServer, home: Path, run: Run) -> None:
    TokenFile(home).write(service.url, "good")

    told: dict[str, Any] = json.loads(run("whoami", "--service-url", service.url, "--json").output)

    assert (told["name"], told["identity_id"], told["service"]) == ("ann", "an-id", service.url)
    assert told["credential"] == f"the token file {home / 'tokens.json'}"
    lines = run("whoami", "--service-url", service.url).output.splitlines()
    assert [line.split(maxsplit=1) for line in lines if line.startswith(("name", "groups"))] == [
        ["name", "ann"],
        ["groups", "climate, 2"],
    ]


def test_logging_out_removes_the_token_and_says_what_is_still_set(
    service: RestServer, home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    TokenFile(home).write(service.url, "good")
    monkeypatch.setenv("FARPOOL_TOKEN", "set")

    told = run("logout", "--service-url", service.url).output

    assert "forgotten: the token in" in told
    assert "FARPOOL_TOKEN is set, and programs go on using it" in told
    assert TokenFile(home).read(service.url) is None
    assert f"no login is kept for {service.url}" in run("logout", "--service-url", service.url).output
    assert not service.requests


def test_whoever_is_not_logged_in_is_told_how_to(service: RestServer, globus: Globus, run: Run) -> None:
    assert (
        f"farpool login --service-url {service.url}" in run("whoami", "--service-url", service.url, exit_code=1).output
    )
    assert "not logged in" in run("whoami", exit_code=1).output
    with GlobusSite(globus) as site:
        assert (
            f"run: farpool login --service-url {site.url}"
            in run("whoami", "--service-url", site.url, exit_code=1).output
        )
    assert not globus.counted


def test_a_client_of_the_environment_needs_no_login(globus: Globus, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    one = globus.client()
    monkeypatch.setenv("GLOBUS_COMPUTE_CLIENT_ID", one.client_id)
    monkeypatch.setenv("GLOBUS_COMPUTE_CLIENT_SECRET", "very-secret")

    told = json.loads(run("whoami", "--service-url", HOSTED_SERVICE_URL, "--json").output)

    assert (told["identity_id"], told["credential"]) == (one.client_id, "GLOBUS_COMPUTE_CLIENT_ID")
    assert f"({one.client_id}); --force logs in anew" in run("login").output


def test_the_doctor_says_how_to_log_in(globus: Globus, run: Run) -> None:
    with GlobusSite(globus) as site:
        told = run("doctor", "--service-url", site.url, exit_code=1).output

    assert f"fail  token: not logged in\n      -> run: farpool login --service-url {site.url}" in told


@pytest.mark.slow
def test_a_person_logs_in_through_globus_and_out_again(globus: Globus, home: Path, run: Run) -> None:
    ada = globus.person("ada@example.org")
    globus.group("climate", ada)
    command = Command(home, **globus.environment())
    with GlobusSite(globus) as site:
        at_site = ("--service-url", site.url)
        with terminal([sys.executable, "-m", "farpool", "login", *at_site], command.environment) as screen:
            screen.enter(globus.visit(address_in(screen.wait_for("Code here:")), ada))
            shown = screen.wait_for_end()
        told = json.loads(run("whoami", *at_site, "--json").output)
        elsewhere = run("whoami", exit_code=1).output
        out = run("logout", *at_site).output
        after = run("whoami", *at_site, exit_code=1).output

    assert f"logged in to {site.url} as ada@example.org ({ada.identity_id})" in shown
    assert (told["identity_id"], told["email"]) == (ada.identity_id, "ada@example.org")
    assert told["credential"] == f"the Globus login kept in {home / 'globus_tokens.db'}"
    assert (home / "globus_tokens.db").stat().st_mode & 0o777 == 0o600
    assert "you are not logged in to https://compute.api.globus.org: run: farpool login" in elsewhere
    assert f"forgotten: the Globus login of {ada.identity_id}, whose tokens are revoked" in out
    assert "you are not logged in" in after
    assert all(token.is_revoked for token in (*globus.tokens(), *globus.refresh_tokens()))


def test_a_service_of_ones_own_says_who_its_owner_is(run: Run, tmp_path: Path) -> None:
    with service_in_thread(tmp_path / "service") as served:
        told = run("login", "--service-url", served.url, "--token-stdin", given=served.token).output
        lines = run("whoami", "--service-url", served.url).output.splitlines()

    assert f"logged in to {served.url} as local (" in told
    assert ["groups", "none"] in [line.split() for line in lines]
