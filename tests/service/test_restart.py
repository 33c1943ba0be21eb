"""What survives a service that is killed: everything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pika.exceptions import AMQPError

from farpool.wire import Result, TaskState, TaskTransition, decode, encode
from farpool.wire.states import Actor
from support.callers import PAYLOAD, Agent, Caller, Manager, publish, task_ids_of
from support.service import ServiceProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(tmp_path / "service") as one:
        yield one


def test_url_token_and_credentials_are_the_same_after_a_kill(process: ServiceProcess) -> None:
    before = process.start()
    with Caller(before) as caller:
        identity, where = caller.get("/v3/identity"), caller.get("/v2/get_amqp_result_connection_url")
        endpoint = caller.register_endpoint()
    process.kill()

    after = process.start()

    assert (after.url, after.amqp_port, after.token) == (before.url, before.amqp_port, before.token)
    with Caller(after) as caller:
        assert caller.get("/v3/identity") == identity
        assert caller.get("/v2/get_amqp_result_connection_url") == where
        assert caller.call("PUT", f"/v3/endpoints/{endpoint['endpoint_id']}", {"endpoint_name": "lab"}) == endpoint


def test_tasks_that_were_accepted_before_a_kill_run_after_it_in_order(process: ServiceProcess) -> None:
    running = process.start()
    with Caller(running) as caller:
        endpoint, function_id = caller.register_endpoint(), caller.register_function()
        reply = caller.submit(endpoint["endpoint_id"], function_id, [f"p{number}" for number in range(700)])
    process.kill()

    with Caller(process.start()) as caller, Agent(endpoint) as agent:
        tasks = agent.take(700)
        assert [task.task_id for task in tasks] == task_ids_of(reply)
        assert all(task.task_buffer.endswith(f"p{number}") for number, task in enumerate(tasks))
        with caller.results(reply["task_group_id"]) as inbox:
            agent.succeed(tasks[0])
            assert inbox.take()[0].task_id == tasks[0].task_id
        caller.wait_for_status(tasks[1].task_id, "waiting-for-ep")


def test_results_that_no_client_took_are_there_after_a_kill_and_taken_ones_are_not(process: ServiceProcess) -> None:
    running = process.start()
    with Caller(running) as caller:
        endpoint = caller.register_endpoint()
        reply = caller.submit(endpoint["endpoint_id"], caller.register_function(), [PAYLOAD] * 4)
        first, *rest = task_ids_of(reply)
        with Agent(endpoint) as agent, caller.results(reply["task_group_id"]) as inbox:
            tasks = agent.take(4)
            agent.succeed(tasks[0], "00\nfirst")
            inbox.take()
            # Beyond the delay of the mark that says so.
            assert inbox.is_empty(0.3)
            for task in tasks[1:]:
                agent.succeed(task, f"00\n{task.task_id}")
    process.kill()

    with Caller(process.start()) as caller:
        with caller.results(reply["task_group_id"]) as inbox:
            results = inbox.take(3)
            assert inbox.is_empty()
        assert sorted(result.task_id for result in results) == sorted(rest)
        assert all(result.data == f"00\n{result.task_id}" for result in results)
        assert caller.task(first)["result"] == "00\nfirst"


def test_a_task_that_its_endpoint_acknowledged_says_nothing_about_its_result(process: ServiceProcess) -> None:
    with Caller(process.start()) as caller:
        endpoint = caller.register_endpoint()
        reply = caller.submit(endpoint["endpoint_id"], caller.register_function())
        with Agent(endpoint) as agent:
            agent.succeed(*agent.take(ack=False))
            agent.ack_all()
            # Beyond the delay of marks.
            assert agent.is_empty(0.3)
    process.kill()

    with Caller(process.start()) as caller, caller.results(reply["task_group_id"]) as inbox:
        assert [result.task_id for result in inbox.take()] == task_ids_of(reply)


def test_finished_tasks_are_not_sent_again_and_endpoints_stay_known(process: ServiceProcess) -> None:
    running = process.start()
    with Caller(running) as caller:
        endpoint, function_id = caller.register_endpoint(), caller.register_function()
        reply = caller.submit(endpoint["endpoint_id"], function_id, [PAYLOAD] * 2)
        with Agent(endpoint) as agent:
            agent.report()
            done, _ = agent.take(2)
            agent.succeed(done)
    process.kill()

    with Caller(process.start()) as caller, Agent(endpoint) as agent:
        (task,) = agent.take()
        assert task.task_id == task_ids_of(reply)[1]
        assert agent.is_empty()
        assert caller.get(f"/v2/endpoints/{endpoint['endpoint_id']}/status")["status"] == "online"
        assert caller.get(f"/v2/functions/{function_id}")["function_uuid"] == function_id


def test_a_result_for_a_task_of_before_the_kill_is_taken_after_it(process: ServiceProcess) -> None:
    running = process.start()
    with Caller(running) as caller:
        endpoint = caller.register_endpoint()
        (task_id,) = task_ids_of(caller.submit(endpoint["endpoint_id"], caller.register_function()))
        with Agent(endpoint) as agent:
            (task,) = agent.take(ack=False)
    process.kill()

    with Caller(process.start()) as caller, Agent(endpoint) as agent:
        agent.succeed(task)
        agent.succeed(task, "00\ntwice")
        assert caller.wait_for_status(task_id, "success")["result"] == "00\nvalue"


def test_user_endpoints_with_waiting_tasks_are_started_after_a_kill(process: ServiceProcess) -> None:
    running = process.start()
    with Caller(running) as caller:
        registration = caller.register_endpoint(multi_user=True)
        reply = caller.submit(registration["endpoint_id"], caller.register_function())
    process.kill()

    with Caller(process.start()) as caller, Manager(registration) as manager:
        manager.report()
        ((_, body),) = manager.take_raw()
        assert reply["endpoint_id"].encode() in body


def test_that_a_task_has_begun_is_known_after_a_kill_and_it_is_sent_again_all_the_same(process: ServiceProcess) -> None:
    with Caller(process.start()) as caller:
        endpoint = caller.register_endpoint(metadata={"takes_cancels": True, "tells_begun": True})
        reply = caller.submit(endpoint["endpoint_id"], caller.register_function(), [PAYLOAD] * 2, movable=True)
        begun, waiting = task_ids_of(reply)
        with Agent(endpoint) as agent:
            agent.take(2, ack=False)
            agent.report(statuses={begun: (TaskTransition(1, TaskState.RUNNING, Actor.ENDPOINT),)})
            caller.wait_for_status(begun, "running")
            agent.report(active=False)
            caller.wait_for_endpoint(endpoint["endpoint_id"], "offline")
    process.kill()

    with Caller(process.start()) as caller:
        answers = caller.post("/v2/tasks/cancel", {"task_ids": [begun, waiting], "stranded": True})["results"]
        assert answers == {begun: "running", waiting: "cancelled"}
        with Agent(endpoint) as agent:
            assert begun in {task.task_id for task in agent.take(1)}


def test_a_request_of_the_same_name_is_known_after_a_kill(process: ServiceProcess) -> None:
    def submit(caller: Caller, endpoint_id: str, function_id: str) -> Any:
        body = {"tasks": {function_id: [PAYLOAD]}, "create_queue": True}
        path = f"/v3/endpoints/{endpoint_id}/submit"
        return caller.call("POST", path, body, headers={"Idempotency-Key": "one"})

    running = process.start()
    with Caller(running) as caller:
        endpoint, function_id = caller.register_endpoint(), caller.register_function()
        before = submit(caller, endpoint["endpoint_id"], function_id)
    process.kill()

    with Caller(process.start()) as caller, Agent(endpoint) as agent:
        after = submit(caller, endpoint["endpoint_id"], function_id)
        assert task_ids_of(after) == task_ids_of(before)
        assert after["task_group_id"] == before["task_group_id"]
        assert len(agent.take()) == 1
        assert agent.is_empty()


class EagerAgent(threading.Thread):
    """Runs whatever comes, and comes back whenever the connection breaks, until it is told to stop."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        super().__init__(name="agent under test")
        self._credentials = credentials
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with Agent(self._credentials) as agent:
                    self._work(agent)
            except (AMQPError, OSError):
                self.stopping.wait(0.05)

    def _work(self, agent: Agent) -> None:
        while not self.stopping.is_set():
            if agent.is_empty(0.1):
                continue
            ((_, body),) = agent.take_raw(ack=False)
            task = decode(body)
            result = encode(Result(task.task_id, f"00\n{task.task_buffer[-8:]}"))  # type: ignore[union-attr]
            publish(agent.confirming, self._credentials["result_queue_info"], result)
            agent.ack_all()


