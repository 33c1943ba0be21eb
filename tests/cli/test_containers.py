"""`farpool containers` against a service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from farpool.cli.app import app

from .conftest import Served

pytestmark = pytest.mark.slow


def test_a_container_is_registered_listed_shown_and_deleted(served: Served) -> None:
    environment = {
        "FARPOOL_HOME": str(served.command.home),
        "FARPOOL_SERVICE_URL": served.url,
        "FARPOOL_TOKEN": None,  # the home has it
    }

    def farpool(*arguments: str, exit_code: int = 0) -> str:
        done = CliRunner(env=environment).invoke(app, ["containers", *arguments])
        assert done.exit_code == exit_code, done.output
        return done.output

    def told(*arguments: str) -> Any:
        return json.loads(farpool(*arguments, "--json"))

    container_id = told("register", "docker", "python:3.12-slim", "--name", "slim")["container_uuid"]

    assert container_id in farpool("list")
    assert "python:3.12-slim" in farpool("show", container_id)
    assert told("show", container_id)["type"] == "docker"
    assert told("list")[0]["name"] == "slim"
    assert farpool("delete", container_id) == f"deleted container {container_id}\n"
    assert farpool("list") == "You have registered no container.\n"
    assert container_id in farpool("show", container_id, exit_code=1)
    assert "'vm' is not one of 'docker', 'podman'" in farpool("register", "vm", "x", exit_code=2)
    assert "absolute path" in farpool("register", "venv", "x", exit_code=1)
