from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from farpool.endpoint.resources import read_specification, variables_for


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a launcher on the search path, and nothing else."""
    program = tmp_path / "a-launcher"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program.name


@pytest.mark.parametrize(
    ("asked", "prefix"),
    [
        ({"num_ranks": 4}, "a-launcher -n 4"),
        ({"num_nodes": 1, "ranks_per_node": "3"}, "a-launcher -n 3"),
        ({"num_nodes": 1}, "a-launcher -n 1"),
        ({"num_nodes": 1, "num_ranks": 1, "launcher_options": None}, "a-launcher -n 1"),
        ({"num_nodes": 1, "num_ranks": 2, "ranks_per_node": 2}, "a-launcher -n 2"),
        ({"num_ranks": 2, "launcher_options": "--bind-to none"}, "a-launcher -n 2 --bind-to none"),
    ],
)
def test_ranks_on_one_machine_become_a_prefix_for_commands(launcher: str, asked: dict[str, Any], prefix: str) -> None:
    variables = variables_for(asked, launcher)

    assert variables["PARSL_MPI_PREFIX"] == variables["PARSL_MPIEXEC_PREFIX"] == prefix
    assert variables["PARSL_NUM_RANKS"] == prefix.split()[2]


def test_the_launcher_may_have_options_of_its_own(launcher: str) -> None:
    assert variables_for({"num_ranks": 2}, f"{launcher} --oversubscribe")["PARSL_MPI_PREFIX"] == (
        "a-launcher --oversubscribe -n 2"
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"num_nodes": 2}, "num_nodes=2, and this endpoint is one machine"),
        ({"cores": 4, "gpus": 1}, "this endpoint cannot give cores, gpus"),
        ({"num_ranks": 0}, "num_ranks in a resource_specification must be a whole number from 1 on, not 0"),
        ({"ranks_per_node": "many"}, "ranks_per_node in a resource_specification must be .*, not 'many'"),
        (
            {"launcher_options": "a\0b"},
            r"launcher_options in a resource_specification must be a text .*, not 'a\\x00b'",
        ),
        ({"launcher_options": ["-x"]}, "launcher_options in a resource_specification must be a text"),
        ({"num_nodes": True}, "num_nodes in a resource_specification must be .*, not True"),
    ],
)
def test_what_one_machine_cannot_give_is_named(launcher: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variables_for(asked, launcher)


def test_a_missing_launcher_is_named_with_what_to_do(launcher: str) -> None:
    with pytest.raises(ValueError, match=r"no 'mpiexec' on this endpoint: install one.* as mpi_launcher"):
        variables_for({"num_ranks": 2})


@pytest.mark.parametrize("depth", [21, 900, 100_000])
def test_a_specification_that_is_nested_deeply_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="resource_specification is"):
        read_specification(f'{{"a": {"[" * depth}{"]" * depth}}}')
    assert read_specification('{"a": [[1], {"b": 2}]}') == {"a": [[1], {"b": 2}]}
