"""The root of the command: help, errors, and what is not imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.command import Command

COMMANDS = (
    ("serve",),
    ("endpoint", "start"),
    ("endpoint", "stop"),
    ("endpoint", "list"),
    ("endpoint", "status"),
    ("endpoint", "delete"),
    ("endpoint", "allow"),
    ("functions", "list"),
    ("functions", "show"),
    ("functions", "delete"),
    ("containers", "register"),
    ("containers", "list"),
    ("containers", "show"),
    ("containers", "delete"),
    ("tasks", "list"),
    ("tasks", "show"),
    ("tasks", "results"),
    ("tasks", "campaigns"),
    ("tasks", "watch"),
    ("doctor",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_takes_json(farpool: Command, command: tuple[str, ...]) -> None:
    text = farpool(*command, "--help")

    assert f"Usage: farpool {' '.join(command)}" in text
    assert "--json" in text


def test_the_help_lists_the_commands_and_has_examples(farpool: Command) -> None:
    text = farpool("--help")

    assert all(name in text for name in ("serve", "endpoint", "functions", "tasks", "doctor"))
    assert "Examples:" in text


def test_the_version_is_the_packages(farpool: Command) -> None:
    import farpool as package

    assert farpool("--version").strip() == f"farpool, version {package.__version__}"


def test_wrong_use_exits_with_2(farpool: Command) -> None:
    assert "No such command 'fly'" in farpool("fly", exit_code=2)
    assert "No such option" in farpool("doctor", "--deeply", exit_code=2)


def test_a_service_that_does_not_run_is_one_line(farpool: Command) -> None:
    error = farpool("functions", "list", "--service-url", "http://127.0.0.1:1", exit_code=1)

    assert error.startswith("Error: ")
    assert "http://127.0.0.1:1" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("what", ["functions", "tasks"])
def test_what_the_hosted_service_does_not_list_is_told_without_asking_it(farpool: Command, what: str) -> None:
    error = farpool(what, "list", exit_code=2)

    assert f"the hosted service does not list {what}" in error
    assert "FARPOOL_SERVICE_URL" in error


def test_debug_shows_the_traceback(farpool: Command) -> None:
    error = farpool("--debug", "functions", "list", "--service-url", "http://127.0.0.1:1", exit_code=1)

    assert "Traceback (most recent call last)" in error


def test_a_malformed_id_is_told_without_a_traceback(farpool: Command) -> None:
    farpool = farpool.having(FARPOOL_TOKEN="secret")

    error = farpool("functions", "show", "nonsense", "--service-url", "http://127.0.0.1:1", exit_code=1)

    assert error == "Error: function_id 'nonsense' is not a UUID; one looks like 4b116d3c-1703-4f8f-9f6f-39921e5864df\n"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, farpool.cli; print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"rich", "globus_sdk", "fastapi", "uvicorn", "sqlalchemy", "pika", "dill"} & set(modules)
