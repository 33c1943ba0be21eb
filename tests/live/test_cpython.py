"""CPython 3.13's own tests of executors and futures, run against ours."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest

from support.environments import ROOT, clean_environment, environment, find_python

SITECUSTOMIZE = """
import os
if os.environ.get("FARPOOL_UNDER_TEST"):
    import concurrent.futures
    import farpool

    # The standard library's executors take the number of workers first, ours an endpoint.
    class FarpoolExecutor(farpool.Executor.configured()):
        pass

    concurrent.futures.FarpoolExecutor = FarpoolExecutor
"""


def python_with_tests() -> str:
    python = find_python("3.13")
    if python is None:
        pytest.skip("no Python 3.13 here")
    probe = subprocess.run([python, "-c", "import test.test_concurrent_futures"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this Python 3.13 comes without its test package")
    return python


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_standard_librarys_own_executor_tests_pass(tmp_path: Path) -> None:
    wanted = [one for one in requires("farpool") or [] if "extra ==" not in one]
    python = environment("cpython-3.13", wanted, python=python_with_tests())
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    (site / "farpool-under-test.pth").write_text(f"{ROOT / 'typings'}\n")
    (site / "sitecustomize.py").write_text(SITECUSTOMIZE)

    done = subprocess.run(
        [str(python), str(Path(__file__).parent / "programs" / "cpython_suite.py")],
        env=clean_environment(FARPOOL_UNDER_TEST="1", FARPOOL_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ran"] >= 45
    assert report["failed"] == {}
