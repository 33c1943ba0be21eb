"""Which authorizer a service gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from globus_sdk import GlobusAppConfig, UserApp
from globus_sdk.authorizers import NullAuthorizer

from farpool.auth import TokenFile, authorizer_for, credential_for
from farpool.auth.app_authorizer import AppAuthorizer
from farpool.auth.apps import NATIVE_CLIENT_ID
from farpool.errors import AccessDenied
from farpool.settings import HOSTED_SERVICE_URL, Settings
from farpool.wire.rest import LoginWay

URL = "http://localhost:5000"
OTHER = "http://localhost:6000"
IT = "1b116d3c-1703-4f8f-9f6f-39921e5864df"


def header(settings: Settings, service_url: str = URL, *, token: str | None = None) -> str | None:
    return authorizer_for(settings, service_url, token=token).get_authorization_header()


def test_the_argument_beats_the_environment_and_that_the_token_file(tmp_path: Path) -> None:
    TokenFile(tmp_path).write(URL, "stored")

    assert header(Settings(tmp_path)) == "Bearer stored"
    assert header(Settings(tmp_path, token="environment")) == "Bearer environment"
    assert header(Settings(tmp_path, token="environment"), token="argument") == "Bearer argument"


def test_the_token_of_the_environment_is_for_the_service_of_the_environment_alone(tmp_path: Path) -> None:
    settings = Settings(tmp_path, service_url=OTHER + "/", token="environment")

    assert header(settings, OTHER) == "Bearer environment"
    with pytest.raises(AccessDenied, match=f"FARPOOL_TOKEN is for {OTHER}, named by FARPOOL_SERVICE_URL"):
        header(settings, URL)
    TokenFile(tmp_path).write(URL, "stored")
    assert header(settings, URL) == "Bearer stored"


def test_a_token_opens_the_hosted_service_too(tmp_path: Path) -> None:
    assert header(Settings(tmp_path), HOSTED_SERVICE_URL, token="argument") == "Bearer argument"
    assert header(Settings(tmp_path, token="environment"), HOSTED_SERVICE_URL) == "Bearer environment"


def test_no_token_is_told_with_every_way_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(AccessDenied) as caught:
        header(Settings(tmp_path))

    for way in (URL, "token=", "FARPOOL_TOKEN", str(tmp_path / "tokens.json")):
        assert way in str(caught.value)


def test_client_credentials_win_over_what_is_stored_where_the_service_takes_them(tmp_path: Path) -> None:
    settings = Settings(tmp_path, client_id="1b116d3c-1703-4f8f-9f6f-39921e5864df", client_secret="very-secret")
    for url in (URL, HOSTED_SERVICE_URL):
        TokenFile(tmp_path).write(url, "stored")
    here = LoginWay("https://auth.globus.org/scopes/1/all", "1")

    def source(url: str, way: LoginWay | None) -> str:
        credential = credential_for(settings, url, ask=lambda: way)
        if isinstance(credential.authorizer, AppAuthorizer):
            credential.authorizer.close()
        return credential.source

    assert source(HOSTED_SERVICE_URL, None) == source(URL, here) == "GLOBUS_COMPUTE_CLIENT_ID"
    assert source(URL, LoginWay()) == source(URL, None) == f"the token file {tmp_path / 'tokens.json'}"


def test_a_service_is_asked_how_one_logs_in_only_where_that_matters(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask() -> None:
        asked.append("how?")

    credential_for(Settings(tmp_path), URL, token="t", ask=ask)
    credential_for(Settings(tmp_path, token="t"), URL, ask=ask)
    TokenFile(tmp_path).write(URL, "stored")
    credential_for(Settings(tmp_path), URL, ask=ask)
    assert not asked

    with pytest.raises(AccessDenied, match="farpool login --service-url"):
        credential_for(Settings(tmp_path), OTHER, ask=ask)
    assert len(asked) == 1


def test_an_authorizer_is_used_as_it_is(tmp_path: Path) -> None:
    mine = NullAuthorizer()

    assert authorizer_for(Settings(tmp_path, token="environment"), URL, authorizer=mine) is mine


def test_a_service_that_does_not_say_how_one_logs_in_gets_no_token_of_globus_compute(tmp_path: Path) -> None:
    app = UserApp("mine", client_id=NATIVE_CLIENT_ID, config=GlobusAppConfig(token_storage="memory"))
    for url in ("https://cluster.example", "https://globus.org.example", "http://compute.api.globus.org"):
        with pytest.raises(AccessDenied, match="it is not given one"):
            credential_for(Settings(tmp_path), url, app=app, ask=lambda: None)
    for url in (HOSTED_SERVICE_URL, "https://compute.api.preview.globus.org", URL):
        assert credential_for(Settings(tmp_path), url, app=app, ask=lambda: None).is_given


@pytest.mark.parametrize(
    ("scope", "server"),
    [
        (f"https://auth.globus.org/scopes/{IT}/data_access", IT),
        (f"https://auth.globus.org/scopes/{IT}/https", IT),
        (f"urn:globus:auth:scope:{IT}:manage_collections", IT),
        (f"https://auth.globus.org/scopes/{IT}/flow_{IT.replace('-', '_')}_user", IT),
        ("urn:globus:auth:scope:transfer.api.globus.org:all", IT),
        ("https://auth.globus.org/scopes/1/all", "groups.api.globus.org"),
    ],
)
def test_no_service_gets_a_token_of_a_collection_a_flow_or_another_service_of_globus(
    tmp_path: Path, scope: str, server: str
) -> None:
    settings = Settings(tmp_path, client_id=IT, client_secret="very-secret")
    with pytest.raises(AccessDenied, match="which is not its own: it is not given one"):
        credential_for(settings, OTHER, ask=lambda: LoginWay(scope, server))


def test_one_way_excludes_the_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="authorizer and token were both given"):
        authorizer_for(Settings(tmp_path), URL, authorizer=NullAuthorizer(), token="t")


@pytest.mark.parametrize("token", ["", "two words", "new\nline"])
def test_a_malformed_token_is_told(tmp_path: Path, token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        header(Settings(tmp_path), token=token)
