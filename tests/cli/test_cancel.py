"""`farpool tasks cancel` against a service with an endpoint of one worker."""

from __future__ import annotations

import re
import time

import pytest

from farpool import Executor, TaskCancelled
from support.waiting import eventually

from .conftest import Served

pytestmark = pytest.mark.slow

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_tasks_are_called_off_by_id_and_by_group(served: Served) -> None:
    farpool = served.command
    started = farpool.json("endpoint", "start", "laptop", "--workers", 1)
    try:
        with served.client() as client, Executor(started["endpoint_id"], client=client) as executor:
            running, waiting = executor.submit(time.sleep, 60), executor.submit(time.sleep, 60)
            eventually(lambda: waiting.task_id and running.task_id)
            eventually(lambda: client.get_task(running.task_id)["status"] == "running")

            # Not the one that runs, and one that is nobody's.
            text = farpool("tasks", "cancel", "--not-running", waiting.task_id, NOBODY, exit_code=1)
            assert re.search(rf"{waiting.task_id} +requested *\n{NOBODY} +unknown", text)
            with pytest.raises(TaskCancelled):
                waiting.result(20)
            assert not running.done()

            answers = farpool.json("tasks", "cancel", "--group", executor.task_group_id)
            assert answers == [
                {"task_id": running.task_id, "status": "requested"},
                {"task_id": waiting.task_id, "status": "finished"},
            ]
            with pytest.raises(TaskCancelled, match="its worker process was stopped"):
                running.result(20)
            assert executor.submit(pow, 2, 3).result(20) == 8
    finally:
        farpool("endpoint", "stop", "laptop")


def test_cancelling_nothing_is_wrong_use(served: Served) -> None:
    assert "name tasks, or a task group" in served.command("tasks", "cancel", exit_code=2)
