"""The service on RabbitMQ, which remembers: what it has is not sent to it a second time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.errors import FarpoolError
from farpool.service import run
from support.callers import PAYLOAD, Agent, Caller, Manager, task_ids_of
from support.rabbitmq import RabbitNode, rabbitmq_node, shared_directory
from support.service import ServiceProcess, service_in_thread, service_options

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
    with rabbitmq_node(shared_directory(tmp_path_factory)) as node:
        yield node


def test_tasks_and_results_go_round(rabbitmq: RabbitNode, tmp_path: Path) -> None:
    with service_in_thread(tmp_path, amqp_url=rabbitmq.url()) as running, Caller(running) as caller:
        assert running.amqp_port == rabbitmq.port
        endpoint = caller.register_endpoint()
        reply = caller.submit(endpoint["endpoint_id"], caller.register_function(), [PAYLOAD] * 20)
        with Agent(endpoint) as agent, caller.results(reply["task_group_id"]) as inbox:
            agent.report()
            tasks = agent.take(20)
            for task in tasks:
                agent.succeed(task)
            assert sorted(result.task_id for result in inbox.take(20)) == sorted(task_ids_of(reply))
        caller.wait_for_endpoint(endpoint["endpoint_id"], "online")


def test_what_rabbitmq_has_is_not_sent_again_after_a_kill(rabbitmq: RabbitNode, tmp_path: Path) -> None:
    with ServiceProcess(tmp_path / "service", amqp_url=rabbitmq.url()) as process:
        with Caller(process.start()) as caller:
            endpoint = caller.register_endpoint()
            reply = caller.submit(endpoint["endpoint_id"], caller.register_function(), [PAYLOAD] * 3)
            ids = task_ids_of(reply)
            with Agent(endpoint) as agent:
                agent.succeed(*agent.take())
            caller.wait_for_status(ids[0], "success")
            caller.wait_for_status(ids[2], "waiting-for-ep")
            with caller.results(reply["task_group_id"]) as inbox:
                inbox.take(ack=False)
                # Beyond the delay of the mark that says that RabbitMQ has it.
                assert inbox.is_empty(0.3)
        process.kill()

        with (
            Caller(process.start()) as caller,
            Agent(endpoint) as agent,
            caller.results(reply["task_group_id"]) as inbox,
        ):
            assert [task.task_id for task in agent.take(2)] == ids[1:]
            assert agent.is_empty()
            assert [result.task_id for result in inbox.take()] == ids[:1]
            assert inbox.is_empty()


def test_a_manager_is_commanded(rabbitmq: RabbitNode, tmp_path: Path) -> None:
    with (
        service_in_thread(tmp_path, amqp_url=rabbitmq.url()) as running,
        Caller(running) as caller,
        Manager(caller.register_endpoint(multi_user=True)) as manager,
    ):
        manager.report()
        caller.wait_for_endpoint(manager.endpoint_id, "online")
        reply = caller.submit(manager.endpoint_id, caller.register_function())
        ((properties, body),) = manager.take_raw()

    assert reply["endpoint_id"].encode() in body
    assert properties.content_type == "application/json"
    assert isinstance(properties.timestamp, int)


def test_a_rabbitmq_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    with pytest.raises(FarpoolError, match=rf"RabbitMQ at 127\.0\.0\.1:{port}"):
        run(service_options(tmp_path, amqp_url=f"amqp://guest:guest@127.0.0.1:{port}"))
