"""Who an authorizer speaks for, under one name in every session."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from globus_sdk.authorizers import AccessTokenAuthorizer, NullAuthorizer

from farpool.auth import authorizer_for, identity_of
from farpool.auth.app_authorizer import AppAuthorizer
from farpool.settings import HOSTED_SERVICE_URL, Settings

CLIENT_ID = "1b116d3c-1703-4f8f-9f6f-39921e5864df"


def test_a_token_is_named_by_its_hash_alone() -> None:
    identity = identity_of(AccessTokenAuthorizer("secret"))

    assert identity == identity_of(AccessTokenAuthorizer("secret"))
    assert identity != identity_of(AccessTokenAuthorizer("another"))
    assert identity is not None
    assert "secret" not in identity


@pytest.mark.parametrize(
    ("settings", "identity"),
    [({"client_id": CLIENT_ID, "client_secret": "secret"}, f"client {CLIENT_ID}"), ({}, None)],
    ids=["client credentials", "a person who has not logged in"],
)
def test_an_app_is_named_without_a_request(tmp_path: Path, settings: dict[str, Any], identity: str | None) -> None:
    authorizer = authorizer_for(Settings(tmp_path, **settings), HOSTED_SERVICE_URL)
    assert isinstance(authorizer, AppAuthorizer)

    with closing(authorizer):
        assert identity_of(authorizer) == identity


def test_an_authorizer_of_another_kind_has_no_name() -> None:
    assert identity_of(NullAuthorizer()) is None
