from __future__ import annotations

import time
from pathlib import Path

import pytest
from pika.exceptions import ChannelClosedByBroker

from farpool.wire import Actor, TaskState, TaskTransition, new_id
from support.callers import PAYLOAD, Agent, Caller, Cancelled, Manager, task_ids_of
from support.service import service_in_thread


def test_an_endpoint_is_given_credentials_for_three_queues(caller: Caller) -> None:
    answer = caller.register_endpoint()

    assert answer.keys() == {"endpoint_id", "task_queue_info", "result_queue_info", "heartbeat_queue_info"}
    for name in ("result", "heartbeat"):
        info = answer[f"{name}_queue_info"]
        assert info["queue_publish_kwargs"]["exchange"] == info["exchange"] == info["queue"] == f"{name}s"
        assert info["queue_publish_kwargs"]["routing_key"] == f"{answer['endpoint_id']}.{name}s"
        assert info["queue_publish_kwargs"]["properties"] == {"delivery_mode": 2}


@pytest.mark.parametrize("changes", [{"multi_user": True}, {"metadata": {"user_config_template": "engine: {{e}}"}}])
def test_a_manager_is_given_credentials_for_commands_and_reports(caller: Caller, changes: dict[str, object]) -> None:
    answer = caller.register_endpoint(**changes)

    assert answer.keys() == {"endpoint_id", "command_queue_info", "heartbeat_queue_info"}
    with Manager(answer) as manager:
        manager.report()
    assert caller.wait_for_endpoint(answer["endpoint_id"], "online")


def test_an_endpoint_may_choose_its_id_and_register_again_under_it(caller: Caller) -> None:
    endpoint_id, path = new_id(), "/v3/endpoints/"

    first = caller.call("PUT", path + endpoint_id, {"endpoint_name": "lab"})
    again = caller.call("PUT", path + endpoint_id.upper(), {"endpoint_name": "renamed"})

    assert first == again
    assert first["endpoint_id"] == endpoint_id
    assert caller.get(f"/v2/endpoints/{endpoint_id}")["name"] == "renamed"


def test_registering_again_disturbs_neither_the_agent_nor_its_tasks(caller: Caller) -> None:
    credentials, function_id = caller.register_endpoint(), caller.register_function()
    endpoint_id = credentials["endpoint_id"]
    with Agent(credentials) as agent:
        reply = caller.submit(endpoint_id, function_id, [PAYLOAD] * 2)
        caller.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "lab"})

        assert [task.task_id for task in agent.take(2)] == task_ids_of(reply)
        assert agent.is_empty()


def test_what_was_registered_is_shown(caller: Caller) -> None:
    endpoint_id = caller.register_endpoint(display_name="The lab", metadata={"hostname": "lab7"})["endpoint_id"]

    shown = caller.get(f"/v2/endpoints/{endpoint_id}")

    assert shown.items() >= {"uuid": endpoint_id, "name": "lab", "display_name": "The lab"}.items()
    assert shown.items() >= {"metadata": {"hostname": "lab7"}, "multi_user": False, "public": False}.items()
    assert shown.items() >= {"status": "offline", "last_heartbeat_at": None, "waiting_tasks": 0}.items()
    assert shown in [
        {**one, "waiting_tasks": 0} for one in caller.get("/v2/endpoints") if one["endpoint_id"] == endpoint_id
    ]


def test_the_status_tells_what_was_reported_and_what_waits(caller: Caller) -> None:
    credentials = caller.register_endpoint()
    endpoint_id = credentials["endpoint_id"]
    assert caller.get(f"/v2/endpoints/{endpoint_id}/status")["status"] == "offline"
    caller.submit(endpoint_id, caller.register_function(), [PAYLOAD] * 3)

    with Agent(credentials) as agent:
        agent.report(total_workers=4)
        found = caller.wait_for_endpoint(endpoint_id, "online")

        assert found["details"].items() >= {"total_workers": 4, "waiting_tasks": 3, "away_s": None}.items()
        assert found["details"]["last_heartbeat_at"] > 1_600_000_000
        assert caller.get(f"/v2/endpoints/{endpoint_id}")["status"] == "online"


@pytest.mark.parametrize("state", [{"active": False}, {"heartbeat_period": 0}])
def test_an_endpoint_that_says_goodbye_is_offline_and_its_tasks_wait(caller: Caller, state: dict[str, object]) -> None:
    credentials = caller.register_endpoint()
    endpoint_id = credentials["endpoint_id"]
    (task_id,) = task_ids_of(caller.submit(endpoint_id, caller.register_function()))
    with Agent(credentials) as agent:
        agent.report()
        caller.wait_for_endpoint(endpoint_id, "online")
        agent.report(**state)
        found = caller.wait_for_endpoint(endpoint_id, "offline")

    assert 0 <= found["details"]["away_s"] < 10
    assert caller.wait_for_status(task_id, "waiting-for-ep")


