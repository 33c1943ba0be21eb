"""Parsl, with an executor of its own kind on farpool, and with farpool in its `GlobusComputeExecutor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from farpool import Executor
from support.embedded import TIMEOUT
from support.environments import ROOT, clean_environment
from support.libraries import library
from support.peers import parsl_python

PROGRAM = ROOT / "tests" / "live" / "programs" / "parsl_program.py"


def python_for(kind: str) -> str:
    library("parsl")
    return sys.executable if kind == "native" else str(parsl_python())


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(300)  # the first time, an environment is made
@pytest.mark.parametrize("kind", ["native", "sdk"])
def test_apps_of_parsl_run_on_farpool(tmp_path: Path, kind: str) -> None:
    done = subprocess.run(
        [python_for(kind), str(PROGRAM), kind, str(tmp_path)],
        env=clean_environment(FARPOOL_HOME=str(tmp_path / "home"), HOME=str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["sum"] == 2 * sum(range(50))
    assert told["pid"] != os.getpid()
    assert told["written"] == [0, "hello\n"]
    assert "division by zero" in told["exception"]
    assert "this endpoint cannot give cores" in told["refused"]
    assert told["kept"] == [None, {"queue": "debug"}], "what one app asks for is not for the next"
    assert told["after"] == 8
    assert told["shut down"] == "cannot schedule new futures after shutdown"
    assert ("as_globus_compute" if kind == "sdk" else "FarpoolExecutor") in told["repr"]


@pytest.mark.slow
def test_what_an_app_asks_for_becomes_options_of_its_task_alone(stack: object) -> None:
    class Watched(Executor):
        asked: dict[str, Any] | None = None

        def options(self, **given: Any) -> Any:
            self.asked = given
            return super().options(**given)

    library("parsl")
    from farpool.adapters.parsl import FarpoolExecutor

    executor = Watched(max_workers=2)
    ours = FarpoolExecutor(executor)

    ours.submit(abs, {}, -1).result(TIMEOUT)
    assert executor.asked is None
    ours.submit(abs, {"cores": 2, "user_endpoint_config": {"queue": "long"}}, -1)
    assert executor.asked == {"resource_specification": {"cores": 2}, "user_endpoint_config": {"queue": "long"}}
    assert executor.resource_specification is None
    ours.shutdown()
