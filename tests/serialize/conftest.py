"""Workers to send to: farpool's own reading, dill alone, and the unmodified Globus Compute SDK."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from support.peers import sdk_python

HERE = Path(__file__).parent

#: Sends task buffers to one worker, gives `(whether it succeeded, serialised result or what was raised)` for each.
Send: TypeAlias = Callable[[Sequence[str]], list[tuple[bool, str]]]


@pytest.fixture(scope="session")
def peer_python() -> str:
    """Give a Python that has the unmodified SDK; FARPOOL_PEER_PYTHON names one that is there already."""
    return os.environ.get("FARPOOL_PEER_PYTHON") or str(sdk_python())


@pytest.fixture
def send_to_peer(peer_python: str) -> Send:
    """Give a function that has tasks run by the unmodified SDK's serializer."""

    def send(task_buffers: Sequence[str]) -> list[tuple[bool, str]]:
        worker = [peer_python, str(HERE / "worker_program.py"), "sdk"]
        done = subprocess.run(worker, input=pickle.dumps(list(task_buffers)), capture_output=True, check=True, cwd="/")
        outcomes: list[tuple[bool, str]] = pickle.loads(done.stdout)
        return outcomes

    return send


@pytest.fixture
def run_main_program() -> Callable[[str, str], Any]:
    """Give a function that runs `main_program.py` with one kind of worker, and returns what went wrong by case."""

    def run(python: str, way: str) -> Any:
        import json
        import sys

        program = [sys.executable, str(HERE / "main_program.py"), python, way]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