def test_a_report_in_the_name_of_another_endpoint_is_not_believed(caller: Caller) -> None:
    honest, forger = caller.register_endpoint(), caller.register_endpoint()
    with Agent(forger) as agent:
        agent.endpoint_id = honest["endpoint_id"]
        agent.report()
        agent.endpoint_id = forger["endpoint_id"]
        agent.report()

        caller.wait_for_endpoint(forger["endpoint_id"], "online")
    assert caller.get(f"/v2/endpoints/{honest['endpoint_id']}/status")["status"] == "offline"


def test_a_report_may_tell_which_tasks_run(caller: Caller) -> None:
    credentials = caller.register_endpoint()
    first, second = task_ids_of(caller.submit(credentials["endpoint_id"], caller.register_function(), [PAYLOAD] * 2))
    began = (TaskTransition(1, TaskState.EXEC_START, Actor.WORKER),)
    with Agent(credentials) as agent:
        (task, _) = agent.take(2)
        agent.report(statuses={first: began})

        caller.wait_for_status(first, "running")
        caller.wait_for_status(second, "waiting-for-ep")
        agent.succeed(task)
        caller.wait_for_status(first, "success")
        agent.report(statuses={first: began})
        agent.report(total_workers=1)
    assert caller.task(first)["status"] == "success"


def test_a_failure_report_fails_the_waiting_tasks_with_its_text_and_they_are_not_run_later(caller: Caller) -> None:
    credentials, function_id = caller.register_endpoint(), caller.register_function()
    endpoint_id = credentials["endpoint_id"]
    with Agent(credentials) as agent:
        agent.report()
    reply = caller.submit(endpoint_id, function_id, [PAYLOAD] * 3)
    ids = task_ids_of(reply)

    from farpool.wire import EndpointStatusReport, encode
    from support.callers import publish_once

    report = EndpointStatusReport(endpoint_id, {"error": "no such template", "heartbeat_period": 3}, {})
    publish_once(credentials["heartbeat_queue_info"], encode(report))

    with caller.results(reply["task_group_id"]) as inbox:
        results = inbox.take(3)
    assert sorted(result.task_id for result in results) == sorted(ids)
    assert all("no such template" in result.data for result in results)
    assert {result.error_details.code for result in results} == {"ENDPOINT_OFFLINE"}
    assert "no such template" in caller.wait_for_status(ids[0], "failed")["exception"]
    with Agent(credentials) as agent:
        later = caller.submit(endpoint_id, function_id)
        assert [task.task_id for task in agent.take()] == task_ids_of(later)


def test_a_deleted_endpoint_is_gone_and_its_waiting_tasks_fail(caller: Caller) -> None:
    endpoint_id = caller.register_endpoint()["endpoint_id"]
    reply = caller.submit(endpoint_id, caller.register_function())

    caller.call("DELETE", f"/v2/endpoints/{endpoint_id}")

    with caller.results(reply["task_group_id"]) as inbox:
        (result,) = inbox.take()
    assert endpoint_id in result.data
    assert "deleted" in result.data
    assert caller.task(result.task_id)["status"] == "failed"
    assert caller.task(result.task_id)["error_details"]["code"] == "ENDPOINT_OFFLINE"
    caller.get(f"/v2/endpoints/{endpoint_id}", expect=404)


def test_a_locked_endpoint_loses_its_queue_and_may_not_register_for_a_while(caller: Caller) -> None:
    credentials = caller.register_endpoint()
    endpoint_id = credentials["endpoint_id"]
    with Agent(credentials) as agent:
        caller.post(f"/v3/endpoints/{endpoint_id}/lock")

        with pytest.raises(Cancelled):
            agent.take()
    error = caller.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "lab"}, expect=423)
    assert error["code"] == "ENDPOINT_LOCKED"
    assert endpoint_id in error["message"]
    with pytest.raises(ChannelClosedByBroker, match="404"):
        Agent(credentials)


def test_tasks_of_a_locked_endpoint_wait_and_run_in_order_when_it_is_back(tmp_path: Path) -> None:
    with service_in_thread(tmp_path / "service", lock_s=0.2) as running, Caller(running) as caller:
        credentials, function_id = caller.register_endpoint(), caller.register_function()
        endpoint_id = credentials["endpoint_id"]
        before = task_ids_of(caller.submit(endpoint_id, function_id, [PAYLOAD] * 2))
        caller.post(f"/v3/endpoints/{endpoint_id}/lock")
        during = task_ids_of(caller.submit(endpoint_id, function_id, [PAYLOAD] * 2))
        assert caller.task(before[0])["status"] == "received"

        deadline = time.monotonic() + 20
        while True:
            response = caller.session.put(f"{caller.url}/v3/endpoints/{endpoint_id}", json={"endpoint_name": "lab"})
            if response.status_code == 200:
                break
            assert response.status_code == 423
            assert time.monotonic() < deadline
            time.sleep(0.02)
        after = task_ids_of(caller.submit(endpoint_id, function_id))

        with Agent(credentials) as agent:
            assert [task.task_id for task in agent.take(5)] == [*before, *during, *after]
            assert agent.is_empty()


def test_a_second_agent_on_the_same_queue_is_refused(caller: Caller) -> None:
    credentials = caller.register_endpoint()
    with Agent(credentials) as agent:
        assert agent.is_empty(0.05)

        with pytest.raises(ChannelClosedByBroker, match="403"):
            Agent(credentials)
