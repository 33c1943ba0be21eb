"""Logins of Globus with everything real but Globus: a service, an endpoint, clients and executors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.globus import Globus
from fakes.globus_login import user_app
from farpool import Client, Executor
from farpool.auth import TokenFile
from farpool.errors import AccessDenied
from farpool.service import GlobusOptions
from support.command import Command
from support.service import RunningService, service_in_thread

pytestmark = pytest.mark.slow


@pytest.fixture
def globus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Globus]:
    with Globus() as one:
        for name, value in one.environment().items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.fixture
def lifetime_s() -> float:
    """For how long the service remembers what Globus said: longer than a test."""
    return 3600.0


@pytest.fixture
def service(globus: Globus, tmp_path: Path, lifetime_s: float) -> Iterator[RunningService]:
    application = globus.service()
    assert application.secret is not None
    options = GlobusOptions(application.client_id, application.secret, lifetime_s=lifetime_s)
    with service_in_thread(tmp_path / "service", globus=options) as one:
        yield one


def test_client_executor_and_endpoint_log_in_with_the_credentials_of_the_environment(
    globus: Globus, service: RunningService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, me = tmp_path / "home", globus.client()
    TokenFile(home).write(service.url, "stored-and-worthless")
    variables = {
        "FARPOOL_SERVICE_URL": service.url,
        "GLOBUS_COMPUTE_CLIENT_ID": me.client_id,
        "GLOBUS_COMPUTE_CLIENT_SECRET": "very-secret",
        **globus.environment(),
    }
    monkeypatch.delenv("FARPOOL_TOKEN", raising=False)
    for name, value in {"FARPOOL_HOME": str(home), **variables}.items():
        monkeypatch.setenv(name, value)
    farpool = Command(home, **variables)

    with farpool.running("endpoint", "start", "site", "--foreground", "--engine", "threads", "--workers", "1") as told:
        with Client() as client:
            who = client.whoami()
            endpoints = [one["uuid"] for one in client.get_endpoints()]
        with Executor(endpoint_id=told["endpoint_id"]) as ex:
            assert ex.submit(pow, 2, 10).result(timeout=120) == 1024

    assert who["name"] == f"{me.client_id}@clients.auth.globus.org"
    assert who["credential"] == "GLOBUS_COMPUTE_CLIENT_ID"
    assert endpoints == [told["endpoint_id"]]  # the agent is the same client: it is not public
    assert globus.counted["authorization_code"] == 0


@pytest.mark.parametrize("lifetime_s", [0.0])  # the service asks Globus about every request
def test_an_executor_goes_on_when_its_token_expires_in_mid_run(
    globus: Globus, service: RunningService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path / "home"))
    ada = globus.person("ada@example.org")
    farpool = Command(
        tmp_path / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=globus.token(ada, _scope(globus))
    )

    with (
        farpool.running("endpoint", "start", "site", "--foreground", "--engine", "threads", "--workers", "1") as told,
        user_app(globus, ada) as app,
        Client(service_url=service.url, app=app) as client,
        Executor(endpoint_id=told["endpoint_id"], client=client) as ex,
    ):
        assert ex.submit(pow, 2, 3).result(timeout=120) == 8
        globus.expire()
        assert ex.submit(pow, 3, 2).result(timeout=120) == 9
        assert ex.submit(pow, 3, 3).result(timeout=120) == 27

    assert globus.counted["authorization_code"] == 1
    assert globus.counted["refresh_token"] == 1


def test_a_new_login_has_the_service_look_anew_at_ones_groups(globus: Globus, service: RunningService) -> None:
    ada, bob = globus.person("ada@example.org"), globus.person("bob@example.org")
    group = globus.group("climate", ada)
    with (
        user_app(globus, ada) as hers,
        user_app(globus, bob) as his,
        Client(service_url=service.url, app=hers) as owner,
        Client(service_url=service.url, app=his) as client,
    ):
        shared = owner.register_function(max, group=group.group_id)
        with pytest.raises(AccessDenied):
            client.get_function(shared)
        group.members.append(bob)
        with pytest.raises(AccessDenied):
            client.get_function(shared)  # what Globus said of him is still remembered

        with Client(service_url=service.url, app=his, force_login=True) as anew:
            assert anew.get_function(shared)["function_uuid"] == shared
            assert anew.whoami()["groups"] == [{"group_id": group.group_id, "name": "climate"}]


def _scope(globus: Globus) -> str:
    return next(one.scope for one in globus.applications() if one.scope)
