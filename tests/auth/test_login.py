"""Which authorizer a service gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from globus_sdk.authorizers import NullAuthorizer

from farpool.auth import TokenFile, authorizer_for
from farpool.errors import AccessDenied
from farpool.settings import HOSTED_SERVICE_URL, Settings

URL = "http://localhost:5000"
OTHER = "http://localhost:6000"


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


def test_an_authorizer_is_used_as_it_is(tmp_path: Path) -> None:
    mine = NullAuthorizer()

    assert authorizer_for(Settings(tmp_path, token="environment"), URL, authorizer=mine) is mine


def test_one_way_excludes_the_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="authorizer and token were both given"):
        authorizer_for(Settings(tmp_path), URL, authorizer=NullAuthorizer(), token="t")


@pytest.mark.parametrize("token", ["", "two words", "new\nline"])
def test_a_malformed_token_is_told(tmp_path: Path, token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        header(Settings(tmp_path), token=token)
