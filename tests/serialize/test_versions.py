"""Every kind of function, from every Python to every other: packed by one process of each, run by two of each."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.environments import find_python, locked
from support.pythons import other_python

from . import versions_program as program

HERE = Path(__file__).parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
PAIRS = [pytest.param(client, worker, id=f"{client}-{worker}") for client in VERSIONS for worker in VERSIONS]

#: What only a worker with farpool can send back: objects of the program's own classes.
OWN_OBJECTS = {"a class", "a function made there", "an object, back", "a dataclass, back"}

pytestmark = pytest.mark.slow


def pythons() -> dict[str, str]:
    """Give the Pythons of this machine that the tests are about."""
    return {one: python for one in VERSIONS if (python := find_python(one)) is not None}


def run_all() -> dict[str, dict[str, dict[str, str]]]:
    """Give what is wrong, by client, worker and case."""
    found = pythons()
    environments = {one: other_python(one) for one in found}
    with ExitStack() as stack:
        clients = {
            one: stack.enter_context(
                subprocess.Popen(
                    [python, str(HERE / "versions_program.py")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environments[one],
                )
            )
            for one, python in found.items()
        }
        tasks = [
            (one, case, task)
            for one, client in clients.items()
            for case, task in json.loads(client.stdout.readline() if client.stdout else "").items()
        ]
        results: dict[str, dict[str, dict[str, tuple[bool, str]]]] = {one: {} for one in found}
        for worker, python in found.items():
            for way in ("farpool", "dill"):
                done = subprocess.run(
                    [python, str(HERE / "worker_program.py"), way],
                    input=pickle.dumps([task for _, _, task in tasks], protocol=4),
                    stdout=subprocess.PIPE,
                    check=True,
                    env=environments[worker],
                    cwd="/",
                )
                for (one, case, _), outcome in zip(tasks, pickle.loads(done.stdout), strict=True):
                    results[one].setdefault(f"{worker} {way}", {})[case] = outcome
        wrong: dict[str, dict[str, dict[str, str]]] = {}
        for one, client in clients.items():
            told, _ = client.communicate(json.dumps(results[one]) + "\n")
            assert client.returncode == 0, f"the client of Python {one} ended with {client.returncode}"
            wrong[one] = json.loads(told)
        return wrong


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, str]]]:
    """Run all pairs once, whichever test worker comes first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    told = shared / "versions.json"
    with locked(shared / "versions.lock"):
        if not told.exists():
            told.write_text(json.dumps(run_all()))
    return json.loads(told.read_text())  # type: ignore[no-any-return]  # as `run_all` gave it


def of_pair(outcomes: dict[str, Any], client: str, worker: str, way: str) -> dict[str, str]:
    for one in (client, worker):
        if one not in outcomes:
            pytest.skip(f"there is no Python {one} on this machine")
    wrong: dict[str, str] = outcomes[client][f"{worker} {way}"]
    return wrong


@pytest.mark.parametrize(("client", "worker"), PAIRS)
def test_every_kind_of_function_runs_on_a_farpool_worker(outcomes: dict[str, Any], client: str, worker: str) -> None:
    wrong = of_pair(outcomes, client, worker, "farpool")

    assert {case: why for case, why in wrong.items() if case not in program.NO_TEXT} == {}


@pytest.mark.parametrize(("client", "worker"), PAIRS)
def test_every_kind_of_function_runs_on_a_worker_without_farpool(
    outcomes: dict[str, Any], client: str, worker: str
) -> None:
    wrong = of_pair(outcomes, client, worker, "dill")

    assert {case: why for case, why in wrong.items() if case not in OWN_OBJECTS | set(program.NO_TEXT)} == {}
    if client != worker:
        # dill alone writes bytecode that does not say of which version it is: it is seen, and not loaded.
        assert {wrong[case] for case in ("a class", "a function made there")} == {program.REFUSED}


@pytest.mark.parametrize("way", ["farpool", "dill"])
@pytest.mark.parametrize(("client", "worker"), PAIRS)
def test_bytecode_is_refused_by_another_version_with_a_sentence_that_says_so(
    outcomes: dict[str, Any], client: str, worker: str, way: str
) -> None:
    wrong = of_pair(outcomes, client, worker, way)

    told = {case: why for case, why in wrong.items() if case in program.NO_TEXT}
    assert set(told) == (set() if client == worker else set(program.NO_TEXT))
    for why in told.values():
        assert f"this holds bytecode of Python {client}, which Python {worker} cannot run" in why
