"""The life cycle of managers and their user endpoints, with a manager and user endpoints made by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from farpool.wire import EndpointStatusReport, encode, new_id
from support.callers import PAYLOAD, Agent, Caller, Cancelled, Manager, publish_once, task_ids_of


@pytest.fixture
def registration(caller: Caller) -> dict[str, Any]:
    return caller.register_endpoint(multi_user=True, metadata={"user_config_template": "engine: {{ engine }}"})


@pytest.fixture
def manager(caller: Caller, registration: dict[str, Any]) -> Iterator[Manager]:
    with Manager(registration) as one:
        one.report()
        caller.wait_for_endpoint(one.endpoint_id, "online")
        yield one


@pytest.fixture
def function_id(caller: Caller) -> str:
    return caller.register_function()


def command(manager: Manager) -> tuple[Any, dict[str, Any]]:
    ((properties, body),) = manager.take_raw()
    return properties, json.loads(body)


def credentials(manager: Manager) -> dict[str, Any]:
    found: dict[str, Any] = command(manager)[1]["kwargs"]["amqp_creds"]
    return found


def test_a_submission_to_a_manager_commands_it_to_start_a_user_endpoint(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    runtime = {"python_version": "3.11.7", "globus_compute_sdk_version": "4.19.0"}
    reply = caller.submit(
        manager.endpoint_id, function_id, user_endpoint_config={"engine": "threads"}, user_runtime=runtime
    )

    properties, body = command(manager)

    identity = caller.get("/v3/identity")
    assert properties.content_type == "application/json"
    assert abs(properties.timestamp - time.time()) < 30
    assert body["command"] == "cmd_start_endpoint"
    assert body["args"] == []
    assert body["globus_effective_identity"] == identity["identity_id"]
    assert body["globus_username"] == identity["name"]
    assert {one["sub"] for one in body["globus_identity_set"]} == {identity["identity_id"]}
    assert body["kwargs"]["user_opts"] == {"engine": "threads"}
    assert body["kwargs"]["user_runtime"] == runtime
    creds = body["kwargs"]["amqp_creds"]
    assert creds["endpoint_id"] == reply["endpoint_id"] != manager.endpoint_id
    assert body["kwargs"]["name"] == f"uep.{manager.endpoint_id}.{creds['endpoint_id']}"
    assert creds.keys() == {"endpoint_id", "task_queue_info", "result_queue_info", "heartbeat_queue_info"}


def test_a_user_endpoint_runs_what_was_submitted_to_its_manager(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    reply = caller.submit(manager.endpoint_id, function_id, [PAYLOAD] * 3)

    with Agent(credentials(manager)) as agent, caller.results(reply["task_group_id"]) as inbox:
        for task in agent.take(3):
            agent.succeed(task)
        assert sorted(result.task_id for result in inbox.take(3)) == sorted(task_ids_of(reply))
    assert caller.task(task_ids_of(reply)[0])["endpoint_id"] == reply["endpoint_id"]


def test_there_is_one_user_endpoint_per_configuration_and_identity(
    caller: Caller, stranger: Caller, function_id: str
) -> None:
    registration = caller.register_endpoint(multi_user=True, public=True)
    manager_id = registration["endpoint_id"]
    theirs = stranger.register_function()

    def runs_at(who: Caller, function: str, config: dict[str, Any] | None = None) -> str:
        endpoint_id: str = who.submit(manager_id, function, user_endpoint_config=config)["endpoint_id"]
        return endpoint_id

    plain = runs_at(caller, function_id)

    assert runs_at(caller, function_id, {}) == plain
    configured = runs_at(caller, function_id, {"a": 1, "b": {"c": 2}})
    assert configured != plain
    assert runs_at(caller, function_id, {"b": {"c": 2}, "a": 1}) == configured
    assert runs_at(stranger, theirs) not in {plain, configured}
    assert caller.get(f"/v2/endpoints/{manager_id}")["waiting_tasks"] == 5


def test_a_manager_is_told_once_while_the_user_endpoint_starts_and_not_at_all_when_it_runs(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    caller.submit(manager.endpoint_id, function_id)
    creds = credentials(manager)
    caller.submit(manager.endpoint_id, function_id)
    with Agent(creds) as agent:
        agent.report()
        caller.wait_for_endpoint(agent.endpoint_id, "online")
        caller.submit(manager.endpoint_id, function_id)

        assert manager.is_empty()


def test_a_user_endpoint_that_ends_while_tasks_wait_is_started_again(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    caller.submit(manager.endpoint_id, function_id)
    creds = credentials(manager)
    with Agent(creds) as agent:
        agent.report()
        caller.wait_for_endpoint(agent.endpoint_id, "online")
        agent.report(active=False)

        assert credentials(manager) == creds


def test_a_user_endpoint_that_ends_when_all_is_done_is_started_by_the_next_submission(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    reply = caller.submit(manager.endpoint_id, function_id)
    creds = credentials(manager)
    with Agent(creds) as agent:
        agent.succeed(*agent.take())
        caller.wait_for_status(task_ids_of(reply)[0], "success")
        agent.report(active=False)
        caller.wait_for_endpoint(agent.endpoint_id, "offline")
        assert manager.is_empty()

    caller.submit(manager.endpoint_id, function_id)

    assert credentials(manager) == creds


def test_tasks_for_a_manager_that_is_away_wait_and_it_is_told_when_it_is_back(
    caller: Caller, registration: dict[str, Any], function_id: str
) -> None:
    with Manager(registration) as manager:
        reply = caller.submit(manager.endpoint_id, function_id)
        assert manager.is_empty()

        manager.report()

        assert credentials(manager)["endpoint_id"] == reply["endpoint_id"]


def test_commands_from_before_a_manager_registered_again_are_dropped(
    caller: Caller, registration: dict[str, Any], function_id: str
) -> None:
    with Manager(registration) as manager:
        manager.report()
        caller.wait_for_endpoint(manager.endpoint_id, "online")
    caller.submit(registration["endpoint_id"], function_id)

    path = f"/v3/endpoints/{registration['endpoint_id']}"
    again = caller.call("PUT", path, {"endpoint_name": "lab", "multi_user": True})

    with Manager(again) as manager:
        assert manager.is_empty()


def test_a_failure_report_fails_the_tasks_with_its_text_and_the_next_submission_tries_again(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    reply = caller.submit(manager.endpoint_id, function_id, [PAYLOAD] * 2)
    creds = credentials(manager)
    state = {"error": "Failed to start: no template variable 'engine'", "heartbeat_period": 3}
    report = EndpointStatusReport(creds["endpoint_id"], state, {})

    publish_once(creds["heartbeat_queue_info"], encode(report))

    with caller.results(reply["task_group_id"]) as inbox:
        assert all("no template variable" in result.data for result in inbox.take(2))
    assert caller.get(f"/v2/endpoints/{creds['endpoint_id']}")["error"] == state["error"]
    caller.submit(manager.endpoint_id, function_id)
    assert credentials(manager)["endpoint_id"] == creds["endpoint_id"]


def test_the_functions_a_manager_allows_are_those_its_user_endpoints_run(caller: Caller, function_id: str) -> None:
    other = caller.register_function()
    manager_id = caller.register_endpoint(multi_user=True, allowed_functions=[function_id])["endpoint_id"]

    user_endpoint_id = caller.submit(manager_id, function_id)["endpoint_id"]

    for endpoint_id in (manager_id, user_endpoint_id):
        caller.submit(endpoint_id, function_id)
        assert caller.submit(endpoint_id, other, expect=403)["code"] == "FUNCTION_NOT_PERMITTED"


def test_a_user_endpoint_cannot_be_registered_by_hand(caller: Caller, manager: Manager, function_id: str) -> None:
    endpoint_id = caller.submit(manager.endpoint_id, function_id)["endpoint_id"]

    caller.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "lab"}, expect=403)


def test_a_locked_manager_is_stopped_and_may_not_register_for_a_while(caller: Caller, manager: Manager) -> None:
    caller.post(f"/v3/endpoints/{manager.endpoint_id}/lock")

    with pytest.raises(Cancelled):
        manager.take()
    path = f"/v3/endpoints/{manager.endpoint_id}"
    caller.call("PUT", path, {"endpoint_name": "lab", "multi_user": True}, expect=423)


def test_deleting_a_manager_deletes_its_user_endpoints_and_fails_their_tasks(
    caller: Caller, manager: Manager, function_id: str
) -> None:
    reply = caller.submit(manager.endpoint_id, function_id)

    caller.call("DELETE", f"/v2/endpoints/{manager.endpoint_id}")

    caller.get(f"/v2/endpoints/{reply['endpoint_id']}", expect=404)
    assert caller.task(task_ids_of(reply)[0])["status"] == "failed"


def test_a_manager_may_choose_its_id(caller: Caller) -> None:
    manager_id = new_id()

    answer = caller.call("PUT", f"/v3/endpoints/{manager_id}", {"endpoint_name": "lab", "multi_user": True})

    assert answer["endpoint_id"] == manager_id
    assert answer["command_queue_info"]["queue"] == f"{manager_id}.commands"
