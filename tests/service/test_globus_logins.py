"""A real service, the fake of Globus, and people who come with tokens of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from fakes.globus import Globus
from fakes.globus_directory import COMPUTE_SCOPE, GROUPS_SCOPE, Application, Person
from farpool.service import GlobusOptions
from support.callers import Caller
from support.rest_server import free_port
from support.service import RunningService, service_in_thread


@dataclass
class Site:
    """A service that takes people whom Globus knows, and these."""

    globus: Globus
    application: Application
    service: RunningService
    stack: ExitStack
    endpoint_id: str = ""
    people: dict[str, Person] = field(default_factory=dict[str, Person])

    def person(self, name: str) -> Person:
        """Find or register somebody."""
        if name not in self.people:
            self.people[name] = self.globus.person(f"{name}@example.org")
        return self.people[name]

    def token(self, name: str, **about: Any) -> str:
        """Log somebody in, without the flow."""
        return self.globus.token(self.person(name), self.application.scope, **about)

    def caller(self, name: str) -> Caller:
        """Somebody with a new login."""
        return self.stack.enter_context(Caller(self.service, self.token(name)))


@pytest.fixture
def globus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Globus]:
    with Globus() as one:
        for name, value in one.environment().items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.fixture
def lifetime_s() -> float:
    """For how long answers hold: longer than any test takes."""
    return 3600.0


@pytest.fixture
def site(globus: Globus, tmp_path: Path, lifetime_s: float) -> Iterator[Site]:
    application = globus.service()
    assert application.secret is not None
    options = GlobusOptions(application.client_id, application.secret, lifetime_s=lifetime_s)
    with ExitStack() as stack:
        service = stack.enter_context(service_in_thread(tmp_path, globus=options))
        site = Site(globus, application, service, stack)
        site.endpoint_id = stack.enter_context(Caller(service)).register_endpoint(public=True)["endpoint_id"]
        yield site


def test_people_are_themselves_and_globus_is_asked_once_for_each_login(site: Site) -> None:
    ada, ben = site.caller("ada"), site.caller("ben")
    for caller, name in ((ada, "ada"), (ben, "ben"), (ada, "ada")):
        told = caller.get("/v3/identity")
        assert (told["identity_id"], told["name"]) == (site.person(name).identity_id, f"{name}@example.org")
    function_id = ada.register_function()

    assert ada.get(f"/v2/functions/{function_id}")["owner"] == site.person("ada").identity_id
    ben.get(f"/v2/functions/{function_id}", expect=403)
    site.caller("ada").get(f"/v2/functions/{function_id}")
    assert site.globus.counted["introspect"] == 3
    assert site.globus.counted["dependent_token"] == site.globus.counted["my_groups"] == 3


def test_tokens_that_are_not_for_this_service_are_refused(site: Site) -> None:
    other = site.globus.service()
    ada = site.person("ada")
    expired = site.token("ada")
    site.globus.expire()
    for token in (site.globus.token(ada, other.scope), site.globus.token(ada, COMPUTE_SCOPE), expired, "nonsense"):
        with Caller(site.service, token) as caller:
            for _ in range(3):
                refusal = caller.get("/v3/identity", expect=401)
                assert "that of a login with Globus for this service (farpool login)" in refusal["message"]
    assert site.globus.counted["introspect"] == 4


def test_while_globus_is_away_logins_that_are_known_go_on_and_others_are_asked_to_come_back(site: Site) -> None:
    known, new = site.caller("ada"), site.caller("ben")
    known.get("/v3/identity")
    site.globus.outage = 503

    known.register_function()
    response = requests.get(
        f"{site.service.url}/v3/identity", headers={"Authorization": new.session.headers["Authorization"]}, timeout=60
    )
    assert response.status_code == 503
    assert 0 < int(response.headers["Retry-After"]) <= 600
    assert response.json()["code"] == "GLOBUS_UNAVAILABLE"

    site.globus.outage = None
    assert new.get("/v3/identity")["name"] == "ben@example.org"


def test_the_service_says_how_one_logs_in(site: Site) -> None:
    told = requests.get(f"{site.service.url}/v2/version?service=all", timeout=60).json()

    assert told["auth"] == "globus"
    assert told["auth_scope"] == site.application.scope
    assert told["auth_resource_server"] == site.application.client_id


def test_without_consent_to_see_groups_people_are_in_none(site: Site) -> None:
    ada = site.caller("ada")
    site.globus.group("lab", site.person("ada"))
    site.globus.withdraw(site.person("ada"), GROUPS_SCOPE)

    assert ada.get("/v3/identity")["name"] == "ada@example.org"
    assert site.globus.counted["my_groups"] == 0


@pytest.mark.parametrize("wrong", ["secret", "address"])
def test_a_service_that_cannot_ask_globus_tells_why(
    globus: Globus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    application = globus.service()
    token = globus.token(globus.person("ada@example.org"), application.scope)
    if wrong == "address":
        monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", f"http://127.0.0.1:{free_port()}/")
    options = GlobusOptions(application.client_id, "another secret")
    with service_in_thread(tmp_path, globus=options) as service, Caller(service, token) as caller:
        refusal = caller.get("/v3/identity", expect=503)
    said = {"secret": "must check its client id and secret", "address": "Globus cannot be reached"}
    assert said[wrong] in refusal["message"]
