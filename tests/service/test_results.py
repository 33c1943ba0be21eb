from __future__ import annotations

from typing import Any

import pytest

from farpool.wire import ErrorDetails, Result, Task, TaskCancel, encode
from support.callers import PAYLOAD, Agent, Caller, task_ids_of


@pytest.fixture
def credentials(caller: Caller) -> dict[str, Any]:
    return caller.register_endpoint()


def submit(caller: Caller, credentials: dict[str, Any], count: int = 1) -> Any:
    return caller.submit(credentials["endpoint_id"], caller.register_function(), [PAYLOAD] * count)


def test_a_result_is_sent_on_unchanged_with_the_time(caller: Caller, credentials: dict[str, Any]) -> None:
    reply = submit(caller, credentials)
    with Agent(credentials) as agent, caller.results(reply["task_group_id"]) as inbox:
        (task,) = agent.take()
        body = encode(Result(task.task_id, "00\nvalue", {"python_version": "3.11.7"}))[:-1] + b', "unknown": 1}'
        agent.publish("result", body)
        ((properties, received),) = inbox.take_raw()

    assert received == body
    assert properties.timestamp > 1_600_000_000


def test_a_failure_is_shown_as_exception_with_its_code(caller: Caller, credentials: dict[str, Any]) -> None:
    reply = submit(caller, credentials)
    with Agent(credentials) as agent, caller.results(reply["task_group_id"]) as inbox:
        agent.fail(*agent.take(), text="Traceback: boom")
        (result,) = inbox.take()

    assert result.is_error
    document = caller.task(result.task_id)
    assert document["status"] == "failed"
    assert document["exception"] == "Traceback: boom"
    assert document["error_details"] == {"code": "RemoteExecutionError", "user_message": "it failed"}
    assert "result" not in document
    assert document["completion_t"]


def test_a_task_that_the_endpoint_cancelled_is_cancelled(caller: Caller, credentials: dict[str, Any]) -> None:
    reply = submit(caller, credentials)
    with Agent(credentials) as agent, caller.results(reply["task_group_id"]) as inbox:
        agent.fail(*agent.take(), code="TASK_CANCELLED")
        (result,) = inbox.take()

    assert caller.task(result.task_id)["status"] == "cancelled"


def test_the_first_of_two_results_stands(caller: Caller, credentials: dict[str, Any]) -> None:
    reply = submit(caller, credentials, 2)
    with Agent(credentials) as agent, caller.results(reply["task_group_id"]) as inbox:
        first, second = agent.take(2)
        agent.succeed(first, "00\none")
        agent.succeed(first, "00\ntwo")
        agent.fail(first)
        agent.succeed(second, "00\nthree")

        assert [result.data for result in inbox.take(2)] == ["00\none", "00\nthree"]
        assert inbox.is_empty()
    assert caller.task(first.task_id)["result"] == "00\none"


def test_a_result_from_another_endpoint_is_not_believed(caller: Caller, credentials: dict[str, Any]) -> None:
    (task_id,) = task_ids_of(submit(caller, credentials))
    with Agent(caller.register_endpoint()) as forger:
        forger.succeed(Task(task_id, ""), "00\nforged")
        forger.report()
    with Agent(credentials) as agent:
        agent.succeed(*agent.take(), "00\nhonest")

    assert caller.wait_for_status(task_id, "success")["result"] == "00\nhonest"


def test_an_endpoint_cannot_publish_as_another(caller: Caller, credentials: dict[str, Any]) -> None:
    from pika.exceptions import ChannelClosedByBroker

    from support.callers import publish

    other = caller.register_endpoint()
    with Agent(credentials) as agent:
        forged = {**other["result_queue_info"], "connection_url": credentials["result_queue_info"]["connection_url"]}

        with pytest.raises(ChannelClosedByBroker, match="403"):
            publish(agent.confirming, forged, b"\x01{}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x02{}",
        b"\x01not json",
        b'\x01{"message_type": "result", "data": {"task_id": "nonsense"}}',
        encode(TaskCancel("359e2ec3-caef-4258-a149-a67767af0ee8")),
        encode(Result("359e2ec3-caef-4258-a149-a67767af0ee8", "of no task")),
    ],
)
def test_what_is_no_result_is_dropped_and_the_next_is_taken(
    caller: Caller, credentials: dict[str, Any], body: bytes
) -> None:
    (task_id,) = task_ids_of(submit(caller, credentials))
    with Agent(credentials) as agent:
        agent.publish("result", body)
        agent.publish("heartbeat", body)
        agent.succeed(*agent.take())

    caller.wait_for_status(task_id, "success")


