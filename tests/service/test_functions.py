from __future__ import annotations

from farpool.wire import pack
from support.callers import Agent, Caller


def test_a_function_is_shown_as_it_was_registered(caller: Caller) -> None:
    registration = {
        "function_name": "halve",
        "function_code": pack(["01\nhalve"]),
        "serialized": True,
        "meta": {"python_version": "3.11.7", "sdk_version": "4.19.0", "serde_identifier": "01"},
        "description": "Half of it.",
        "metadata": {"lab": 7},
    }

    function_id = caller.register_function(**registration)

    shown = caller.get(f"/v2/functions/{function_id}")
    assert shown.items() >= {**registration, "function_uuid": function_id, "public": False}.items()
    assert shown["owner"] == caller.get("/v3/identity")["identity_id"]


def test_bare_source_is_shown_as_it_is_and_sent_to_endpoints_packed(caller: Caller) -> None:
    source = "def halve(x):\n    return x / 2\n"
    function_id = caller.register_function(function_name="halve", function_code=source, serialized=False)
    credentials = caller.register_endpoint()

    caller.submit(credentials["endpoint_id"], function_id, ["PAYLOAD"])

    with Agent(credentials) as agent:
        (task,) = agent.take()
    assert task.task_buffer == pack([f"st\nhalve:{source}"]) + "PAYLOAD"
    assert caller.get(f"/v2/functions/{function_id}")["function_code"] == source


def test_functions_are_listed_newest_first_without_their_code(caller: Caller) -> None:
    first, second = caller.register_function(function_name="a"), caller.register_function(function_name="b")

    listed = caller.get("/v3/functions?limit=2")

    assert [one["function_uuid"] for one in listed] == [second, first]
    assert [one["function_name"] for one in listed] == ["b", "a"]
    assert all("function_code" not in one and one["function_code_chars"] > 0 for one in listed)


def test_a_deleted_function_is_gone_but_its_tasks_still_run(caller: Caller) -> None:
    credentials, function_id = caller.register_endpoint(), caller.register_function()
    caller.submit(credentials["endpoint_id"], function_id)

    caller.call("DELETE", f"/v2/functions/{function_id}")

    caller.get(f"/v2/functions/{function_id}", expect=404)
    caller.submit(credentials["endpoint_id"], function_id, expect=404)
    caller.call("DELETE", f"/v2/functions/{function_id}", expect=404)
    assert function_id not in [one["function_uuid"] for one in caller.get("/v3/functions")]
    with Agent(credentials) as agent:
        assert len(agent.take()) == 1


def test_the_second_version_of_the_route_registers_too(caller: Caller) -> None:
    body = {"function_name": "f", "function_code": "1\nx"}

    function_id = caller.post("/v2/functions", body)["function_uuid"]

    assert caller.get(f"/v2/functions/{function_id}")["function_name"] == "f"
