"""The fake of Globus, by the clients of globus-sdk that farpool and its service use."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from globus_sdk import (
    AccessTokenAuthorizer,
    AuthAPIError,
    AuthClient,
    ConfidentialAppAuthClient,
    GlobusAPIError,
    GroupsClient,
    NativeAppAuthClient,
    OAuthTokenResponse,
)
from globus_sdk.scopes import AuthScopes

from fakes.globus import Globus
from fakes.globus_directory import COMPUTE_SCOPE, GROUPS_SCOPE, Application, Person
from farpool.auth.apps import NATIVE_CLIENT_ID


@pytest.fixture
def globus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Globus]:
    with Globus() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def login(globus: Globus, person: Person, *scopes: str) -> tuple[NativeAppAuthClient, OAuthTokenResponse]:
    client = NativeAppAuthClient(NATIVE_CLIENT_ID)
    client.oauth2_start_flow(requested_scopes=list(scopes), refresh_tokens=True)
    code = globus.visit(client.oauth2_get_authorize_url(), person)
    return client, client.oauth2_exchange_code_for_tokens(code)


def service_client(service: Application) -> ConfidentialAppAuthClient:
    assert service.secret is not None
    return ConfidentialAppAuthClient(service.client_id, service.secret)


@contextmanager
def refused(name: str) -> Generator[None]:
    """Expect a grant to be refused; older Pythons do not show its name in the error's text."""
    with pytest.raises(AuthAPIError) as caught:
        yield
    assert caught.value.raw_json == {"error": name}


def test_a_person_logs_in_and_gets_a_token_for_each_service(globus: Globus) -> None:
    ada = globus.person("ada@example.org")

    client, tokens = login(globus, ada, COMPUTE_SCOPE, str(AuthScopes.openid), GROUPS_SCOPE)

    assert set(tokens.by_resource_server) == {"funcx_service", "auth.globus.org", "groups.api.globus.org"}
    assert tokens.decode_id_token()["sub"] == ada.identity_id
    renewed = client.oauth2_refresh_token(tokens.by_resource_server["funcx_service"]["refresh_token"])
    assert renewed["access_token"] != tokens.by_resource_server["funcx_service"]["access_token"]
    assert globus.counted["authorization_code"] == globus.counted["refresh_token"] == 1


def test_a_code_is_good_once_and_for_whoever_began_the_login(globus: Globus) -> None:
    ada = globus.person("ada@example.org")
    client, other = NativeAppAuthClient(NATIVE_CLIENT_ID), NativeAppAuthClient(NATIVE_CLIENT_ID)
    for one in (client, other):
        one.oauth2_start_flow(requested_scopes=COMPUTE_SCOPE)
    code = globus.visit(client.oauth2_get_authorize_url(), ada)

    with refused("invalid_grant"):
        other.oauth2_exchange_code_for_tokens(code)
    with refused("invalid_grant"):
        client.oauth2_exchange_code_for_tokens(code)


def test_somebody_who_does_not_consent_gets_no_code(globus: Globus) -> None:
    ada = globus.person("ada@example.org")
    ada.refuses.add(COMPUTE_SCOPE)

    with pytest.raises(AssertionError, match="access_denied"):
        login(globus, ada, COMPUTE_SCOPE)


def test_a_service_learns_who_sent_it_a_token_and_of_no_other_tokens(globus: Globus) -> None:
    second = Person("ada@second.example")
    ada = globus.person("ada@example.org", linked=[second])
    service, other = globus.service(), globus.service()
    token = globus.token(ada, service.scope)

    told = service_client(service).oauth2_token_introspect(token, include="identity_set")

    assert (told["active"], told["sub"], told["username"]) == (True, ada.identity_id, "ada@example.org")
    assert told["identity_set"] == [ada.identity_id, second.identity_id]
    assert service_client(other).oauth2_token_introspect(token).data == {"active": False}
    globus.expire()
    assert service_client(service).oauth2_token_introspect(token).data == {"active": False}


