"""Registering functions: what the service is told."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from farpool.client import Client
from farpool.errors import SerializationError, ServiceError, ServiceRefused
from farpool.serialize import Serializer
from farpool.settings import Settings
from farpool.wire import unpack
from support.rest_server import Reply, RestServer

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.fixture(autouse=True)
def registers(server: RestServer) -> None:
    server.answer(body={"function_uuid": ID})


def documented(x: int) -> int:
    """Add one.

    To what is given.
    """
    return x + 1


def bare(x: int) -> int:
    return x


class Adder:
    """Adds, when called."""

    def __call__(self, x: int) -> int:
        return x


def test_a_function_is_registered_packed_with_its_name_and_facts(server: RestServer, client: Client) -> None:
    assert client.register_function(bare) == ID

    body = server.last.json()
    assert (server.last.method, server.last.path) == ("POST", "/v3/functions")
    assert (body["function_name"], body["serialized"]) == ("bare", True)
    assert Serializer().deserialize(unpack(body["function_code"])[0])(5) == 5
    assert set(body["meta"]) == {"python_version", "sdk_version", "serde_identifier"}
    assert body["meta"]["serde_identifier"] == "01"
    assert not {"description", "public", "group", "ha_endpoint_id", "metadata"} & set(body)


@pytest.mark.parametrize(
    ("function", "description", "sent"),
    [
        (documented, None, "Add one.\n\nTo what is given."),
        (documented, "mine", "mine"),
        (documented, "", ""),
        (bare, None, None),
        (bare, "mine", "mine"),
        (functools.partial(documented, 1), None, "Add one.\n\nTo what is given."),
        (Adder(), None, "Adds, when called."),
    ],
)
def test_the_docstring_is_the_description_unless_one_is_given(
    server: RestServer, client: Client, function: Callable[..., Any], description: str | None, sent: str | None
) -> None:
    client.register_function(function, description)

    assert server.last.json().get("description") == sent


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (bare, "bare"),
        (lambda: None, "<lambda>"),
        (functools.partial(bare, 1), "bare"),
        (functools.partial(functools.partial(bare), 1), "bare"),
        (Adder(), "Adder"),
        (len, "len"),
    ],
)
def test_every_callable_has_a_name(server: RestServer, client: Client, function: Callable[..., Any], name: str) -> None:
    client.register_function(function)

    assert server.last.json()["function_name"] == name


def test_a_name_that_is_given_wins(server: RestServer, client: Client) -> None:
    client.register_function(bare, function_name="other")

    assert server.last.json()["function_name"] == "other"


def test_it_can_be_shared(server: RestServer, client: Client) -> None:
    client.register_function(bare, public=True, group=ID.upper())

    body = server.last.json()
    assert (body["public"], body["group"]) == (True, ID)


def test_metadata_is_kept_and_corrects_the_facts(server: RestServer, client: Client) -> None:
    client.register_function(bare, metadata={"python_version": "3.9.1", "project": "x"})

    body = server.last.json()
    assert body["meta"]["python_version"] == "3.9.1"
    assert body["metadata"] == {"project": "x"}


def test_source_is_registered_as_it_is(server: RestServer, client: Client) -> None:
    source = "def double(x):\n    return 2 * x\n"

    assert client.register_source_code(source, "double", description="doubles") == ID

    body = server.last.json()
    assert (body["function_code"], body["function_name"], body["serialized"]) == (source, "double", False)
    assert "serde_identifier" not in body["meta"]


def test_a_function_that_cannot_be_serialized_is_not_sent(server: RestServer, client: Client) -> None:
    generator = (one for one in "abc")

    def holds_a_generator() -> str:
        return next(generator)

    with pytest.raises(SerializationError, match="holds_a_generator"):
        client.register_function(holds_a_generator)
    assert not server.requests


def test_a_warning_of_the_service_reaches_the_user(server: RestServer, client: Client) -> None:
    server.answer(body={"function_uuid": ID, "ha_warning": "mind the audit"})

    with pytest.warns(UserWarning, match="mind the audit"):
        client.register_function(bare)


@pytest.mark.parametrize("body", [{}, {"function_uuid": None}, {"function_uuid": 5}, {"function_uuid": "not-an-id"}])
def test_an_answer_without_an_id_is_an_error(server: RestServer, client: Client, body: dict[str, Any]) -> None:
    server.answer(body=body)

    with pytest.raises(ServiceError, match="function_uuid"):
        client.register_function(bare)


def test_a_function_is_looked_at_and_deleted(server: RestServer, client: Client) -> None:
    server.answer(body={"function_name": "f"})

    assert client.get_function(ID) == {"function_name": "f"}
    client.delete_function(ID)

    assert [(request.method, request.path) for request in server.requests] == [
        ("GET", f"/v2/functions/{ID}"),
        ("DELETE", f"/v2/functions/{ID}"),
    ]


@pytest.mark.parametrize("body", [[{"function_id": ID}], {"functions": [{"function_id": ID}]}])
def test_functions_are_listed(server: RestServer, client: Client, body: Any) -> None:
    server.answer(body=body)

    assert client.get_functions(limit=3) == [{"function_id": ID}]
    assert (server.last.path, server.last.query) == ("/v3/functions", {"limit": "3"})


def test_functions_are_looked_for(server: RestServer, client: Client) -> None:
    server.answer(body=[{"function_id": ID}])

    assert client.search_functions("linear fit", owner="ann", limit=3, offset=6) == [{"function_id": ID}]
    assert server.last.path == "/v3/functions/search"
    assert server.last.query == {"query": "linear fit", "owner": "ann", "limit": "3", "offset": "6"}
    client.search_functions()
    assert server.last.query == {"offset": "0"}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"query": 5}, "query must be a string, not 5"),
        ({"owner": ""}, "owner is empty"),
        ({"limit": 0}, "limit must be greater than 0, not 0"),
        ({"offset": -1}, "offset must not be negative, and is -1"),
        ({"offset": True}, "offset must be an integer, not True"),
    ],
)
def test_what_cannot_be_looked_for_is_not_asked(
    server: RestServer, client: Client, wrong: dict[str, Any], error: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        client.search_functions(**wrong)
    assert not server.requests


def test_the_hosted_service_is_not_asked_for_functions_by_words(
    server: RestServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farpool.client.transport.HOSTED_SERVICE_URL", server.url)
    with (
        Client(service_url=server.url, token="t", settings=settings, do_version_check=False) as client,
        pytest.raises(ServiceRefused, match="the hosted service cannot look for functions") as caught,
    ):
        client.search_functions("fit")
    assert caught.value.code == "SEARCH_NOT_SUPPORTED"
    assert not server.requests


def test_nothing_to_answer_is_fine_where_nothing_is_expected(server: RestServer, client: Client) -> None:
    server.script = lambda _request: Reply(200, b"")

    assert client.delete_function(ID) is None
