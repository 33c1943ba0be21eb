"""Calling tasks off over HTTP: what is settled at once, what the endpoint is told, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from farpool.wire import ErrorDetails, Result, Task, TaskCancel, TaskState, TaskTransition, decode, encode, new_id
from farpool.wire.messages import TASK_DELIVERED
from farpool.wire.states import Actor
from support.callers import PAYLOAD, Agent, Caller, Cancelled, Inbox, task_ids_of

#: An endpoint that can be told which tasks are no longer wanted.
TAKES_CANCELS = {"takes_cancels": True}


class Endpoint:
    """An endpoint that runs nothing, and what it hears.

    Args:
        caller: its owner.
        takes_cancels: whether it can be told, as farpool's own.
        tells_begun: whether it says before it begins a movable task.
    """

    def __init__(self, caller: Caller, *, takes_cancels: bool = True, tells_begun: bool = False) -> None:
        self.caller = caller
        metadata = (TAKES_CANCELS if takes_cancels else {}) | ({"tells_begun": True} if tells_begun else {})
        self.credentials = caller.register_endpoint(metadata=metadata)
        self.endpoint_id: str = self.credentials["endpoint_id"]
        self.function_id = caller.register_function()

    def submit(self, count: int = 1, **changes: Any) -> tuple[list[str], str]:
        """Submit tasks; return their ids and the group's."""
        reply = self.caller.submit(self.endpoint_id, self.function_id, [PAYLOAD] * count, **changes)
        return task_ids_of(reply), reply["task_group_id"]

    def agent(self) -> Agent:
        """Take tasks."""
        return Agent(self.credentials)

    def ear(self) -> Inbox:
        """Hear of cancels."""
        info = self.credentials["cancel_queue_info"]
        return Inbox(info["connection_url"], info["queue"], exclusive=True)

    def register_again(self) -> dict[str, Any]:
        """Come back; return the answer."""
        body = {"endpoint_name": "lab", "metadata": TAKES_CANCELS}
        answer: dict[str, Any] = self.caller.call("PUT", f"/v3/endpoints/{self.endpoint_id}", body)
        return answer


@pytest.fixture
def endpoint(caller: Caller) -> Endpoint:
    return Endpoint(caller)


@pytest.fixture
def online(endpoint: Endpoint) -> Iterator[Agent]:
    """Its agent, online."""
    with endpoint.agent() as agent:
        agent.report()
        endpoint.caller.wait_for_endpoint(endpoint.endpoint_id, "online")
        yield agent


def cancel(caller: Caller, *task_ids: str, expect: int = 200, **changes: Any) -> Any:
    return caller.post("/v2/tasks/cancel", {"task_ids": list(task_ids), **changes}, expect=expect)


def status_of(caller: Caller, task_id: str, **changes: Any) -> str:
    results: dict[str, str] = cancel(caller, task_id, **changes)["results"]
    assert list(results) == [task_id]
    return results[task_id]


def answered(task: Task | TaskCancel, *, delivered: bool = True) -> bytes:
    """What an endpoint says of a task that it was told to call off."""
    error = ErrorDetails("TASK_CANCELLED", "called off")
    return encode(Result(task.task_id, "called off", {TASK_DELIVERED: delivered}, error))


def test_an_endpoint_that_is_there_is_told_and_says_what_became_of_the_task(
    caller: Caller, endpoint: Endpoint, online: Agent
) -> None:
    (task_id,), group = endpoint.submit()
    (task,) = online.take(ack=False)

    with endpoint.ear() as ear, caller.results(group) as results:
        assert status_of(caller, task_id) == "requested"
        ((properties, body),) = ear.take_raw()
        assert (decode(body), properties.headers) == (TaskCancel(task_id), {"running": True})
        assert caller.task(task_id)["status"] != "cancelled"

        online.publish("result", answered(task))
        assert results.take()[0].error_details.code == "TASK_CANCELLED"
    document = caller.task(task_id)
    assert document["status"] == "cancelled"
    assert document["error_details"]["code"] == "TASK_CANCELLED"
    assert status_of(caller, task_id) == "finished"


def test_running_tasks_may_be_spared(caller: Caller, endpoint: Endpoint, online: Agent) -> None:
    (task_id,), _ = endpoint.submit()
    with endpoint.ear() as ear:
        assert status_of(caller, task_id, running=False) == "requested"
        ((properties, _),) = ear.take_raw()

    assert properties.headers == {"running": False}


