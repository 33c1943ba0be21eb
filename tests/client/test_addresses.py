"""Which service a client talks to, in its own words and in the incumbent's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from farpool.client import Client
from farpool.client.addresses import service_url_of
from farpool.settings import HOSTED_SERVICE_URL, Settings

LOCAL = "http://localhost:5000"
ELSEWHERE = "https://farpool.example.org"


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ((None,), HOSTED_SERVICE_URL),
        ((ELSEWHERE,), ELSEWHERE),
        ((None, "production"), HOSTED_SERVICE_URL),
        ((None, "local"), LOCAL),
        ((None, None, True), LOCAL),
        (("http://LOCALHOST:5000/", "local", True), LOCAL),
    ],
)
def test_the_service_is_the_one_that_is_said(settings: Settings, said: tuple[Any, ...], url: str) -> None:
    assert service_url_of(settings, *said) == url


def test_arguments_win_over_the_environment(settings: Settings) -> None:
    elsewhere = replace(settings, service_url=ELSEWHERE)

    assert service_url_of(elsewhere, None) == ELSEWHERE
    assert service_url_of(elsewhere, None, "production") == HOSTED_SERVICE_URL
    assert service_url_of(elsewhere, None, None, True) == LOCAL


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (
            (None, "dev"),
            ValueError,
            "environment 'dev' is not one that farpool knows (production, local); for any other",
        ),
        ((None, LOCAL), ValueError, "service_url='http://...'"),
        ((None, 5), TypeError, "environment must be a string, not 5 (int)"),
        ((None, None, "yes"), TypeError, "local_compute_services must be True or False, not 'yes' (str)"),
        (("",), ValueError, "service_url '' is not an http(s) URL"),
        (
            (ELSEWHERE, "local"),
            ValueError,
            f"service_url ({ELSEWHERE}) and environment ({LOCAL}) name different services: give one of them",
        ),
        ((None, "production", True), ValueError, "environment (https://compute.api.globus.org) and local_compute"),
    ],
)
def test_what_names_no_service_is_refused(
    settings: Settings, said: tuple[Any, ...], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=re.escape(told)):
        service_url_of(settings, *said)


def test_the_call_shapes_of_the_incumbent_make_a_client(settings: Settings) -> None:
    for args in ((None, False, False), ("production", False, False), ("local", True, False)):
        with Client(*args, token="t", settings=settings) as client:
            assert client.service_url == (LOCAL if args[1] else HOSTED_SERVICE_URL)


def test_a_login_manager_is_refused_with_what_to_pass_instead(settings: Settings) -> None:
    with pytest.raises(TypeError, match=r"login_manager has gone.*pass app=, authorizer= or token="):
        Client(login_manager=object(), settings=settings)
