"""The life of an endpoint from the command line."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from support.command import Command

from .conftest import Served

pytestmark = pytest.mark.slow


@pytest.fixture
def farpool(served: Served, tmp_path: Path) -> Command:
    """The command of the service's user, with no endpoint yet."""
    return Command(tmp_path / "home", FARPOOL_SERVICE_URL=served.url, FARPOOL_TOKEN=served.token)


def test_start_stop_start_keeps_id_and_settings(farpool: Command) -> None:
    first = farpool.json("endpoint", "start", "one", "--workers", 1, "--engine", "threads")
    agent = psutil.Process(first["pid"])
    assert farpool.json("endpoint", "stop", "one") == {"name": "one", "was_running": True}
    assert psutil.wait_procs([agent], timeout=20)[1] == []
    assert farpool.json("endpoint", "list")[0]["status"] == "stopped"

    second = farpool("endpoint", "start", "one")

    assert f"online as {first['endpoint_id']}" in second
    facts = farpool.json("endpoint", "status", "one")
    assert (facts["max_workers"], facts["engine"]) == (1, "threads")
    farpool("endpoint", "delete", "one", "--force")
    assert farpool.json("endpoint", "list") == []
    assert "knows no" in farpool("doctor", "--endpoint", first["endpoint_id"], exit_code=1)


def test_an_endpoint_that_runs_is_neither_started_again_nor_deleted(farpool: Command) -> None:
    with farpool.running("endpoint", "start", "one", "--workers", 1, "--engine", "threads", "--foreground") as told:
        again = farpool("endpoint", "start", "one", exit_code=1)
        deleted = farpool("endpoint", "delete", "one", exit_code=1)

    assert f"running already, as process {told['pid']}" in again
    assert "stop it first, or use --force" in deleted
    assert farpool.json("endpoint", "stop", "one") == {"name": "one", "was_running": False}


def test_the_service_can_stop_an_endpoint(farpool: Command) -> None:
    started = farpool.json("endpoint", "start", "one", "--workers", 1, "--engine", "threads")
    agent = psutil.Process(started["pid"])

    farpool("endpoint", "stop", started["endpoint_id"], "--remote")

    assert psutil.wait_procs([agent], timeout=20)[1] == []


def test_a_service_that_is_not_there_has_an_exit_code_of_its_own(farpool: Command) -> None:
    farpool = farpool.having(FARPOOL_SERVICE_URL="http://127.0.0.1:1")

    farpool("endpoint", "stop", "one", exit_code=1)
    assert "there is no endpoint 'one'" in farpool("endpoint", "delete", "one", exit_code=1)


def test_a_wrong_token_has_an_exit_code_of_its_own(farpool: Command) -> None:
    farpool = farpool.having(FARPOOL_TOKEN="wrong")

    in_the_background = farpool("endpoint", "start", "one", "--workers", 1, "--engine", "threads", exit_code=77)
    here = farpool("endpoint", "start", "one", "--foreground", exit_code=77)

    assert in_the_background.startswith("Error: endpoint 'one' could not start: ")
    assert here.startswith("Error: ")
    assert "Traceback" not in here


@pytest.mark.parametrize("option", [("--workers", "0"), ("--engine", "magic"), ("--allow", "me"), ("--heartbeat", "0")])
def test_a_setting_that_cannot_be_is_named(farpool: Command, option: tuple[str, str]) -> None:
    error = farpool("endpoint", "start", "one", *option, exit_code=1)

    assert repr(option[1]) in error or option[1] in error


def test_a_name_that_cannot_be_is_named(farpool: Command) -> None:
    assert "blanks" in farpool("endpoint", "start", "my laptop", exit_code=1)