def test_a_task_of_an_endpoint_that_is_away_is_cancelled_at_once(caller: Caller, endpoint: Endpoint) -> None:
    (task_id, other), group = endpoint.submit(2)
    caller.wait_for_status(other, "waiting-for-ep")

    assert status_of(caller, task_id) == "cancelled"

    with caller.results(group) as results:
        (result,) = results.take()
        assert (result.task_id, result.error_details.code) == (task_id, "TASK_CANCELLED")
    assert caller.task(task_id)["status"] == "cancelled"
    with endpoint.ear() as ear:
        assert ear.take() == [TaskCancel(task_id)]
    assert endpoint.register_again()["cancelled_tasks"] == {task_id: True}
    assert caller.task(other)["status"] == "waiting-for-ep"


def test_what_an_endpoint_has_said_that_it_knows_it_is_not_told_for_ever(caller: Caller, endpoint: Endpoint) -> None:
    (first, second), _ = endpoint.submit(2)
    caller.wait_for_status(second, "waiting-for-ep")
    cancel(caller, first, second, running=False)
    assert endpoint.register_again()["cancelled_tasks"] == {first: False, second: False}

    with endpoint.agent() as agent:
        tasks = agent.take(2)
        agent.publish("result", answered(tasks[0], delivered=False))
        agent.publish("result", answered(tasks[1]))

    # An answer settles when the broker may be taken to know it, too: until then the endpoint is told again.
    assert set(endpoint.register_again()["cancelled_tasks"]) == {first, second}


def test_a_task_that_had_another_outcome_need_not_be_called_off_any_more(
    caller: Caller, endpoint: Endpoint, online: Agent
) -> None:
    (task_id,), _ = endpoint.submit()
    (task,) = online.take(ack=False)
    assert status_of(caller, task_id) == "requested"

    online.succeed(task)

    assert caller.wait_for_status(task_id, "success")["result"] == "00\nvalue"
    assert endpoint.register_again()["cancelled_tasks"] == {}


def test_a_task_that_the_endpoint_cannot_be_told_of_is_cancelled_and_its_late_result_is_dropped(caller: Caller) -> None:
    endpoint = Endpoint(caller, takes_cancels=False)
    assert "cancel_queue_info" not in endpoint.credentials
    (task_id, marker), group = endpoint.submit(2)
    with endpoint.agent() as agent, caller.results(group) as results:
        agent.report()
        caller.wait_for_endpoint(endpoint.endpoint_id, "online")
        task, other = agent.take(2, ack=False)
        assert status_of(caller, task_id) == "cancelled"
        assert results.take()[0].error_details.code == "TASK_CANCELLED"

        agent.succeed(task)
        agent.succeed(other)

        assert [one.task_id for one in results.take()] == [marker], "nothing came of the late result"
    assert caller.task(task_id)["status"] == "cancelled"


def test_a_task_known_to_run_at_an_endpoint_that_cannot_be_told_is_spared_when_that_is_asked(caller: Caller) -> None:
    endpoint = Endpoint(caller, takes_cancels=False)
    (task_id,), _ = endpoint.submit()
    with endpoint.agent() as agent:
        agent.take(ack=False)
        agent.report(statuses={task_id: (TaskTransition(1, TaskState.RUNNING, Actor.ENDPOINT),)})
        caller.wait_for_status(task_id, "running")

        assert status_of(caller, task_id, running=False) == "running"
        assert caller.task(task_id)["status"] == "running"
        assert status_of(caller, task_id, running=True) == "cancelled"


RUNS = (TaskTransition(1, TaskState.RUNNING, Actor.ENDPOINT),)


def test_of_the_stranded_tasks_those_are_cancelled_that_have_certainly_not_begun(caller: Caller) -> None:
    endpoint = Endpoint(caller, tells_begun=True)
    (begun, in_line, waiting), group = endpoint.submit(3, movable=True)
    with endpoint.agent() as agent, caller.results(group) as results:
        assert {task.task_id for task in agent.take(2, ack=False)} == {begun, in_line}
        agent.report(statuses={begun: RUNS})
        caller.wait_for_status(begun, "running")
        assert cancel(caller, begun, in_line, waiting, stranded=True)["results"] == dict.fromkeys(
            (begun, in_line, waiting), "running"
        ), "an endpoint that is there keeps its tasks"

        agent.report(active=False)
        caller.wait_for_endpoint(endpoint.endpoint_id, "offline")
        answers = cancel(caller, begun, in_line, waiting, stranded=True, running=True)["results"]

        assert answers == {begun: "running", in_line: "cancelled", waiting: "cancelled"}
        assert {one.task_id for one in results.take(2)} == {in_line, waiting}
    assert caller.task(begun)["status"] == "running"
    assert endpoint.register_again()["cancelled_tasks"] == {in_line: False, waiting: False}


def test_where_an_endpoint_does_not_tell_what_it_begins_only_what_it_was_not_sent_is_cancelled(caller: Caller) -> None:
    endpoint = Endpoint(caller)
    (sent,), _ = endpoint.submit(movable=True)
    caller.wait_for_status(sent, "waiting-for-ep")

    assert status_of(caller, sent, stranded=True) == "running"
    assert caller.task(sent)["status"] == "waiting-for-ep"
    assert endpoint.register_again()["cancelled_tasks"] == {}


