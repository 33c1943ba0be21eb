"""A real service, the fake of Globus, and people who come with tokens of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from fakes.globus import Globus
from fakes.globus_directory import COMPUTE_SCOPE, GROUPS_SCOPE, Application, Person
from fakes.globus_login import user_app
from farpool.client import Client
from farpool.errors import AccessDenied
from farpool.serialize import Serializer
from farpool.service import GlobusOptions, People
from farpool.settings import Settings
from support.callers import Agent, Caller
from support.service import RunningService, service_in_thread
from support.waiting import eventually


@dataclass
class Site:
    """A service that takes people whom Globus knows, and these."""

    globus: Globus
    application: Application
    service: RunningService
    stack: ExitStack
    home: Path
    credentials: dict[str, Any]
    people: dict[str, Person] = field(default_factory=dict[str, Person])

    @property
    def endpoint_id(self) -> str:
        """A public endpoint."""
        return str(self.credentials["endpoint_id"])

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

    def client(self, name: str) -> Client:
        """A client of somebody who has not logged in yet, and does so when they are asked."""
        app = self.stack.enter_context(user_app(self.globus, self.person(name)))
        return self._client(Settings(self.home / name), app=app)

    def program(self, application: Application) -> Client:
        """A client of a program that has credentials of Globus."""
        home = self.home / application.client_id
        return self._client(Settings(home, client_id=application.client_id, client_secret=application.secret))

    def _client(self, settings: Settings, **about: Any) -> Client:
        url = self.service.url
        return self.stack.enter_context(Client(service_url=url, settings=settings, do_version_check=False, **about))


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
        credentials = stack.enter_context(Caller(service)).register_endpoint(public=True)
        yield Site(globus, application, service, stack, tmp_path / "home", credentials)


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
    response = new.session.get(f"{new.url}/v3/identity", timeout=60)
    assert response.status_code == 503
    assert 0 < int(response.headers["Retry-After"]) <= 600
    assert response.json()["code"] == "GLOBUS_UNAVAILABLE"

    site.globus.outage = None
    eventually(lambda: new.session.get(f"{new.url}/v3/identity", timeout=60).ok)
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
    options = GlobusOptions(application.client_id, "another secret")
    with ExitStack() as stack:
        if wrong == "address":
            nobody = stack.enter_context(socket.socket())
            nobody.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
            monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        service = stack.enter_context(service_in_thread(tmp_path, globus=options))
        caller = stack.enter_context(Caller(service, token))
        refusal = caller.get("/v3/identity", expect=503)
    said = {"secret": "must check its client id and secret", "address": "Globus cannot be reached"}
    assert said[wrong] in refusal["message"]


def test_functions_are_shared_with_groups_of_globus_and_globus_is_asked_once_for_each_login(site: Site) -> None:
    ada, ben, eve = (site.caller(name) for name in ("ada", "ben", "eve"))
    lab = site.globus.group("lab", site.person("ada"), site.person("ben"))

    function_id = ada.register_function(group=lab.group_id, description="for the lab")
    private_id = ada.register_function(description="for myself")

    ben.submit(site.endpoint_id, function_id)
    eve.submit(site.endpoint_id, function_id, expect=403)
    ben.submit(site.endpoint_id, private_id, expect=403)
    assert [one["function_uuid"] for one in ben.get("/v3/functions/search?query=for")] == [function_id]
    assert eve.get("/v3/functions/search?query=for") == []
    assert ben.get("/v3/identity")["groups"] == [{"group_id": lab.group_id, "name": "lab"}]
    eve.call(
        "POST", "/v3/functions", {"function_name": "f", "function_code": "1\nx", "group": lab.group_id}, expect=403
    )
    assert site.globus.counted["introspect"] == 3
    assert site.globus.counted["dependent_token"] == site.globus.counted["my_groups"] == 3


def test_who_joins_a_group_is_in_it_with_their_next_login(site: Site) -> None:
    ada, before = site.caller("ada"), site.caller("ben")
    lab = site.globus.group("lab", site.person("ada"))
    function_id = ada.register_function(group=lab.group_id)
    before.submit(site.endpoint_id, function_id, expect=403)

    lab.members.append(site.person("ben"))

    before.submit(site.endpoint_id, function_id, expect=403)
    site.caller("ben").submit(site.endpoint_id, function_id)
    assert site.globus.counted["introspect"] == 3


@pytest.mark.parametrize("lifetime_s", [0.0])
def test_groups_that_change_and_tokens_that_are_revoked_count_when_answers_have_lapsed(site: Site) -> None:
    ada, ben = site.caller("ada"), site.caller("ben")
    lab = site.globus.group("lab", site.person("ada"), site.person("ben"))
    function_id = ada.register_function(group=lab.group_id)
    ben.submit(site.endpoint_id, function_id)

    lab.members.remove(site.person("ben"))
    ben.submit(site.endpoint_id, function_id, expect=403)
    site.globus.revoke(site.person("ben"))
    refusal = ben.submit(site.endpoint_id, function_id, expect=401)

    assert refusal["code"] == "USER_UNAUTHENTICATED"
    ada.submit(site.endpoint_id, function_id)


def test_what_globus_has_against_one_token_keeps_nobody_else_out(site: Site) -> None:
    ada, ben = site.caller("ada"), site.caller("ben")
    site.globus.outage = 400

    refusal = ada.get("/v3/identity", expect=503)
    site.globus.outage = None
    assert ben.get("/v3/identity")["name"] == "ben@example.org"

    assert "refuses this service's own request with HTTP 400" in refusal["message"]


def test_own_users_are_there_beside_people_of_globus_who_can_be_shut_out(site: Site) -> None:
    ada = site.caller("ada")
    ada.get("/v3/identity")
    with People(site.service.directory) as people, Caller(site.service) as administrator:
        asked = site.globus.counted["introspect"]
        assert administrator.get("/v3/identity")["name"] == "local"
        assert site.globus.counted["introspect"] == asked

        lab = people.add_group("lab", ["local", "ada@example.org"])
        function_id = administrator.register_function(group=lab.group_id)
        ada.submit(site.endpoint_id, function_id)

        people.remove_user("ada@example.org")
    ada.get("/v3/identity", expect=401)
    site.caller("ada").get("/v3/identity", expect=401)


def double(x: int) -> int:
    """Double a number."""
    return 2 * x


def test_somebody_who_logs_in_runs_what_their_group_shares_and_a_stranger_is_told_who_may(site: Site) -> None:
    ada, ben, eve = (site.client(name) for name in ("ada", "ben", "eve"))
    lab = site.globus.group("lab", site.person("ada"), site.person("ben"))
    function_id = ada.register_function(double, group=lab.group_id)

    (found,) = ben.search_functions("double a number")
    task_id = ben.run(21, endpoint_id=site.endpoint_id, function_id=found["function_uuid"])
    with Agent(site.credentials) as agent:
        (task,) = agent.take()
        agent.succeed(task, Serializer().serialize(42))
    eventually(lambda: not ben.get_task(task_id)["pending"])

    assert ben.get_result(task_id) == 42
    with pytest.raises(AccessDenied, match=f"by its owner and the members of group {lab.group_id}"):
        eve.run(21, endpoint_id=site.endpoint_id, function_id=function_id)
    with pytest.raises(AccessDenied, match="there is no task"):
        eve.get_result(task_id)
    assert site.globus.counted["authorization_code"] == site.globus.counted["introspect"] == 3


def test_a_new_login_shows_who_has_left_a_group(site: Site) -> None:
    ada, ben = site.client("ada"), site.client("ben")
    lab = site.globus.group("lab", site.person("ada"), site.person("ben"))
    function_id = ada.register_function(double, group=lab.group_id)
    assert ben.get_function(function_id)["group"] == lab.group_id

    lab.members.remove(site.person("ben"))

    assert ben.get_function(function_id)["group"] == lab.group_id
    ben.login(force=True)
    with pytest.raises(AccessDenied, match="the members of group"):
        ben.get_function(function_id)
    assert site.globus.counted["introspect"] == 3


@pytest.mark.parametrize("lifetime_s", [0.0])
def test_a_login_that_is_refused_in_mid_run_is_renewed_and_one_that_was_revoked_takes_another(site: Site) -> None:
    ada = site.client("ada")
    ada.register_function(double)

    site.globus.expire(resource_server=site.application.resource_server)
    function_id = ada.register_function(double)

    assert site.globus.counted["refresh_token"] == site.globus.counted["authorization_code"] == 1
    assert {one["function_uuid"] for one in ada.get_functions()} > {function_id}

    site.globus.revoke(site.person("ada"))
    assert ada.get_function(function_id)["owner"] == site.person("ada").identity_id
    assert site.globus.counted["authorization_code"] == 2


def test_who_has_not_let_the_service_see_their_groups_is_asked_to_when_one_might_be_what_is_missing(
    site: Site,
) -> None:
    ada, ben = site.client("ada"), site.client("ben")
    lab = site.globus.group("lab", site.person("ada"), site.person("ben"))
    function_id = ada.register_function(double, group=lab.group_id)
    ben.login()
    site.globus.withdraw(site.person("ben"), GROUPS_SCOPE)
    bare = site.caller("ben")
    site.globus.withdraw(site.person("ben"), GROUPS_SCOPE)

    refusal = bare.get(f"/v2/functions/{function_id}", expect=403)
    assert refusal["authorization_parameters"]["required_scopes"] == [f"{site.application.scope}[{GROUPS_SCOPE}]"]
    bare.register_function()

    logins = site.globus.counted["authorization_code"]
    assert ben.get_function(function_id)["group"] == lab.group_id
    assert site.globus.counted["authorization_code"] == logins + 1
    assert "authorization_parameters" not in site.caller("eve").get(f"/v2/functions/{function_id}", expect=403)


def test_a_program_with_credentials_of_globus_is_somebody_of_its_own(site: Site) -> None:
    application = site.globus.client()
    robot = site.program(application)

    endpoint_id = robot.register_endpoint("robots", None)["endpoint_id"]

    assert robot.get_endpoint_metadata(endpoint_id)["owner"] == application.client_id
    assert [one["name"] for one in robot.get_endpoints()] == ["robots"]
    with pytest.raises(AccessDenied, match="there is no endpoint"):
        site.client("ada").get_endpoint_metadata(endpoint_id)
