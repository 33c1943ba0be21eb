"""The calls about endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from farpool.client import Client
from support.rest_server import RestServer

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "5b116d3c-1703-4f8f-9f6f-39921e5864df"


CALLS: list[tuple[Callable[[Client], Any], str, str]] = [
    (lambda client: client.get_endpoint_status(ID), "GET", f"/v2/endpoints/{ID}/status"),
    (lambda client: client.get_endpoint_metadata(ID), "GET", f"/v2/endpoints/{ID}"),
    (lambda client: client.get_allowed_functions(ID), "GET", f"/v3/endpoints/{ID}/allowed_functions"),
    (lambda client: client.set_allowed_functions(ID, None), "PUT", f"/v3/endpoints/{ID}/allowed_functions"),
    (lambda client: client.add_allowed_functions(ID, [OTHER]), "PATCH", f"/v3/endpoints/{ID}/allowed_functions"),
    (lambda client: client.remove_allowed_functions(ID, [OTHER]), "PATCH", f"/v3/endpoints/{ID}/allowed_functions"),
    (lambda client: client.stop_endpoint(ID), "POST", f"/v3/endpoints/{ID}/lock"),
    (lambda client: client.delete_endpoint(ID), "DELETE", f"/v2/endpoints/{ID}"),
]


@pytest.mark.parametrize(("call", "method", "path"), CALLS)
def test_a_call_asks_for_its_route_and_gives_what_is_answered(
    server: RestServer, client: Client, call: Callable[[Client], Any], method: str, path: str
) -> None:
    server.answer(body={"some": "answer"})

    assert call(client) == {"some": "answer"}
    assert (server.last.method, server.last.target) == (method, path)


@pytest.mark.parametrize(("role", "query"), [(None, {}), ("any", {"role": "any"})])
def test_endpoints_are_listed(server: RestServer, client: Client, role: str | None, query: dict[str, str]) -> None:
    server.answer(body=[{"uuid": ID}])

    assert client.get_endpoints(role) == [{"uuid": ID}]
    assert (server.last.path, server.last.query) == ("/v2/endpoints", query)


def test_a_new_endpoint_is_registered_with_what_was_given_only(server: RestServer, client: Client) -> None:
    server.answer(body={"endpoint_id": ID})

    assert client.register_endpoint("mine", None) == {"endpoint_id": ID}
    assert (server.last.method, server.last.path, server.last.json()) == (
        "POST",
        "/v3/endpoints",
        {"endpoint_name": "mine"},
    )


def test_an_endpoint_is_registered_again_under_its_id(server: RestServer, client: Client) -> None:
    server.answer(body={"endpoint_id": ID})

    client.register_endpoint(
        "mine",
        ID,
        {"hostname": "h"},
        multi_user=True,
        display_name="Mine",
        allowed_functions=[OTHER],
        auth_policy=OTHER,
        subscription_id=OTHER,
        public=False,
        high_assurance=True,
        admins=(OTHER,),
    )

    assert (server.last.method, server.last.path) == ("PUT", f"/v3/endpoints/{ID}")
    assert server.last.json() == {
        "endpoint_name": "mine",
        "metadata": {"hostname": "h"},
        "multi_user": True,
        "display_name": "Mine",
        "allowed_functions": [OTHER],
        "authentication_policy": OTHER,
        "subscription_uuid": OTHER,
        "public": False,
        "high_assurance": True,
        "admins": [OTHER],
    }
