"""Commands as functions on a farpool endpoint."""

from __future__ import annotations

from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from farpool import Executor, ShellFunction, ShellResult
from support.pipes import has_writers, pipe_at
from support.waiting import eventually


@pytest.mark.slow
def test_a_command_runs_on_the_endpoint_and_failing_is_a_result(executor: Executor) -> None:
    function = ShellFunction("echo {word}; exit {code}")

    results = [executor.submit(function, word="hello", code=code).result(60) for code in (0, 5)]

    assert [type(result) for result in results] == [ShellResult, ShellResult]
    assert [(result.stdout, result.returncode) for result in results] == [("hello\n", 0), ("hello\n", 5)]
    assert [result.stdout for result in executor.map(ShellFunction("echo {}"), "ab")] == ["a\n", "b\n"]


@pytest.mark.slow
def test_a_command_of_a_cancelled_task_ends_with_it(executor: Executor, tmp_path: Path) -> None:
    with pipe_at(tmp_path / "pipe") as reader:
        future = executor.submit(ShellFunction("exec 3>{pipe}; sleep 1000"), pipe=tmp_path / "pipe")
        eventually(lambda: has_writers(reader), 60)

        assert future.cancel_remote()

        with pytest.raises(CancelledError):
            future.result(60)
        eventually(lambda: not has_writers(reader), 60)
