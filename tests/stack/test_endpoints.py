"""Two endpoints behind one executor: one is killed, what waits there runs at the other, and nothing runs twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor, idempotent
from support.command import Command
from support.service import ServiceProcess
from support.waiting import eventually

TIMEOUT = 90


def make_note() -> Callable[..., int]:
    """Make a function of this test's own, which travels by value: endpoints cannot import a test."""

    def note(path: str, gate: str | None = None) -> int:
        """Add a line to a file, so that what runs twice shows; wait for another file; give the endpoint's process."""
        with open(path, "a") as file:
            file.write("ran\n")
        while gate is not None and not os.path.exists(gate):
            time.sleep(0.01)
        return os.getppid()

    return note


note = make_note()


class Site:
    """A service in a process of its own, and endpoints that can be killed."""

    def __init__(self, directory: Path, url: str, token: str) -> None:
        self.client = Client(service_url=url, token=token)
        self._command = Command(directory / "home", FARPOOL_SERVICE_URL=url, FARPOOL_TOKEN=token)

    @contextlib.contextmanager
    def endpoint(self, name: str, *, workers: int) -> Generator[dict[str, Any], None, None]:
        """Run an endpoint that reports every second, so that it is missed soon."""
        settings = ("--workers", workers, "--heartbeat", 1, "--foreground")
        with self._command.running("endpoint", "start", name, *settings) as facts:
            yield facts

    def is_online(self, endpoint_id: str) -> bool:
        return bool(self.client.get_endpoint_status(endpoint_id)["status"] == "online")

    def status(self, task_id: str | None) -> str:
        return self.client.get_batch_status([task_id or ""])[task_id or ""].status


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ServiceProcess(tmp_path / "service") as process:
        service = process.start()
        site = Site(tmp_path, service.url, service.token)
        with site.client:
            yield site


@pytest.mark.slow
def test_what_waits_at_a_killed_endpoint_runs_once_at_the_other(site: Site, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    with site.endpoint("second", workers=2) as second, contextlib.ExitStack() as first_runs:
        first = first_runs.enter_context(site.endpoint("first", workers=2))
        ids = [first["endpoint_id"], second["endpoint_id"]]
        with Executor(client=site.client, endpoints=ids, policy="failover") as ex:
            begun = ex.submit(note, str(tmp_path / "begun"), gate)
            harmless = ex.submit(idempotent(make_note()), str(tmp_path / "harmless"), gate)
            eventually(lambda: (tmp_path / "begun").exists() and (tmp_path / "harmless").exists(), TIMEOUT)
            waiting = [ex.submit(note, str(tmp_path / str(number))) for number in range(50)]
            eventually(lambda: all(one.task_id for one in waiting), TIMEOUT)
            eventually(lambda: all(site.status(one.task_id) == "waiting-for-ep" for one in waiting), TIMEOUT)
            assert {one.endpoint_id for one in [begun, harmless, *waiting]} == {ids[0]}

            os.kill(first["pid"], signal.SIGKILL)

            assert {one.result(TIMEOUT) for one in waiting} == {second["pid"]}
            assert {one.endpoint_id for one in waiting} == {ids[1]}
            assert [(tmp_path / str(number)).read_text() for number in range(50)] == ["ran\n"] * 50
            later = ex.submit(note, str(tmp_path / "later"))
            assert later.result(TIMEOUT) == second["pid"]
            assert (begun.done(), begun.endpoint_id) == (False, ids[0])
            Path(gate).touch()
            assert harmless.result(TIMEOUT) == second["pid"]
            assert (ex.stats().moved, ex.stats().retried) == (51, 0)
            first_runs.close()

            with site.endpoint("first", workers=2) as again:
                assert begun.result(TIMEOUT) == again["pid"]
                assert (tmp_path / "begun").read_text() == "ran\n" * 2
                eventually(lambda: ex.submit(note, str(tmp_path / "back")).result(TIMEOUT) == again["pid"], TIMEOUT)
    assert [(tmp_path / str(number)).read_text() for number in range(50)] == ["ran\n"] * 50
