"""An endpoint that goes away with tasks waiting: the user is told, the tasks stay, and run when it is back."""

from __future__ import annotations

import logging
import queue
import re
from pathlib import Path

import pytest

from farpool import Client, Executor
from support.command import Command
from support.service import ServiceProcess

TIMEOUT = 60


class Records(logging.Handler):
    """Puts every message into a queue, so that a test can wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.put(record.getMessage())


@pytest.mark.slow
def test_an_absent_endpoint_is_named_and_its_tasks_run_when_it_is_back(tmp_path: Path) -> None:
    records = Records()
    logging.getLogger("farpool.executor.pipeline.presence").addHandler(records)
    with ServiceProcess(tmp_path / "service") as process:
        service = process.start()
        command = Command(tmp_path / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        with (
            Client(service_url=service.url, token=service.token) as client,
            Executor(client=client, endpoint_id=None) as executor,
        ):
            with command.running("endpoint", "start", "away", "--workers", "1", "--foreground") as endpoint:
                executor.endpoint_id = endpoint["endpoint_id"]
                assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4

            waiting = [executor.submit(pow, number, 2) for number in range(3)]
            told = records.messages.get(timeout=TIMEOUT)
            assert re.match(rf"endpoint {executor.endpoint_id} is offline for \d+ s; 3 tasks stay at the service", told)
            assert not any(future.done() for future in waiting)

            with command.running("endpoint", "start", "away", "--workers", "1", "--foreground"):
                assert [future.result(TIMEOUT) for future in waiting] == [0, 1, 4]
    logging.getLogger("farpool.executor.pipeline.presence").removeHandler(records)
