"""How a service says how one logs in."""

from __future__ import annotations

from typing import Any

import pytest

from farpool.errors import WireError
from farpool.wire.rest import LoginWay

GLOBUS = {"auth": "globus", "auth_scope": "https://auth.globus.org/scopes/1/all", "auth_resource_server": "1"}


@pytest.mark.parametrize("way", [LoginWay(), LoginWay("https://auth.globus.org/scopes/1/all", "1")])
def test_what_is_written_among_other_fields_is_read(way: LoginWay) -> None:
    assert LoginWay.from_json({"api": "1.0", **way.to_json()}) == way


def test_a_service_may_say_nothing() -> None:
    assert LoginWay.from_json({"api": "1.0"}) is None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"auth": "kerberos"}, "kerberos"),
        ({"auth": 5}, "auth"),
        ({"auth": "globus"}, "auth_scope"),
        ({**GLOBUS, "auth_scope": "two scopes"}, "two scopes"),
        ({**GLOBUS, "auth_scope": "one[with another]"}, "one.with another"),
        ({**GLOBUS, "auth_resource_server": " "}, "auth_resource_server"),
    ],
)
def test_what_cannot_be_read_is_named(body: dict[str, Any], named: str) -> None:
    with pytest.raises(WireError, match=named):
        LoginWay.from_json(body)
