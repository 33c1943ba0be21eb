"""CPython's own tests of `multiprocessing.Pool`, run against ours, with a list of what is not the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.environments import clean_environment

#: What is not the same, and why.
IS_NOT_THE_SAME = {
    "test_make_pool": "it looks at the list of worker processes, and a pool of an executor has none of its own",
    "test_resource_warning": "a pool that is not closed holds nothing that could be lost, so there is no warning",
    "test_wrapped_exception": "it sends a method of the test's own class, which holds a pool, and pools cannot be sent",
}


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(300)  # it starts a stack for each pool
def test_the_standard_librarys_own_pool_tests_pass(tmp_path: Path) -> None:
    probe = subprocess.run(
        [sys.executable, "-c", "import test._test_multiprocessing"], capture_output=True, check=False
    )
    if probe.returncode:
        pytest.skip("this Python comes without its test package")

    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "programs" / "pool_suite.py")],
        env=clean_environment(FARPOOL_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ran"] >= 20
    assert sorted(report["failed"]) == sorted(IS_NOT_THE_SAME), report["failed"]
