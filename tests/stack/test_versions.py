"""A real service and a real endpoint, whose workers run another Python than this program."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor, TaskError, VersionWarning
from support.command import Command
from support.environments import find_python
from support.pythons import other_python
from support.service import ServiceProcess

TIMEOUT = 90
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHERS = [one for one in ("3.13", "3.12", "3.11", "3.10") if one != HERE]

#: A `farpool` that takes another program for Python.
WITH_OTHER_WORKERS = "import sys; sys.executable = {other!r}; from farpool.cli import main; main()"

#: A worker's command line, `-c code descriptor paths output`, with that Python's own modules instead of the agent's.
WORKER = """#!/bin/sh
export PYTHONPATH={path} PYTHONPYCACHEPREFIX={cache}
exec {python} -c 'from farpool.endpoint.worker_process import main; main()' "$3" "$4" "$5"
"""


@pytest.fixture
def executor_elsewhere(tmp_path: Path) -> Iterator[tuple[Executor, str]]:
    """Give an executor on an endpoint of another Python, and the version of that."""
    found = next(((one, python) for one in OTHERS if (python := find_python(one)) is not None), None)
    if found is None:
        pytest.skip(f"there is no other Python on this machine: none of {OTHERS}")
    there, python = found
    variables = other_python(there)
    worker = tmp_path / "python"
    path, cache = variables["PYTHONPATH"], variables["PYTHONPYCACHEPREFIX"]
    worker.write_text(WORKER.format(path=shlex.quote(path), cache=shlex.quote(cache), python=shlex.quote(python)))
    worker.chmod(0o755)
    program = (sys.executable, "-c", WITH_OTHER_WORKERS.format(other=str(worker)))
    with ServiceProcess(tmp_path / "service") as process:
        service = process.start()
        names = {"FARPOOL_SERVICE_URL": service.url, "FARPOOL_TOKEN": service.token}
        command = Command(tmp_path / "home", program=program, **names)
        settings = ("--workers", 1, "--foreground")
        with (
            command.running("endpoint", "start", "other", *settings) as facts,
            Client(service_url=service.url, token=service.token) as client,
            Executor(facts["endpoint_id"], client=client) as ex,
        ):
            yield ex, there


CALLS: list[Any] = [("the version",), ("a closure", 4), ("a recursive function", 4), ("a method", 4)]


def make_functions(offset: int) -> dict[str, Callable[..., Any]]:
    """Make functions of this test's own, which travel by value: workers cannot import a test."""

    add: Callable[[int], int] = lambda number: number + offset  # noqa: E731 - one kind

    class Counter:
        def __init__(self, start: int) -> None:
            self.start = start

        def after(self, number: int) -> int:
            return self.start + number

    def factorial(number: int) -> int:
        return 1 if number < 2 else number * factorial(number - 1)

    def version() -> list[int]:
        return list(sys.version_info[:2])

    def failing() -> None:
        raise KeyError(offset)

    return {
        "a closure": add,
        "a recursive function": factorial,
        "a method": Counter(10).after,
        "the version": version,
        "an error": failing,
    }


@pytest.mark.slow
def test_functions_run_under_the_other_python_and_bytecode_is_refused(
    executor_elsewhere: tuple[Executor, str],
) -> None:
    ex, there = executor_elsewhere
    functions = make_functions(3)

    with pytest.warns(VersionWarning, match=rf"Python +{sys.version.split()[0]} +{there}") as told:
        version, *values = [ex.submit(functions[name], *args).result(TIMEOUT) for name, *args in CALLS]

    assert len(told) == 1
    assert version == list(map(int, there.split(".")))
    assert values == [7, 24, 14]
    assert list(ex.map(functions["a closure"], range(20), chunksize=5)) == list(range(3, 23))
    with pytest.raises(KeyError) as raised:
        ex.submit(functions["an error"]).result(TIMEOUT)
    assert "raise KeyError(offset)" in str(raised.value.__cause__)
    with pytest.raises(TaskError, match=rf"this holds bytecode of Python {HERE}, which Python {there} cannot run"):
        ex.submit(eval("lambda: 7")).result(TIMEOUT)
    assert ex.submit(functions["a closure"], 1).result(TIMEOUT) == 4
