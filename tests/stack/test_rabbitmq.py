"""The whole stack with RabbitMQ in the embedded broker's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from farpool import Client, Executor, TaskExecutionFailed
from farpool.wire.queues import result_queue
from support.chaos import run_through
from support.command import Command
from support.rabbitmq import RabbitNode, rabbitmq_node, shared_directory
from support.service import ServiceProcess
from support.waiting import eventually

TIMEOUT = 60


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
    with rabbitmq_node(shared_directory(tmp_path_factory)) as node:
        yield node


@pytest.mark.live
@pytest.mark.slow
def test_tasks_run_and_are_found_again_on_rabbitmq(rabbitmq: RabbitNode, tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    with ServiceProcess(tmp_path / "service", amqp_url=rabbitmq.url()) as process:
        service = process.start()
        command = Command(tmp_path / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        with (
            command.running("endpoint", "start", "one", "--workers", "2", "--foreground") as endpoint,
            Client(service_url=service.url, token=service.token) as client,
        ):
            with Executor(endpoint_id=endpoint["endpoint_id"], client=client) as executor:
                futures = [executor.submit(pow, number, 2) for number in range(50)]
                failing = executor.submit(fail)
                large = executor.submit(len, "x" * 3_000_000)
                assert [future.result(TIMEOUT) for future in futures] == [number**2 for number in range(50)]
                assert large.result(TIMEOUT) == 3_000_000
                with pytest.raises(TaskExecutionFailed, match="on purpose"):
                    failing.result(TIMEOUT)
                group = executor.task_group_id
            with Executor(endpoint_id=endpoint["endpoint_id"], client=client) as other:
                assert len([future.exception(TIMEOUT) for future in other.reload_tasks(group)]) == 52


@pytest.mark.live
@pytest.mark.slow
def test_every_result_comes_through_kills_and_cuts_on_rabbitmq(rabbitmq: RabbitNode, tmp_path: Path) -> None:
    aftermath = run_through(tmp_path, tasks=1000, kills=1, cuts=3, broker_port=rabbitmq.port, amqp_url=rabbitmq.url())

    assert (aftermath.right, aftermath.wrong, aftermath.errors) == (1000, 0, {})


@pytest.mark.live
@pytest.mark.slow
def test_a_result_queue_that_was_deleted_is_asked_for_again(rabbitmq: RabbitNode, tmp_path: Path) -> None:
    go = str(tmp_path / "go")

    def wait() -> str:
        import os
        import time

        while not os.path.exists(go):
            time.sleep(0.01)
        return "went"

    url = rabbitmq.url()
    with ServiceProcess(tmp_path / "service", amqp_url=url) as process:
        service = process.start()
        command = Command(tmp_path / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        with (
            command.running("endpoint", "start", "one", "--workers", "1", "--foreground") as endpoint,
            Client(service_url=service.url, token=service.token) as client,
            Executor(endpoint_id=endpoint["endpoint_id"], client=client) as executor,
        ):
            executor.submit(pow, 2, 2).result(TIMEOUT)
            future = executor.submit(wait)
            eventually(lambda: future.task_id, TIMEOUT)
            prefix = client.get_result_amqp_url().queue_prefix
            connection = pika.BlockingConnection(pika.URLParameters(url))
            connection.channel().queue_delete(result_queue(prefix, executor.task_group_id or ""))
            connection.close()

            eventually(lambda: executor.stats().reconnects, TIMEOUT)
            Path(go).touch()
            assert future.result(TIMEOUT) == "went"