def test_a_service_asks_for_the_groups_of_whoever_sent_it_a_token(globus: Globus) -> None:
    ada, bob = globus.person("ada@example.org"), globus.person("bob@example.org")
    group = globus.group("climate", ada, bob)
    globus.group("others", bob)
    service = globus.service()
    token = globus.token(ada, service.scope)

    def groups() -> GroupsClient:
        tokens = service_client(service).oauth2_get_dependent_tokens(token).by_resource_server
        return GroupsClient(authorizer=AccessTokenAuthorizer(tokens["groups.api.globus.org"]["access_token"]))

    assert [one["name"] for one in groups().get_my_groups()] == ["climate"]
    assert groups().get_group(group.group_id, include="memberships")["memberships"][1]["username"] == "bob@example.org"
    group.members.remove(ada)
    assert not list(groups().get_my_groups())
    with pytest.raises(GlobusAPIError) as caught:
        groups().get_group(group.group_id)
    assert caught.value.http_status == 404
    globus.withdraw(ada, GROUPS_SCOPE)
    with pytest.raises(AuthAPIError) as refused:
        groups()
    assert (refused.value.http_status, refused.value.code) == (403, "ConsentRequired")


def test_a_token_for_one_thing_opens_no_other(globus: Globus) -> None:
    ada = globus.person("ada@example.org")
    compute = AccessTokenAuthorizer(globus.token(ada, COMPUTE_SCOPE))

    for ask in (GroupsClient(authorizer=compute).get_my_groups, AuthClient(authorizer=compute).userinfo):
        with pytest.raises(GlobusAPIError) as caught:
            ask()
        assert (caught.value.http_status, caught.value.code) == (403, "FORBIDDEN")
    with pytest.raises(GlobusAPIError) as caught:
        AuthClient(authorizer=AccessTokenAuthorizer("made-up")).userinfo()
    assert (caught.value.http_status, caught.value.code) == (401, "UNAUTHORIZED")


def test_who_somebody_is_is_told_as_far_as_was_consented_to(globus: Globus) -> None:
    ada = globus.person("ada@example.org")
    _, tokens = login(globus, ada, str(AuthScopes.openid), str(AuthScopes.email))
    client = AuthClient(authorizer=AccessTokenAuthorizer(tokens.by_resource_server["auth.globus.org"]["access_token"]))

    told = client.userinfo()

    assert (told["sub"], told["email"], told.get("name")) == (ada.identity_id, "ada@example.org", None)
    found = client.get_identities(usernames="ada@example.org,nobody@example.org")
    assert [one["id"] for one in found] == [ada.identity_id]


def test_what_is_revoked_is_worth_nothing_with_what_came_of_it(globus: Globus) -> None:
    client, tokens = login(globus, globus.person("ada@example.org"), GROUPS_SCOPE)
    mine = tokens.by_resource_server["groups.api.globus.org"]
    groups = GroupsClient(authorizer=AccessTokenAuthorizer(mine["access_token"]))
    groups.get_my_groups()

    client.oauth2_revoke_token(mine["refresh_token"])

    with pytest.raises(GlobusAPIError) as caught:
        groups.get_my_groups()
    assert caught.value.http_status == 401
    with refused("invalid_grant"):
        client.oauth2_refresh_token(mine["refresh_token"])


def test_a_refresh_token_that_rotates_is_good_once(globus: Globus) -> None:
    globus.rotates = True
    client, tokens = login(globus, globus.person("ada@example.org"), GROUPS_SCOPE)
    first = tokens.by_resource_server["groups.api.globus.org"]["refresh_token"]

    second = client.oauth2_refresh_token(first)["refresh_token"]

    assert second != first
    with refused("invalid_grant"):
        client.oauth2_refresh_token(first)
    client.oauth2_refresh_token(second)


def test_a_client_acts_as_itself_with_its_secret(globus: Globus) -> None:
    one, service = globus.client(), globus.service()
    tokens = service_client(one).oauth2_client_credentials_tokens(requested_scopes=service.scope).by_resource_server

    told = service_client(service).oauth2_token_introspect(tokens[service.resource_server]["access_token"])

    assert told["sub"] == one.client_id
    with refused("invalid_client"):
        ConfidentialAppAuthClient(one.client_id, "guessed").oauth2_client_credentials_tokens(
            requested_scopes=service.scope
        )
