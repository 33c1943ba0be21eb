"""Commands as tasks of an agent whose configuration says where they run, and which launcher they have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from endpoint.conftest import AgentThread
from farpool import MPIFunction, ShellFunction
from farpool.wire import new_id
from farpool.wire.queues import task_headers
from support.task_site import TaskSite

TIMEOUT_S = 120

#: Runs a program as often as it is told to: a stand-in for `mpiexec -n RANKS`.
LAUNCHER = """#!/bin/sh
ranks=$2; shift 2
for rank in $(seq $ranks); do RANK=$rank "$@"; done
"""


@pytest.mark.slow
def test_commands_run_in_sandboxes_and_under_the_launcher_of_the_endpoint(
    site: TaskSite, start_agent: Callable[..., AgentThread], tmp_path: Path
) -> None:
    launcher = tmp_path / "launcher"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    agent = start_agent(max_workers=1, run_in_sandbox=True, mpi_launcher=str(launcher))
    tasks = {name: new_id() for name in ("plain", "ranks", "nodes", "after")}

    def headers(name: str, **resources: int) -> dict[str, object]:
        return task_headers(tasks[name], new_id(), resource_specification=resources)

    hostname = MPIFunction("bash -c 'echo $RANK of $PARSL_NUM_RANKS in $PWD'")
    site.put(ShellFunction("pwd; echo $GC_TASK_UUID"), task_id=tasks["plain"], headers=headers("plain"))
    site.put(hostname, task_id=tasks["ranks"], headers=headers("ranks", num_nodes=1, ranks_per_node=3))
    site.put(hostname, task_id=tasks["nodes"], headers=headers("nodes", num_nodes=2))
    site.put(hostname, task_id=tasks["after"], headers=headers("after"))

    work = agent.directory.path / "work"
    assert site.value(tasks["plain"], TIMEOUT_S).stdout == f"{work / tasks['plain']}\n{tasks['plain']}\n"
    place = work / tasks["ranks"]
    assert site.value(tasks["ranks"], TIMEOUT_S).stdout == "".join(f"{rank} of 3 in {place}\n" for rank in (1, 2, 3))
    refused = site.result(tasks["nodes"], TIMEOUT_S).error_details
    assert refused is not None
    assert refused.code == "RESOURCES_UNAVAILABLE"
    assert "num_nodes=2, and this endpoint is one machine" in refused.user_message
    assert "there is no MPI launcher here" in site.result(tasks["after"], TIMEOUT_S).data
