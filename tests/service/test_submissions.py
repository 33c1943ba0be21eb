from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from farpool.wire import new_id, pack
from support.callers import PAYLOAD, Agent, Caller, Inbox, task_ids_of
from support.service import RunningService


@pytest.fixture
def credentials(caller: Caller) -> dict[str, Any]:
    return caller.register_endpoint()


@pytest.fixture
def function_id(caller: Caller) -> str:
    return caller.register_function()


def test_the_answer_holds_an_id_per_payload_in_the_order_of_the_request(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    other_id = caller.register_function(function_code=pack(["01\nother"]))
    payloads = {other_id: ["o1", "o2"], function_id: ["f1"]}
    body = {"tasks": payloads, "create_queue": False, "user_runtime": {"python_version": "3.11"}}

    reply = caller.post(f"/v3/endpoints/{credentials['endpoint_id']}/submit", body)

    assert {one: len(ids) for one, ids in reply["tasks"].items()} == {other_id: 2, function_id: 1}
    assert list(reply["tasks"]) == [other_id, function_id]
    with Agent(credentials) as agent:
        tasks = {task.task_id: task.task_buffer for task in agent.take(3)}
    assert [tasks[task_id] for task_id in reply["tasks"][other_id]] == [
        pack(["01\nother"]) + one for one in ("o1", "o2")
    ]
    assert [tasks[task_id] for task_id in reply["tasks"][function_id]] == [pack(["01\ncode"]) + "f1"]


def test_a_task_message_carries_what_an_agent_needs(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    specification, serializers = {"num_nodes": 2}, ["globus_compute_sdk.serialize.JSONData"]
    reply = caller.submit(
        credentials["endpoint_id"],
        function_id,
        resource_specification=specification,
        result_serializers=serializers,
    )

    with Agent(credentials) as agent:
        ((properties, _),) = agent.take_raw()

    assert properties.content_type == "application/json"
    assert properties.headers["task_uuid"] == task_ids_of(reply)[0]
    assert properties.headers["function_uuid"] == function_id
    assert json.loads(properties.headers["resource_specification"]) == specification
    assert properties.headers["result_serializers"] == serializers


def test_tasks_without_options_carry_none(caller: Caller, credentials: dict[str, Any], function_id: str) -> None:
    caller.submit(credentials["endpoint_id"], function_id)

    with Agent(credentials) as agent:
        ((properties, _),) = agent.take_raw()

    assert properties.headers.keys() == {"task_uuid", "function_uuid"}


def test_the_task_group_is_new_or_the_one_that_is_named(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    endpoint_id, named = credentials["endpoint_id"], new_id()

    first = caller.submit(endpoint_id, function_id)
    second = caller.submit(endpoint_id, function_id, task_group_id=named)
    third = caller.submit(endpoint_id, function_id, task_group_id=named.upper())

    assert first["task_group_id"] != named
    assert second["task_group_id"] == third["task_group_id"] == named
    group = caller.get(f"/v2/taskgroup/{named}")
    assert group == {
        "taskgroup_id": named,
        "tasks": [{"id": task_id} for task_id in [*task_ids_of(second), *task_ids_of(third)]],
    }


def test_the_result_queue_is_there_before_the_answer(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    group_id = caller.submit(credentials["endpoint_id"], function_id)["task_group_id"]

    with caller.results(group_id) as inbox:
        assert inbox.is_empty(0.05)


def test_tasks_run_in_the_order_of_submission(caller: Caller, credentials: dict[str, Any], function_id: str) -> None:
    ids: list[str] = []
    for count in (1, 300, 2, 1000, 1):
        ids += task_ids_of(caller.submit(credentials["endpoint_id"], function_id, [PAYLOAD] * count))

    with Agent(credentials) as agent:
        assert [task.task_id for task in agent.take(len(ids))] == ids


def test_a_task_is_received_then_waiting_then_successful(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    (task_id,) = task_ids_of(caller.submit(credentials["endpoint_id"], function_id))
    waiting = caller.wait_for_status(task_id, "waiting-for-ep")
    assert "completion_t" not in waiting

    with Agent(credentials) as agent:
        agent.succeed(*agent.take())
        document = caller.wait_for_status(task_id, "success")

    assert document["result"] == "00\nvalue"
    assert float(document["completion_t"]) > 1_600_000_000
    assert document["details"] == {"python_version": "3.11.7"}
    assert document.items() >= {"endpoint_id": credentials["endpoint_id"], "function_id": function_id}.items()


def test_a_repeated_request_of_the_same_name_gets_the_same_answer_and_runs_once(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    def submit(name: str) -> Any:
        body = {"tasks": {function_id: ["a", "b"]}, "create_queue": True}
        path = f"/v3/endpoints/{credentials['endpoint_id']}/submit"
        return caller.call("POST", path, body, headers={"Idempotency-Key": name})

    first, again, other = submit("one"), submit("one"), submit("two")

    assert {**again, "request_id": ""} == {**first, "request_id": ""}
    assert not set(task_ids_of(first)) & set(task_ids_of(other))
    with Agent(credentials) as agent:
        tasks = agent.take(4)
        assert agent.is_empty()
    assert [task.task_id for task in tasks] == task_ids_of(first) + task_ids_of(other)


def test_many_may_submit_at_once(service: RunningService, credentials: dict[str, Any], function_id: str) -> None:
    started = threading.Barrier(8)

    def submit(_number: int) -> list[str]:
        with Caller(service) as one:
            started.wait(10)
            return [
                task_id
                for _ in range(5)
                for task_id in task_ids_of(one.submit(credentials["endpoint_id"], function_id, [PAYLOAD] * 10))
            ]

    with ThreadPoolExecutor(8) as pool:
        ids = [task_id for ids in pool.map(submit, range(8)) for task_id in ids]

    with Agent(credentials) as agent:
        assert sorted(task.task_id for task in agent.take(400)) == sorted(ids)


def test_a_refused_request_leaves_nothing_behind(caller: Caller, credentials: dict[str, Any], function_id: str) -> None:
    unknown = new_id()
    body = {"tasks": {function_id: ["a"], unknown: ["b"]}, "create_queue": True, "task_group_id": new_id()}

    error = caller.post(f"/v3/endpoints/{credentials['endpoint_id']}/submit", body, expect=404)

    assert unknown in error["message"]
    assert caller.get(f"/v3/tasks?endpoint_id={credentials['endpoint_id']}") == []
    caller.get(f"/v2/taskgroup/{body['task_group_id']}", expect=404)


def test_the_second_version_of_the_route_takes_triples_for_several_endpoints(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    other = caller.register_endpoint()
    here, there = credentials["endpoint_id"], other["endpoint_id"]
    triples = [[function_id, here, "1"], [function_id, there, "2"], [function_id, here, "3"]]

    answer = caller.post("/v2/submit", {"tasks": triples})

    documents = caller.post("/v2/batch_status", {"task_ids": answer["task_uuids"]})["results"]
    assert [documents[task_id]["endpoint_id"] for task_id in answer["task_uuids"]] == [here, there, here]
    assert [one["task_uuid"] for one in answer["results"]] == answer["task_uuids"]
    with Agent(other) as agent:
        (task,) = agent.take()
    assert task.task_buffer.endswith("2")
    assert task.task_id == answer["task_uuids"][1]


@pytest.mark.slow
def test_large_arguments_and_a_backlog_beyond_the_memory_for_bodies_arrive_whole_and_in_order(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    payloads = [f"{number:04}" + "x" * 2_000_000 for number in range(60)]
    ids = [
        task_id
        for start in range(0, 60, 10)
        for task_id in task_ids_of(caller.submit(credentials["endpoint_id"], function_id, payloads[start : start + 10]))
    ]

    with Agent(credentials) as agent:
        for task_id, payload in zip(ids, payloads, strict=True):
            (task,) = agent.take()
            assert task.task_id == task_id
            assert task.task_buffer.endswith(payload)


def test_nothing_is_sent_to_a_group_without_a_queue_until_somebody_attaches(
    caller: Caller, credentials: dict[str, Any], function_id: str
) -> None:
    reply = caller.submit(credentials["endpoint_id"], function_id, [PAYLOAD] * 2, create_queue=False)
    first, second = task_ids_of(reply)
    where = caller.get("/v2/get_amqp_result_connection_url")
    with Agent(credentials) as agent:
        one, two = agent.take(2)
        agent.succeed(one)
        caller.wait_for_status(first, "success")

        caller.get(f"/v2/taskgroup/{reply['task_group_id']}")
        with Inbox(where["connection_url"], where["queue_prefix"] + reply["task_group_id"]) as inbox:
            agent.succeed(two)
            assert [result.task_id for result in inbox.take()] == [second]
            assert inbox.is_empty()
