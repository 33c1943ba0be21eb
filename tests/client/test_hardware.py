"""The report of a worker's machine: what is sent, and what it finds where nothing goes well."""

from __future__ import annotations

import builtins
import inspect
from pathlib import Path
from typing import Any

import pytest

from farpool.client import Client, hardware
from support.rest_server import Reply, Request, RestServer

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
FUNCTION = "5b116d3c-1703-4f8f-9f6f-39921e5864df"
TASK = "8b116d3c-1703-4f8f-9f6f-39921e5864df"

SECTIONS = ["host", "python", "cpu", "memory", "disk", "gpu"]


def _report(**names: Any) -> str:
    """Run what is sent, as a worker does: in a namespace of its own."""
    namespace: dict[str, Any] = {"__builtins__": {**vars(builtins), **names}}
    exec(inspect.getsource(hardware), namespace)
    return str(namespace["hardware_report"]())


def _items(report: str) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {}
    for part in report.split("\n\n"):
        title, *lines = part.splitlines()
        pairs = [line.partition(":") for line in lines if not line.startswith(" ")]
        sections[title.strip("= ")] = {name: value.strip() for name, _, value in pairs}
    return sections


def test_source_text_goes_to_the_endpoint_and_one_task(server: RestServer, client: Client) -> None:
    def script(request: Request) -> Reply:
        if request.path == "/v3/functions":
            return Reply(body={"function_uuid": FUNCTION})
        return Reply(
            body={
                "tasks": {FUNCTION: [TASK]},
                "task_group_id": TASK,
                "endpoint_id": ENDPOINT,
                "request_id": TASK,
            }
        )

    server.script = script

    assert client.get_worker_hardware_details(ENDPOINT) == TASK

    registered = server.requests[0].json()
    assert (registered["function_name"], registered["serialized"]) == ("hardware_report", False)
    assert [request.path for request in server.requests] == ["/v3/functions", f"/v3/endpoints/{ENDPOINT}/submit"]
    assert "farpool" not in registered["function_code"]


def test_the_report_has_all_its_sections() -> None:
    found = _items(_report())

    assert list(found) == SECTIONS
    assert found["python"]["version"]
    assert int(found["cpu"]["cores"]) >= int(found["cpu"]["usable"]) >= 1
    assert found["memory"]["total"].endswith("iB")
    assert " free of " in found["disk"]["temporary"]


def test_what_cannot_be_found_out_costs_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def closed(*_args: object, **_kwargs: object) -> None:
        raise PermissionError("no files here")

    monkeypatch.setenv("PATH", str(tmp_path))
    found = _items(_report(open=closed))

    assert list(found) == SECTIONS
    assert found["memory"]["total"] == "cannot be found out: PermissionError: no files here"
    assert found["gpu"]["found"] == "none (there is no nvidia-smi)"
    assert int(found["cpu"]["cores"]) >= 1


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo '0, Some GPU, 16384 MiB, 550.1'\necho '1, Other GPU, 8192 MiB, 550.1'", "1, Other GPU, 8192 MiB, 550.1"),
        ("echo 'no driver' >&2\nexit 9", "cannot be found out: RuntimeError: nvidia-smi ended with 9: no driver"),
    ],
)
def test_gpus_are_what_nvidia_smi_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, told: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert told in _report().partition("== gpu ==")[2]