def test_results_wait_for_a_client_that_comes_later_and_for_one_that_dies(
    caller: Caller, credentials: dict[str, Any]
) -> None:
    reply = submit(caller, credentials, 3)
    with Agent(credentials) as agent:
        for task in agent.take(3):
            agent.succeed(task)
    with caller.results(reply["task_group_id"]) as inbox:
        inbox.take(2, ack=False)

    with caller.results(reply["task_group_id"]) as inbox:
        assert sorted(result.task_id for result in inbox.take(3)) == sorted(task_ids_of(reply))


def test_nobody_can_read_the_results_of_another(caller: Caller, stranger: Caller, credentials: dict[str, Any]) -> None:
    from pika.exceptions import ChannelClosedByBroker

    from support.callers import Inbox

    reply = submit(caller, credentials)
    prefix = caller.get("/v2/get_amqp_result_connection_url")["queue_prefix"]
    url = stranger.get("/v2/get_amqp_result_connection_url")["connection_url"]

    with pytest.raises(ChannelClosedByBroker, match="403"):
        Inbox(url, prefix + reply["task_group_id"])


def test_the_status_of_many_tasks_is_told_at_once(caller: Caller, credentials: dict[str, Any]) -> None:
    ids = task_ids_of(submit(caller, credentials, 250))
    with Agent(credentials) as agent:
        for task in agent.take(250)[:100]:
            agent.succeed(task)
        caller.wait_for_status(ids[99], "success")

    asked = [*ids, "359e2ec3-caef-4258-a149-a67767af0ee8", ids[0].upper()]
    results = caller.post("/v2/batch_status", {"task_ids": asked})["results"]

    assert results.keys() == set(ids)
    assert all(results[task_id]["task_id"] == task_id for task_id in ids)
    assert [results[task_id]["status"] == "success" for task_id in ids] == [True] * 100 + [False] * 150


def test_tasks_are_listed_newest_first_and_filtered(caller: Caller, credentials: dict[str, Any]) -> None:
    endpoint_id, function_id = credentials["endpoint_id"], caller.register_function()
    first = caller.submit(endpoint_id, function_id, [PAYLOAD] * 2)
    second = caller.submit(endpoint_id, function_id)
    with Agent(credentials) as agent:
        (task,) = agent.take()
        agent.succeed(task)
        caller.wait_for_status(task.task_id, "success")
    newest_first = [*task_ids_of(second), *reversed(task_ids_of(first))]

    def listed(query: str) -> list[str]:
        return [one["task_id"] for one in caller.get(f"/v3/tasks?{query}")]

    assert listed("limit=3") == newest_first
    assert listed(f"endpoint_id={endpoint_id}&limit=2") == newest_first[:2]
    assert listed(f"task_group_id={first['task_group_id']}") == newest_first[1:]
    assert listed(f"endpoint_id={endpoint_id}&status=success") == [task.task_id]
    (entry,) = caller.get(f"/v3/tasks?endpoint_id={endpoint_id}&status=success")
    assert entry.keys() >= {"task_id", "status", "function_id", "endpoint_id", "created_at", "finished_at"}
    assert "result" not in entry


def test_the_error_of_a_task_may_lack_details(caller: Caller, credentials: dict[str, Any]) -> None:
    reply = submit(caller, credentials)
    with Agent(credentials) as agent, caller.results(reply["task_group_id"]) as inbox:
        (task,) = agent.take()
        agent.publish("result", encode(Result(task.task_id, "", None, ErrorDetails("", ""))))
        inbox.take()

    assert caller.task(task.task_id)["exception"] == ""