def test_nothing_is_lost_when_the_service_is_killed_three_times_in_the_middle_of_traffic(
    process: ServiceProcess,
) -> None:
    running = process.start()
    with Caller(running) as caller:
        endpoint, function_id = caller.register_endpoint(), caller.register_function()
        agent = EagerAgent(endpoint)
        agent.start()
        submitted: dict[str, str] = {}
        group_id: str | None = None
        try:
            for number in range(30):
                payloads = [f"{number:04}{place:04}" for place in range(20)]
                body = {"tasks": {function_id: payloads}, "create_queue": True, "task_group_id": group_id}
                while True:
                    try:
                        reply = caller.call(
                            "POST",
                            f"/v3/endpoints/{endpoint['endpoint_id']}/submit",
                            body,
                            headers={"Idempotency-Key": f"request {number}"},
                        )
                        break
                    except requests.ConnectionError:
                        continue
                group_id = reply["task_group_id"]
                submitted.update(zip(task_ids_of(reply), payloads, strict=True))
                if number % 8 == 7:
                    process.kill()
                    process.start()
            for task_id, payload in submitted.items():
                assert caller.wait_for_status(task_id, "success")["result"] == f"00\n{payload}"
        finally:
            agent.stopping.set()
            agent.join()
        assert len(submitted) == 600
        assert group_id is not None
        assert len(caller.get(f"/v2/taskgroup/{group_id}")["tasks"]) == 600
        with caller.results(group_id) as inbox:
            results = {result.task_id: result.data for result in inbox.take(600)}
        assert results == {task_id: f"00\n{payload}" for task_id, payload in submitted.items()}
