"""Who may do what: tokens, ownership, what is public."""

from __future__ import annotations

import pytest
import requests

from farpool.service import People, issue_token
from farpool.wire import new_id
from support.callers import PAYLOAD, Caller, task_ids_of
from support.service import RunningService

ROUTES = [
    ("GET", "/v3/identity"),
    ("POST", "/v3/functions"),
    ("GET", "/v3/functions"),
    ("GET", "/v2/functions/x"),
    ("DELETE", "/v2/functions/x"),
    ("POST", "/v2/containers"),
    ("GET", "/v2/containers"),
    ("GET", "/v2/containers/x"),
    ("GET", "/v2/containers/x/docker"),
    ("DELETE", "/v2/containers/x"),
    ("POST", "/v3/endpoints"),
    ("PUT", "/v3/endpoints/x"),
    ("GET", "/v2/endpoints"),
    ("GET", "/v2/endpoints/x"),
    ("GET", "/v2/endpoints/x/status"),
    ("DELETE", "/v2/endpoints/x"),
    ("POST", "/v3/endpoints/x/lock"),
    ("GET", "/v3/endpoints/x/allowed_functions"),
    ("PUT", "/v3/endpoints/x/allowed_functions"),
    ("PATCH", "/v3/endpoints/x/allowed_functions"),
    ("POST", "/v3/endpoints/x/submit"),
    ("POST", "/v2/submit"),
    ("GET", "/v2/tasks/x"),
    ("GET", "/v3/tasks/x"),
    ("GET", "/v3/tasks"),
    ("POST", "/v2/batch_status"),
    ("GET", "/v2/taskgroup/x"),
    ("GET", "/v2/get_amqp_result_connection_url"),
]


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer \u00e9"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_a_good_token(
    service: RunningService, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}

    response = requests.request(method, service.url + path, headers=headers, timeout=60)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    body = response.json()
    assert body["code"] == "USER_UNAUTHENTICATED"
    assert "Authorization: Bearer TOKEN" in body["message"]


def test_the_version_needs_no_token(service: RunningService) -> None:
    response = requests.get(service.url + "/v2/version?service=all", timeout=60)

    assert response.json().keys() >= {"min_sdk_version", "min_ep_version"}
    assert isinstance(requests.get(service.url + "/v2/version", timeout=60).json(), str)


def test_everybody_is_told_who_they_are(caller: Caller, stranger: Caller) -> None:
    mine, theirs = caller.get("/v3/identity"), stranger.get("/v3/identity")

    assert (mine["name"], theirs["name"]) == ("local", "stranger")
    assert mine["identity_id"] != theirs["identity_id"]


def test_a_token_that_was_replaced_is_refused_and_stands_for_nobody(service: RunningService) -> None:
    with Caller(service, issue_token(service.directory, "ann")) as before:
        identity = before.get("/v3/identity")
        with Caller(service, issue_token(service.directory, "ann")) as after:
            assert after.get("/v3/identity") == identity
        before.get("/v3/identity", expect=401)


def test_the_queue_prefix_is_everybodys_own(caller: Caller, stranger: Caller) -> None:
    prefixes = {one.get("/v2/get_amqp_result_connection_url")["queue_prefix"] for one in (caller, stranger)}

    assert len(prefixes) == 2


def test_a_private_function_can_be_neither_seen_nor_run_nor_deleted_by_others(caller: Caller, stranger: Caller) -> None:
    function_id = caller.register_function()
    endpoint_id = stranger.register_endpoint()["endpoint_id"]

    for error in (
        stranger.get(f"/v2/functions/{function_id}", expect=403),
        stranger.call("DELETE", f"/v2/functions/{function_id}", expect=403),
        stranger.submit(endpoint_id, function_id, expect=403),
    ):
        assert error["code"] == "FUNCTION_ACCESS_FORBIDDEN"
        assert function_id in error["message"]


