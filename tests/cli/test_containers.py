"""`farpool containers` against a service."""

from __future__ import annotations

import pytest

from .conftest import Served

pytestmark = pytest.mark.slow


def test_a_container_is_registered_listed_shown_and_deleted(served: Served) -> None:
    farpool = served.command
    container_id = farpool.json("containers", "register", "docker", "python:3.12-slim", "--name", "slim")[
        "container_uuid"
    ]

    assert container_id in farpool("containers", "list")
    assert "python:3.12-slim" in farpool("containers", "show", container_id)
    assert farpool.json("containers", "show", container_id)["type"] == "docker"
    assert farpool.json("containers", "list")[0]["name"] == "slim"
    assert farpool("containers", "delete", container_id) == f"deleted container {container_id}\n"
    assert farpool("containers", "list") == "You have registered no container.\n"
    assert container_id in farpool("containers", "show", container_id, exit_code=1)
    assert "'vm' is not one of 'docker', 'podman'" in farpool("containers", "register", "vm", "x", exit_code=2)
    assert "absolute path" in farpool("containers", "register", "venv", "x", exit_code=1)
