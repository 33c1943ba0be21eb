"""A person's login, by the flows of globus-sdk: when it happens, what renews it, what ends it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from globus_sdk import AccessTokenAuthorizer, GlobusAppConfig, UserApp
from globus_sdk.token_storage import SQLiteTokenStorage

from fakes.globus import Globus
from fakes.globus_directory import Person
from fakes.globus_login import user_app
from fakes.globus_site import GlobusSite, demand
from farpool.auth.apps import NATIVE_CLIENT_ID, globus_app
from farpool.client import Client
from farpool.client.legacy import FuncXClient
from farpool.errors import AccessDenied, ServiceDown
from farpool.settings import Settings
from farpool.wire.rest import LoginWay


@pytest.fixture
def client(globus: Globus, ada: Person, site: GlobusSite, settings: Settings) -> Iterator[Client]:
    """A client that ada has not logged in to yet."""
    with (
        user_app(globus, ada) as app,
        Client(service_url=site.url, app=app, settings=settings, do_version_check=False) as one,
    ):
        yield one


def test_the_login_asks_for_what_the_service_wants_and_for_who_one_is(
    globus: Globus, ada: Person, site: GlobusSite, client: Client
) -> None:
    assert not globus.logins

    told = client.whoami()

    assert told["identity_id"] == ada.identity_id
    assert told["email"] is None  # an app that was given asks for what it asks for
    asked = set(globus.logins[0]["scope"].split())
    assert asked == {site.application.scope, "openid"}
    assert globus.counted["authorization_code"] == 1


def test_a_token_that_expires_in_mid_run_is_renewed_once_for_all_threads(
    globus: Globus, site: GlobusSite, client: Client
) -> None:
    client.whoami()
    globus.expire(resource_server=site.application.resource_server)

    with ThreadPoolExecutor(8) as threads:
        at_once = threading.Barrier(8)

        def ask() -> object:
            at_once.wait()
            return client.get_function("0a4dea26-44cd-11e8-847f-0e6e723ad808")

        for answer in [threads.submit(ask) for _ in range(8)]:
            answer.result()

    assert globus.counted["refresh_token"] == 1
    assert globus.counted["authorization_code"] == 1
    assert set(site.refused) == {site.served[0]}


def test_a_token_that_is_known_to_expire_is_renewed_before_it_is_refused(
    globus: Globus, site: GlobusSite, client: Client
) -> None:
    globus.lifetime_s = 30  # globus-sdk renews what is good for less than a minute
    client.whoami()
    globus.lifetime_s = 3600

    client.whoami()
    client.whoami()

    assert not site.refused
    assert globus.counted["authorization_code"] == 1
    assert len(set(site.served)) <= 3


def test_refresh_tokens_may_be_good_for_one_use(globus: Globus, site: GlobusSite, client: Client) -> None:
    globus.rotates = True
    for _ in range(3):
        client.whoami()
        globus.expire(resource_server=site.application.resource_server)

    client.whoami()

    assert globus.counted["refresh_token"] == 3
    assert globus.counted["authorization_code"] == 1


def test_two_programs_that_share_a_login_renew_it_in_turn(
    globus: Globus, ada: Person, site: GlobusSite, settings: Settings, tmp_path: Path
) -> None:
    globus.rotates = True
    clients: list[Client] = []
    for _ in range(2):
        storage = SQLiteTokenStorage(tmp_path / "shared.db")
        app = user_app(globus, ada, storage=storage)
        clients.append(Client(service_url=site.url, app=app, settings=settings, do_version_check=False))
    try:
        for first, then in (clients, reversed(clients)):
            first.get_functions()
            globus.expire(resource_server=site.application.resource_server)
            then.get_functions()  # renews it, and uses up the refresh token that both know
            first.get_functions()

        assert globus.counted["refresh_token"] == 4
        assert globus.counted["authorization_code"] == 1
    finally:
        for one in clients:
            assert one.app is not None
            one.close()
            one.app.close()
            one.app.token_storage.close()


def test_a_login_that_was_revoked_is_made_anew(globus: Globus, ada: Person, site: GlobusSite, client: Client) -> None:
    client.whoami()
    globus.revoke(ada)

    assert client.whoami()["identity_id"] == ada.identity_id

    assert globus.counted["authorization_code"] == 2
    assert len(set(site.served)) == 2


def test_a_consent_that_is_missing_is_asked_for(
    globus: Globus, ada: Person, site: GlobusSite, settings: Settings, tmp_path: Path
) -> None:
    with (
        GlobusSite(globus) as other,
        user_app(globus, ada) as app,
        Client(service_url=other.url, app=app, settings=settings, do_version_check=False) as first,
    ):
        first.whoami()

        with Client(service_url=site.url, app=app, settings=settings, do_version_check=False) as second:
            assert second.whoami()["identity_id"] == ada.identity_id
        first.whoami()

    assert globus.counted["authorization_code"] == 2
    assert {site.application.scope, other.application.scope}.issubset(globus.logins[1]["scope"].split())


def test_another_person_does_not_slip_into_a_login(globus: Globus, site: GlobusSite, settings: Settings) -> None:
    people = [globus.person("ada@example.org"), globus.person("bob@example.org")]
    present = [people[0]]
    with (
        user_app(globus, lambda: present[0]) as app,
        Client(service_url=site.url, app=app, settings=settings, do_version_check=False) as client,
    ):
        client.login()
        present[0] = people[1]
        with pytest.raises(AccessDenied, match=f"as identity {people[1].identity_id}.*farpool logout"):
            client.login(force=True)

        assert client.whoami()["name"] == "ada@example.org"
        client.logout()
        assert client.whoami()["name"] == "bob@example.org"


def test_force_login_is_a_new_token_for_the_service(
    globus: Globus, ada: Person, site: GlobusSite, settings: Settings
) -> None:
    with user_app(globus, ada) as app:
        for force in (False, False, True):
            with Client(service_url=site.url, app=app, settings=settings, force_login=force) as client:
                client.get_functions()

    assert globus.counted["authorization_code"] == 2
    assert site.served[0] == site.served[1] != site.served[2]


def test_funcx_client_is_made_to_log_in_anew_likewise(
    globus: Globus, ada: Person, site: GlobusSite, settings: Settings
) -> None:
    with user_app(globus, ada) as app:
        for force in (False, True):
            with FuncXClient(funcx_service_address=site.url, app=app, settings=settings, force_login=force) as fxc:
                fxc.client.get_functions()

    assert globus.counted["authorization_code"] == 2
    assert len(set(site.served)) == 2


def test_logging_out_makes_the_tokens_worthless(globus: Globus, site: GlobusSite, client: Client) -> None:
    client.get_functions()

    client.logout()

    assert all(token.is_revoked for token in (*globus.tokens(), *globus.refresh_tokens()))
    client.get_functions()
    assert globus.counted["authorization_code"] == 2
    assert len(set(site.served)) == 2


def test_what_a_service_demands_of_a_login_is_done_once_and_the_request_repeated_once(
    globus: Globus, ada: Person, site: GlobusSite, client: Client
) -> None:
    client.get_functions()
    site.demands.append(demand(session_required_identities=[ada.identity_id], session_required_mfa=True))

    client.get_functions()

    assert globus.counted["authorization_code"] == 2
    assert globus.logins[1]["session_required_identities"] == ada.identity_id
    assert globus.logins[1]["session_message"] == "log in better"
    assert len(site.served) == 2


def test_a_second_demand_is_raised_as_it_is(globus: Globus, site: GlobusSite, client: Client) -> None:
    client.get_functions()
    before = len(site.requests)
    site.demands.extend([demand(session_required_mfa=True)] * 3)

    with pytest.raises(AccessDenied, match=r"not like that \(403.*a login with a second factor.* was not enough"):
        client.get_functions()

    assert len(site.demands) == 1
    assert len(site.requests) - before == 2
    assert globus.counted["authorization_code"] == 2


def test_threads_of_which_a_login_is_demanded_at_once_log_in_once(
    globus: Globus, site: GlobusSite, client: Client
) -> None:
    client.get_functions()
    site.demands.extend([demand(session_required_mfa=True)] * 4)
    site.together = threading.Barrier(4)

    with ThreadPoolExecutor(4) as threads:
        for answer in [threads.submit(client.get_functions) for _ in range(4)]:
            answer.result()

    assert globus.counted["authorization_code"] == 2
    assert len(site.served) == 5


def test_a_demand_is_told_where_nothing_can_log_in(globus: Globus, ada: Person, site: GlobusSite) -> None:
    token = globus.token(ada, site.application.scope)
    site.demands.append(demand(required_scopes=["https://auth.globus.org/scopes/1/all"]))

    with (
        Client(service_url=site.url, authorizer=AccessTokenAuthorizer(token), do_version_check=False) as client,
        pytest.raises(AccessDenied, match=r"with consent to https://.*cannot log in again: use Client\(app=") as caught,
    ):
        client.get_functions()

    assert caught.value.http_status == 403
    assert not globus.counted
    assert len(site.requests) == 1


def test_an_app_without_refresh_tokens_is_told_to_log_in_again(
    globus: Globus, ada: Person, site: GlobusSite, settings: Settings
) -> None:
    with (
        user_app(globus, ada, refresh=False) as app,
        Client(service_url=site.url, app=app, settings=settings, do_version_check=False) as client,
    ):
        client.get_functions()
        globus.expire(resource_server=site.application.resource_server)
        with pytest.raises(AccessDenied, match=f"log in again, with: farpool login --force --service-url {site.url}"):
            client.get_functions()

        client.login(force=True)
        client.get_functions()

    assert globus.counted["authorization_code"] == 2
    assert globus.counted["refresh_token"] == 0


def test_globus_that_is_away_is_told_as_such(globus: Globus, site: GlobusSite, client: Client) -> None:
    client.get_functions()
    globus.expire(resource_server=site.application.resource_server)
    globus.outage = 501

    with pytest.raises(ServiceDown, match="Globus Auth has a fault of its own"):
        client.get_functions()

    globus.outage = None
    client.get_functions()


def test_an_app_is_not_for_a_service_that_gives_out_tokens(globus: Globus, ada: Person, settings: Settings) -> None:
    with (
        GlobusSite(globus, way=LoginWay()) as site,
        user_app(globus, ada) as app,
        pytest.raises(AccessDenied, match="takes no Globus login: pass token="),
    ):
        Client(service_url=site.url, app=app, settings=settings)


def test_no_service_gets_a_token_that_opens_globus(globus: Globus, ada: Person, settings: Settings) -> None:
    greedy = LoginWay("https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all", "funcx_service")
    with GlobusSite(globus, way=greedy) as site, user_app(globus, ada) as app:
        with pytest.raises(AccessDenied, match=r"asks for a token of funcx_service.*not given one"):
            Client(service_url=site.url, app=app, settings=settings)
        with pytest.raises(AccessDenied, match=r"asks for a token of funcx_service.*not given one"):
            Client(service_url=site.url, settings=settings)
    assert not globus.counted


def test_nobody_is_asked_where_nobody_can_answer(
    globus: Globus, site: GlobusSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        for force in (False, True):
            with pytest.raises(AccessDenied, match="there is no terminal to ask at: set GLOBUS_COMPUTE_CLIENT_ID and"):
                Client(service_url=site.url, settings=settings, force_login=force)
    assert not globus.counted


def test_a_login_that_is_kept_serves_other_programs_until_it_is_revoked(
    globus: Globus, ada: Person, site: GlobusSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = LoginWay(site.application.scope, site.application.resource_server)
    with closing(globus_app(settings, way, site.url)) as terminal, closing(terminal.token_storage):
        kept = terminal.token_storage.token_storage
        with user_app(globus, ada, storage=kept) as app:
            app.add_scope_requirements({"auth.globus.org": ["openid", "email"]})
            Client(service_url=site.url, app=app, settings=settings).close()

    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with Client(service_url=site.url, settings=settings) as client:
            assert client.is_logged_in
            assert client.identity == f"globus {ada.identity_id}"
            client.get_functions()
            globus.revoke(ada)
            with pytest.raises(AccessDenied, match="there is no terminal to ask at: set GLOBUS_COMPUTE_CLIENT_ID and"):
                client.get_functions()
    assert globus.counted["authorization_code"] == 1


def test_an_app_of_ones_own_asks_nobody_where_nobody_can_answer(
    globus: Globus, site: GlobusSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        open(os.devnull) as nothing,
        UserApp("mine", client_id=NATIVE_CLIENT_ID, config=GlobusAppConfig(token_storage="memory")) as app,
        Client(service_url=site.url, app=app, settings=settings, do_version_check=False) as client,
    ):
        monkeypatch.setattr("sys.stdin", nothing)
        for ask in (client.get_functions, client.whoami, lambda: client.login(force=True)):
            with pytest.raises(AccessDenied, match="there is no terminal to ask at: set GLOBUS_COMPUTE_CLIENT_ID and"):
                ask()
    assert not globus.counted


def test_a_client_with_credentials_can_be_told_to_log_in_anew(
    globus: Globus, site: GlobusSite, settings: Settings
) -> None:
    me = globus.client()
    settings = replace(settings, client_id=me.client_id, client_secret=me.secret)
    for force in (False, False, True):
        with Client(service_url=site.url, settings=settings, force_login=force) as client:
            assert client.whoami()["identity_id"] == me.client_id

    assert site.served[0] == site.served[1] != site.served[2]
    assert (settings.home / "globus_tokens.db").stat().st_mode & 0o777 == 0o600


def test_who_cannot_log_in_cannot_be_told_to(globus: Globus, ada: Person, site: GlobusSite, settings: Settings) -> None:
    authorizer = AccessTokenAuthorizer(globus.token(ada, site.application.scope))

    with pytest.raises(ValueError, match="force_login=True was given with authorizer="):
        Client(service_url=site.url, authorizer=authorizer, force_login=True, settings=settings)
    with user_app(globus, ada) as app, pytest.raises(ValueError, match="app and authorizer were both given"):
        Client(service_url=site.url, authorizer=authorizer, app=app, settings=settings)
    assert not site.requests


def test_a_copy_of_a_client_can_be_closed_by_itself(globus: Globus, site: GlobusSite, settings: Settings) -> None:
    me = globus.client()
    settings = replace(settings, client_id=me.client_id, client_secret=me.secret)
    with Client(service_url=site.url, settings=settings) as client:
        client.patient(None).close()

        globus.expire(resource_server=site.application.resource_server)
        assert client.whoami()["identity_id"] == me.client_id
        client.logout()


@pytest.mark.parametrize("wants", ["transfer.api.globus.org:all", "groups.api.globus.org:all"])
def test_a_service_cannot_have_a_client_agree_to_what_nobody_sees(
    globus: Globus, site: GlobusSite, settings: Settings, wants: str
) -> None:
    me = globus.client()
    settings = replace(settings, client_id=me.client_id, client_secret=me.secret)
    own = site.application.scope
    with Client(service_url=site.url, settings=settings, do_version_check=False) as client:
        site.demands.append(demand(required_scopes=[f"{own}[urn:globus:auth:scope:{wants}]"]))
        with pytest.raises(AccessDenied, match=f"demands consent to https://.*{wants}.*is not given it"):
            client.get_functions()
        assert globus.counted["client_credentials"] == 1

        groups = "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships"
        site.demands.append(demand(required_scopes=[f"{own}[{groups}]"]))
        client.get_functions()
    assert globus.counted["client_credentials"] == 2