def test_a_public_function_can_be_seen_and_run_but_not_deleted_by_others(caller: Caller, stranger: Caller) -> None:
    function_id = caller.register_function(public=True)
    endpoint_id = stranger.register_endpoint()["endpoint_id"]

    assert stranger.get(f"/v2/functions/{function_id}")["function_name"] == "double"
    stranger.submit(endpoint_id, function_id)
    stranger.call("DELETE", f"/v2/functions/{function_id}", expect=403)


def test_a_private_endpoint_is_its_owners_alone(caller: Caller, stranger: Caller) -> None:
    endpoint_id = caller.register_endpoint()["endpoint_id"]
    function_id = stranger.register_function()

    for error in (
        stranger.submit(endpoint_id, function_id, expect=403),
        stranger.get(f"/v2/endpoints/{endpoint_id}", expect=403),
        stranger.get(f"/v2/endpoints/{endpoint_id}/status", expect=403),
        stranger.get(f"/v3/endpoints/{endpoint_id}/allowed_functions", expect=403),
        stranger.call("DELETE", f"/v2/endpoints/{endpoint_id}", expect=403),
        stranger.post(f"/v3/endpoints/{endpoint_id}/lock", expect=403),
        stranger.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "mine"}, expect=403),
    ):
        assert error["code"] == "ENDPOINT_ACCESS_FORBIDDEN"
        assert endpoint_id in error["message"]
    assert endpoint_id not in [one["uuid"] for one in stranger.get("/v2/endpoints?role=any")]


def test_a_public_endpoint_can_be_used_by_others_and_shows_them_nothing_of_its_machine(
    caller: Caller, stranger: Caller
) -> None:
    endpoint_id = caller.register_endpoint(public=True, metadata={"hostname": "lab7"})["endpoint_id"]

    stranger.submit(endpoint_id, stranger.register_function())

    assert "metadata" not in stranger.get(f"/v2/endpoints/{endpoint_id}")
    assert caller.get(f"/v2/endpoints/{endpoint_id}")["metadata"] == {"hostname": "lab7"}
    listed = {one["uuid"]: one for one in stranger.get("/v2/endpoints?role=any")}
    assert "metadata" not in listed[endpoint_id]
    assert endpoint_id not in [one["uuid"] for one in stranger.get("/v2/endpoints")]
    stranger.call("DELETE", f"/v2/endpoints/{endpoint_id}", expect=403)


def test_an_endpoint_whose_owner_was_removed_takes_nothing_new_until_they_are_back(
    service: RunningService, stranger: Caller
) -> None:
    function_id = stranger.register_function()
    with People(service.directory) as people:
        people.add_user("leaver")
        with Caller(service, people.add_token("leaver", "laptop")) as leaver:
            endpoint_id = leaver.register_endpoint(public=True)["endpoint_id"]
            manager_id = leaver.register_endpoint(public=True, multi_user=True)["endpoint_id"]
        user_endpoint_id = stranger.submit(manager_id, function_id)["endpoint_id"]
        all_three = (endpoint_id, manager_id, user_endpoint_id)

        people.remove_user("leaver")
        for one in all_three:
            refusal = stranger.submit(one, function_id, expect=403)
            assert refusal["code"] == "ENDPOINT_ACCESS_FORBIDDEN"
            assert "takes no tasks any more: its owner was removed" in refusal["message"]

        people.add_user("leaver")
        for one in all_three:
            stranger.submit(one, function_id)


def test_tasks_and_groups_of_others_are_not_there(caller: Caller, stranger: Caller) -> None:
    reply = caller.submit(caller.register_endpoint()["endpoint_id"], caller.register_function())
    (task_id,), group_id = task_ids_of(reply), reply["task_group_id"]

    assert stranger.get(f"/v2/tasks/{task_id}", expect=403)["code"] == "TASK_ACCESS_FORBIDDEN"
    assert stranger.get(f"/v2/taskgroup/{group_id}", expect=403)["code"] == "TASK_GROUP_ACCESS_FORBIDDEN"
    assert stranger.post("/v2/batch_status", {"task_ids": [task_id]})["results"] == {}
    assert stranger.get(f"/v3/tasks?task_group_id={group_id}") == []


