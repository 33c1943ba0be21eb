"""What is called off before a worker began it never runs: whoever is away, dies or starts again meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor
from support.command import Command
from support.rabbitmq import rabbitmq_node, shared_directory
from support.service import RunningService, ServiceProcess
from support.waiting import eventually

pytestmark = pytest.mark.slow

TIMEOUT = 60


def functions() -> tuple[Callable[[str], None], Callable[[str, str], None]]:
    """Make two functions that travel by value: the endpoint cannot import this module."""

    def leave_mark(path: str) -> None:
        with open(path, "a") as file:
            file.write("x")

    def leave_mark_and_wait(path: str, gate: str) -> None:
        leave_mark(path)
        while not os.path.exists(gate):
            time.sleep(0.01)

    return leave_mark, leave_mark_and_wait


LEAVE_MARK, LEAVE_MARK_AND_WAIT = functions()


class Site:
    """A service process, a client of it, and an endpoint of one worker to start and stop."""

    def __init__(self, directory: Path, process: ServiceProcess, service: RunningService) -> None:
        self.process = process
        self.client = Client(service_url=service.url, token=service.token)
        self._command = Command(directory / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)

    def endpoint(self) -> AbstractContextManager[dict[str, Any]]:
        """Run the endpoint until the block ends."""
        return self._command.running("endpoint", "start", "one", "--workers", "1", "--foreground", "--grace", "0")

    def restart_service(self) -> None:
        """Kill the service and start it again."""
        self.process.kill()
        self.process.start()

    def statuses(self, task_ids: list[str]) -> set[str]:
        """Ask the service how tasks stand."""
        return {document.status for document in self.client.get_batch_status(task_ids).values()}


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.live)])
def site(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if request.param == "embedded":
        with ServiceProcess(tmp_path / "service") as process:
            site = Site(tmp_path, process, process.start())
            yield site
            site.client.close()
        return
    with (
        rabbitmq_node(shared_directory(tmp_path_factory)) as node,
        ServiceProcess(tmp_path / "service", amqp_url=node.url()) as process,
    ):
        site = Site(tmp_path, process, process.start())
        yield site
        site.client.close()


def test_what_is_called_off_while_the_endpoint_is_away(site: Site, tmp_path: Path) -> None:
    with Executor(client=site.client, endpoint_id=None) as executor:
        with site.endpoint() as told:
            executor.endpoint_id = told["endpoint_id"]
            assert executor.submit(pow, 2, 3).result(TIMEOUT) == 8
        futures = [executor.submit(LEAVE_MARK, str(tmp_path / "ran")) for _ in range(30)]
        spared = executor.submit(LEAVE_MARK, str(tmp_path / "spared"))
        eventually(lambda: spared.task_id)
        task_ids = [str(one.task_id) for one in futures]
        eventually(lambda: site.client.get_endpoint_status(told["endpoint_id"])["status"] == "offline")

        assert set(site.client.cancel_tasks(task_ids).values()) == {"cancelled"}
        assert site.statuses(task_ids) == {"cancelled"}
        site.restart_service()

        with site.endpoint():
            assert spared.result(TIMEOUT) is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("dies", ["agent", "service", "both"])
def test_what_waits_at_the_endpoint_and_in_its_queue_when_somebody_dies(site: Site, tmp_path: Path, dies: str) -> None:
    with Executor(client=site.client, endpoint_id=None) as executor:
        with site.endpoint() as told:
            executor.endpoint_id = told["endpoint_id"]
            running = executor.submit(LEAVE_MARK_AND_WAIT, str(tmp_path / "runs"), str(tmp_path / "gate"))
            eventually((tmp_path / "runs").exists)
            # More than the endpoint is handed at a time: the last ones wait in the queue.
            futures = [executor.submit(LEAVE_MARK, str(tmp_path / "ran")) for _ in range(300)]
            spared = executor.submit(LEAVE_MARK, str(tmp_path / "spared"))
            eventually(lambda: spared.task_id)
            task_ids = [str(one.task_id) for one in futures]

            if dies != "service":
                os.kill(told["pid"], signal.SIGSTOP)  # it will not hear of it in this life
            answers = site.client.cancel_tasks(task_ids, running=False)
            assert set(answers.values()) <= {"requested", "cancelled"}
            if dies != "agent":
                site.restart_service()
            if dies == "service":
                eventually(lambda: site.statuses(task_ids) == {"cancelled"}, TIMEOUT)
                (tmp_path / "gate").touch()
                assert spared.result(TIMEOUT) is None
            else:
                os.kill(told["pid"], signal.SIGKILL)
                (tmp_path / "gate").touch()
        if dies != "service":
            with site.endpoint():
                assert spared.result(TIMEOUT) is None
        assert running.result(TIMEOUT) is None
        eventually(lambda: site.statuses(task_ids) == {"cancelled"}, TIMEOUT)
    assert not (tmp_path / "ran").exists()