def test_that_a_task_may_move_reaches_its_endpoint_as_a_header(
    caller: Caller, endpoint: Endpoint, online: Agent
) -> None:
    endpoint.submit(movable=True)
    endpoint.submit()

    (with_options, _), (without, _) = online.take_raw(2)

    assert with_options.headers["movable"] is True
    assert "movable" not in without.headers


def test_a_task_of_a_locked_endpoint_is_cancelled_and_never_sent(caller: Caller, endpoint: Endpoint) -> None:
    caller.post(f"/v3/endpoints/{endpoint.endpoint_id}/lock")
    (task_id, other), _ = endpoint.submit(2)

    assert status_of(caller, task_id) == "cancelled"
    assert caller.task(other)["status"] == "received"


def test_a_result_and_a_cancel_that_race_leave_one_outcome(caller: Caller, endpoint: Endpoint) -> None:
    task_ids, group = endpoint.submit(40)
    with endpoint.agent() as agent, caller.results(group) as results:
        tasks = agent.take(40)
        for task in tasks[::2]:
            agent.succeed(task)
        answers = cancel(caller, *task_ids)["results"]
        for task in tasks[1::2]:
            agent.succeed(task)
        outcomes = {one.task_id: one.is_error for one in results.take(40)}
        assert results.is_empty()

    assert {one: "cancelled" if outcomes[one] else "finished" for one in task_ids} == answers


def test_only_the_owner_may_and_others_learn_nothing(caller: Caller, stranger: Caller, endpoint: Endpoint) -> None:
    (task_id,), _ = endpoint.submit()
    unknown = new_id()

    assert cancel(stranger, task_id, unknown)["results"] == {task_id: "unknown", unknown: "unknown"}
    assert caller.task(task_id)["status"] in {"received", "waiting-for-ep"}
    assert cancel(caller, unknown)["results"] == {unknown: "unknown"}


def test_ten_thousand_tasks_are_cancelled_in_one_request(caller: Caller, endpoint: Endpoint) -> None:
    task_ids, group = endpoint.submit(10_000)

    results = cancel(caller, *task_ids)["results"]

    assert list(results) == task_ids
    assert set(results.values()) == {"cancelled"}
    with caller.results(group) as inbox:
        assert {one.task_id for one in inbox.take(10_000)} == set(task_ids)
    assert caller.get(f"/v2/endpoints/{endpoint.endpoint_id}/status")["details"]["waiting_tasks"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "task_ids"),
        ({"task_ids": "x"}, "task_ids"),
        ({"task_ids": ["x"]}, "is not a UUID"),
        ({"task_ids": [7]}, "task id"),
        ({"task_ids": [], "running": "yes"}, "running"),
        ([], "JSON object"),
    ],
)
def test_a_malformed_request_is_refused_by_name(caller: Caller, body: Any, words: str) -> None:
    error = caller.post("/v2/tasks/cancel", body, expect=422)

    assert error["code"] == "REQUEST_MALFORMED"
    assert words in error["message"]


def test_too_many_ids_are_refused_and_none_are_fine(caller: Caller) -> None:
    error = caller.post("/v2/tasks/cancel", {"task_ids": [new_id() for _ in range(100_001)]}, expect=422)

    assert "100001 task ids" in error["message"]
    assert cancel(caller)["results"] == {}


def test_time_out_and_priority_reach_the_endpoint_as_headers(caller: Caller, endpoint: Endpoint, online: Agent) -> None:
    endpoint.submit(timeout_s=2.5, priority=7)
    endpoint.submit()

    (with_options, _), (without, _) = online.take_raw(2)

    assert (with_options.headers["timeout_s"], with_options.headers["priority"]) == ("2.5", "7")
    assert not {"timeout_s", "priority"} & set(without.headers)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"timeout_s": 0}, "timeout_s"), ({"timeout_s": "5"}, "timeout_s"), ({"priority": 1.5}, "priority")],
)
def test_a_time_out_or_priority_that_is_none_is_refused(
    caller: Caller, endpoint: Endpoint, changes: dict[str, Any], words: str
) -> None:
    error = caller.submit(endpoint.endpoint_id, endpoint.function_id, expect=422, **changes)

    assert words in error["message"]


def test_a_deleted_endpoint_has_no_queue_of_cancels(caller: Caller, endpoint: Endpoint) -> None:
    with endpoint.ear() as ear:
        caller.call("DELETE", f"/v2/endpoints/{endpoint.endpoint_id}")
        with pytest.raises(Cancelled):
            ear.take()
