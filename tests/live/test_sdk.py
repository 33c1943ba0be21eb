"""The unmodified `globus-compute-sdk` 4.19 against a farpool service with a farpool endpoint."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from farpool.local import acquire
from support.environments import clean_environment
from support.peers import sdk_python

PROGRAM = Path(__file__).parent / "programs" / "sdk_program.py"


@pytest.mark.live
@pytest.mark.slow
def test_the_unmodified_sdk_runs_tasks_batches_and_reloads_on_our_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = sdk_python()
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path / "farpool"))
    stack = acquire(2)
    try:
        done = subprocess.run(
            [str(python), str(PROGRAM), stack.token, stack.endpoint_id],
            # The SDK knows one local address only, port 5000: our service answers as its proxy.
            env=clean_environment(
                http_proxy=stack.service_url, HOME=str(tmp_path), GLOBUS_COMPUTE_USER_DIR=str(tmp_path)
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
    finally:
        stack.release()

    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["values"] == [number + 1 for number in range(20)]
    assert "ValueError: on purpose" in told["exception"]
    # The exception itself is in the details: the SDK does not mind, and shows the text.
    assert told["exception_by_rest"] == told["exception"]
    # Its class is the SDK's, which our worker does not have; the result is the SDK's again.
    assert told["command"] == [True, "hello\n", 3]
    assert told["reloaded"] == told["values"]
    assert told["function"] == "Add two numbers."
    assert told["batch"] == [10, 11, 12]
    assert told["status"] == "online"