def test_nobody_can_submit_into_somebody_elses_task_group(caller: Caller, stranger: Caller) -> None:
    reply = caller.submit(caller.register_endpoint()["endpoint_id"], caller.register_function())
    endpoint_id, function_id = stranger.register_endpoint()["endpoint_id"], stranger.register_function()

    error = stranger.submit(endpoint_id, function_id, task_group_id=reply["task_group_id"], expect=403)

    assert error["code"] == "TASK_GROUP_ACCESS_FORBIDDEN"


def test_an_endpoint_runs_only_the_functions_on_its_list(caller: Caller) -> None:
    listed, other = caller.register_function(), caller.register_function()
    endpoint_id = caller.register_endpoint(allowed_functions=[listed])["endpoint_id"]

    caller.submit(endpoint_id, listed)
    error = caller.submit(endpoint_id, other, expect=403)
    caller.post(f"/v3/endpoints/{endpoint_id}/submit", {"tasks": {listed: [PAYLOAD], other: [PAYLOAD]}}, expect=403)

    assert error["code"] == "FUNCTION_NOT_PERMITTED"
    assert other in error["message"]
    assert endpoint_id in error["message"]
    allowed = caller.get(f"/v3/endpoints/{endpoint_id}/allowed_functions")
    assert allowed == {"endpoint_id": endpoint_id, "restricted": True, "functions": [listed]}
    assert len(caller.get(f"/v3/tasks?endpoint_id={endpoint_id}")) == 1


def test_an_empty_list_allows_nothing(caller: Caller) -> None:
    endpoint_id = caller.register_endpoint(allowed_functions=[])["endpoint_id"]

    caller.submit(endpoint_id, caller.register_function(), expect=403)


def test_an_endpoint_without_a_list_runs_anything(caller: Caller) -> None:
    endpoint_id = caller.register_endpoint()["endpoint_id"]

    allowed = caller.get(f"/v3/endpoints/{endpoint_id}/allowed_functions")

    assert allowed == {"endpoint_id": endpoint_id, "restricted": False, "functions": []}


def test_what_is_unknown_is_named_to_the_administrator(caller: Caller) -> None:
    unknown, endpoint_id = new_id(), caller.register_endpoint()["endpoint_id"]
    function_id = caller.register_function()

    for code, error in (
        ("FUNCTION_NOT_FOUND", caller.get(f"/v2/functions/{unknown}", expect=404)),
        ("FUNCTION_NOT_FOUND", caller.call("DELETE", f"/v2/functions/{unknown}", expect=404)),
        ("FUNCTION_NOT_FOUND", caller.submit(endpoint_id, unknown, expect=404)),
        ("ENDPOINT_NOT_FOUND", caller.submit(unknown, function_id, expect=404)),
        ("ENDPOINT_NOT_FOUND", caller.get(f"/v2/endpoints/{unknown}", expect=404)),
        ("ENDPOINT_NOT_FOUND", caller.get(f"/v2/endpoints/{unknown}/status", expect=404)),
        ("ENDPOINT_NOT_FOUND", caller.get(f"/v3/endpoints/{unknown}/allowed_functions", expect=404)),
        ("ENDPOINT_NOT_FOUND", caller.call("DELETE", f"/v2/endpoints/{unknown}", expect=404)),
        ("ENDPOINT_NOT_FOUND", caller.post(f"/v3/endpoints/{unknown}/lock", expect=404)),
        ("TASK_NOT_FOUND", caller.get(f"/v2/tasks/{unknown}", expect=404)),
        ("TASK_GROUP_NOT_FOUND", caller.get(f"/v2/taskgroup/{unknown}", expect=404)),
    ):
        assert error["code"] == code
        assert unknown in error["message"]
