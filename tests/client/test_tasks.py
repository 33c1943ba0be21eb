"""Submitting tasks and asking for them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from farpool.client import Client
from farpool.errors import NotFound, ServiceError, TaskExecutionFailed, TaskPending
from farpool.serialize import JSONData, Serializer
from farpool.settings import Settings
from farpool.wire import unpack
from farpool.wire.queues import result_queue
from farpool.wire.rest import ResultQueue, SubmitRequest
from farpool.wire.states import TaskState
from support.rest_server import Reply, Request, RestServer, refusal

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
FUNCTION = "5b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "6b116d3c-1703-4f8f-9f6f-39921e5864df"
GROUP = "7b116d3c-1703-4f8f-9f6f-39921e5864df"
TASK = "8b116d3c-1703-4f8f-9f6f-39921e5864df"


def accept(request: Request) -> Reply:
    """Accept a submit as a service does: an id for every payload, in order."""
    tasks = {name: [str(uuid.uuid4()) for _ in payloads] for name, payloads in request.json()["tasks"].items()}
    ids = {"task_group_id": GROUP, "endpoint_id": ENDPOINT, "request_id": OTHER}
    return Reply(body={"tasks": tasks, **ids})


def test_run_sends_one_task_and_gives_its_id(server: RestServer, client: Client) -> None:
    server.script = accept

    task_id = client.run(1, endpoint_id=ENDPOINT, function_id=FUNCTION.upper(), name="x")

    body = server.last.json()
    assert uuid.UUID(task_id)
    assert server.last.path == f"/v3/endpoints/{ENDPOINT}/submit"
    assert server.last.headers["Content-Type"] == "application/json"
    args, kwargs = unpack(body["tasks"][FUNCTION][0])
    assert Serializer().deserialize(args) == (1,)
    assert Serializer().deserialize(kwargs) == {"name": "x"}
    assert body["create_queue"] is False
    assert set(body) == {"create_queue", "tasks", "user_runtime", "takes_blobs"}


def test_a_batch_is_sent_with_what_was_asked_for(server: RestServer, client: Client) -> None:
    server.script = accept
    batch = client.create_batch(GROUP, {"cores": 2}, {"queue": "fast"}, True, ["farpool.serialize.JSONData"])
    batch.add(FUNCTION, (1,))
    batch.add(OTHER, [2], {"k": 3})
    batch.add(uuid.UUID(FUNCTION))

    reply = client.batch_run(ENDPOINT, batch)

    body = server.last.json()
    assert body == {**batch.prepare(), "takes_blobs": True}
    assert body["task_group_id"] == GROUP
    assert (body["resource_specification"], body["user_endpoint_config"]) == ({"cores": 2}, {"queue": "fast"})
    assert (body["create_queue"], body["result_serializers"]) == (
        True,
        ["globus_compute_sdk.serialize.JSONData"],  # as every worker knows it
    )
    assert [len(body["tasks"][name]) for name in (FUNCTION, OTHER)] == [2, 1]
    assert set(reply) == {"tasks", "task_group_id", "endpoint_id", "request_id"}
    assert [len(reply["tasks"][name]) for name in (FUNCTION, OTHER)] == [2, 1]


def test_facts_about_this_python_go_with_every_submit(server: RestServer, client: Client) -> None:
    server.script = accept

    client.submit(ENDPOINT, SubmitRequest(tasks={FUNCTION: ["x"]}))

    runtime = server.last.json()["user_runtime"]
    assert set(runtime) == {"globus_compute_sdk_version", "globus_sdk_version", "python_version", "python", "platform"}
    assert len(runtime["python"]["version_tuple"]) == 3
    assert runtime == dict(client.user_runtime)


def test_the_strategy_of_the_client_packs_the_arguments(server: RestServer, client: Client) -> None:
    server.script = accept
    client.serializer = Serializer(data=JSONData())

    client.run(5, endpoint_id=ENDPOINT, function_id=FUNCTION)

    assert unpack(server.last.json()["tasks"][FUNCTION][0])[0] == "11\n[5]"


@pytest.mark.parametrize(
    "tasks", [{}, {FUNCTION: []}, {FUNCTION: [TASK, TASK]}, {OTHER: [TASK]}, {FUNCTION: "x"}, {FUNCTION: ["no id"]}]
)
def test_an_answer_that_does_not_tell_which_task_is_which_is_an_error(
    server: RestServer, client: Client, tasks: dict[str, Any]
) -> None:
    server.answer(body={"tasks": tasks, "task_group_id": GROUP, "endpoint_id": ENDPOINT, "request_id": OTHER})

    with pytest.raises(ServiceError, match="cannot be read"):
        client.run(endpoint_id=ENDPOINT, function_id=FUNCTION)


def test_a_warning_with_the_answer_reaches_the_user(server: RestServer, client: Client) -> None:
    server.answer(
        body={
            "tasks": {FUNCTION: [TASK]},
            "task_group_id": GROUP,
            "endpoint_id": ENDPOINT,
            "request_id": OTHER,
            "ha_warning": "mind the audit",
        }
    )

    with pytest.warns(UserWarning, match="mind the audit"):
        client.run(endpoint_id=ENDPOINT, function_id=FUNCTION)


def test_the_hosted_service_may_have_dropped_a_task_that_it_does_not_know(
    server: RestServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farpool.client.transport.HOSTED_SERVICE_URL", server.url)
    server.answer_in_turn([refusal(404, "TASK_NOT_FOUND", "no such task", request_id="r-7")])
    with (
        Client(service_url=server.url, token="t", settings=settings, do_version_check=False) as client,
        pytest.raises(
            NotFound, match="it was dropped: the hosted service keeps a result that nobody fetches for 30 m"
        ) as caught,
    ):
        client.get_result(TASK)
    assert (caught.value.http_status, caught.value.code, caught.value.request_id) == (404, "TASK_NOT_FOUND", "r-7")


def _finished(value: Any, **more: Any) -> dict[str, Any]:
    result = Serializer().serialize(value)
    return {"task_id": TASK, "status": "success", "completion_t": "1.25", "result": result, **more}


def test_a_finished_task_gives_its_value(server: RestServer, client: Client) -> None:
    server.answer(body=_finished([1, 2], details={"os": "x"}))

    assert client.get_result(TASK) == [1, 2]
    assert client.get_task(TASK) == {
        "pending": False,
        "status": "success",
        "result": [1, 2],
        "completion_t": "1.25",
        "details": {"os": "x"},
    }
    assert server.last.path == f"/v2/tasks/{TASK}"


@pytest.mark.parametrize("body", [{"status": "running"}, {"task_id": TASK, "status": "waiting-for-ep"}])
def test_an_unfinished_task_is_pending(server: RestServer, client: Client, body: dict[str, Any]) -> None:
    server.answer(body=body)

    assert client.get_task(TASK) == {"pending": True, "status": body["status"]}
    with pytest.raises(TaskPending, match=body["status"]):
        client.get_result(TASK)


def test_a_failed_task_raises_with_the_remote_traceback(server: RestServer, client: Client) -> None:
    server.answer(body={"task_id": TASK, "status": "failed", "completion_t": "1", "exception": "ValueError: no luck"})

    for call in (client.get_result, client.get_task):
        with pytest.raises(TaskExecutionFailed, match="no luck") as caught:
            call(TASK)
        assert caught.value.task_id == TASK


def test_an_answer_about_another_task_is_an_error(server: RestServer, client: Client) -> None:
    server.answer(body={**_finished(1), "task_id": OTHER})

    with pytest.raises(ServiceError, match=f"about task {OTHER}"):
        client.get_result(TASK)


def test_several_tasks_are_asked_for_at_once(server: RestServer, client: Client) -> None:
    failed = {"task_id": OTHER, "status": "failed", "completion_t": "2", "exception": "ValueError: no luck"}
    server.answer(body={"results": {TASK: _finished("v"), OTHER: failed, GROUP: {"status": "running"}}})

    known = client.get_batch_result([TASK, uuid.UUID(OTHER), GROUP, FUNCTION, TASK])

    assert known[TASK] == {"pending": False, "status": "success", "result": "v", "completion_t": "1.25"}
    assert known[GROUP] == {"pending": True, "status": "running"}
    assert isinstance(known[OTHER].pop("exception"), TaskExecutionFailed)
    assert known[OTHER] == {"pending": False, "status": "failed", "completion_t": "2"}
    assert FUNCTION not in known
    assert server.last.json() == {"task_ids": [TASK, OTHER, GROUP, FUNCTION]}


def test_no_tasks_are_asked_for_without_asking(server: RestServer, client: Client) -> None:
    assert client.get_batch_result([]) == {}
    assert not server.requests


def test_very_many_tasks_are_asked_for_in_parts(server: RestServer, client: Client) -> None:
    server.script = lambda request: Reply(
        body={"results": {task_id: {"status": "running"} for task_id in request.json()["task_ids"]}}
    )
    task_ids = [str(uuid.uuid4()) for _ in range(2500)]

    assert list(client.get_batch_status(task_ids)) == task_ids
    assert [len(request.json()["task_ids"]) for request in server.requests] == [1000, 1000, 500]


def test_a_task_group_gives_its_tasks(server: RestServer, client: Client) -> None:
    server.answer(body={"taskgroup_id": GROUP, "tasks": [{"id": TASK}, {"id": OTHER}]})

    assert client.get_task_group(GROUP) == [TASK, OTHER]
    assert server.last.path == f"/v2/taskgroup/{GROUP}"
    with pytest.raises(ServiceError, match=f"about task group {GROUP}"):
        client.get_task_group(OTHER)


def test_tasks_are_listed_by_what_is_asked(server: RestServer, client: Client) -> None:
    server.answer(body={"tasks": [{"task_id": TASK}]})

    listed = client.get_tasks(task_group_id=GROUP, endpoint_id=ENDPOINT, status=TaskState.RUNNING, limit=5)

    assert listed == [{"task_id": TASK}]
    assert server.last.path == "/v3/tasks"
    assert server.last.query == {
        "task_group_id": GROUP,
        "endpoint_id": ENDPOINT,
        "status": "running",
        "limit": "5",
    }


def test_the_place_of_results_is_given_and_not_shown(server: RestServer, client: Client) -> None:
    server.answer(body={"queue_prefix": "me.", "connection_url": "amqp://u:secret@h/"})

    place = client.get_result_amqp_url()

    assert place == ResultQueue("me.", "amqp://u:secret@h/")
    assert result_queue(place.queue_prefix, GROUP) == f"me.{GROUP}"
    assert "secret" not in repr(place)


def test_an_unknown_task_is_told(server: RestServer, client: Client) -> None:
    server.answer_in_turn([refusal(404, "TASK_NOT_FOUND", "no such task")])

    with pytest.raises(NotFound, match="no such task"):
        client.get_result(TASK)
