"""Resource specifications: what a task asks for, and what of it one worker of one machine can give.

Engines that take specifications are given them as they came. Elsewhere the worker does what it can: it names the MPI
launcher of its machine in the variables that Parsl's workers have for it, PARSL_MPI_PREFIX and the like.
Source: Parsl, `mpi_prefix_composer`; Globus Compute, `GlobusMPIEngine`, "resource_specification".
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from typing import Any, cast

#: The launcher that is looked for where the configuration names none; it is called with ``-n RANKS``.
LAUNCHER = "mpiexec"

#: A specification is flat, or nearly: what is nested more deeply is refused before it is too much for whoever is next.
_MAX_DEPTH = 20

_NODES, _PER_NODE, _RANKS, _OPTIONS = "num_nodes", "ranks_per_node", "num_ranks", "launcher_options"


def read_specification(header: object) -> dict[str, Any]:
    """Read the header of a task; empty: it asks for nothing.

    Raises:
        ValueError: it is not the text of a JSON object.
    """
    if not header:
        return {}
    told = None
    if isinstance(header, (str, bytes)):
        try:
            told = json.loads(header)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"resource_specification is not JSON: {error}") from None
        if not told:
            return {}
    if not isinstance(told, dict):
        raise ValueError("resource_specification is not the text of a JSON object")  # noqa: TRY004 - of a message
    if _is_deeper(cast("object", told), _MAX_DEPTH):
        raise ValueError(f"resource_specification is nested more than {_MAX_DEPTH} deep")
    return cast("dict[str, Any]", told)


def _is_deeper(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        inner = list(cast("dict[str, object]", value).values())
    elif isinstance(value, list):
        inner = cast("list[object]", value)
    else:
        return False
    return depth == 0 or any(_is_deeper(one, depth - 1) for one in inner)


def variables_for(specification: Mapping[str, Any], launcher: str = LAUNCHER) -> dict[str, str]:
    """Give the environment variables for a task that asks for MPI ranks on this machine.

    Args:
        specification: what it asks for.
        launcher: the command that starts a program in several ranks.

    Raises:
        ValueError: it asks for what one machine has not, or the launcher is not installed; says which.
    """
    unknown = sorted(set(specification) - {_NODES, _PER_NODE, _RANKS, _OPTIONS})
    if unknown:
        raise ValueError(
            f"this endpoint cannot give {', '.join(unknown)}: of a resource_specification it knows {_NODES}, "
            f"{_PER_NODE}, {_RANKS} and {_OPTIONS}. Leave it out, or submit to an endpoint whose engine has "
            "such resources"
        )
    nodes = _number(specification, _NODES) or 1
    if nodes != 1:
        raise ValueError(
            f"{_NODES}={nodes}, and this endpoint is one machine: ask for one node, or submit to an endpoint whose "
            "engine has several, such as Parsl's MPIExecutor"
        )
    ranks = _number(specification, _RANKS) or _number(specification, _PER_NODE) or 1
    program, *_ = shlex.split(launcher)
    if shutil.which(program) is None:
        raise ValueError(
            f"a resource_specification needs an MPI launcher, and there is no {program!r} on this endpoint: install "
            "one, such as Open MPI or MPICH, or name it in the endpoint's configuration as mpi_launcher"
        )
    options = specification.get(_OPTIONS) or ""
    if not isinstance(options, str) or not options.isprintable():
        raise ValueError(f"{_OPTIONS} in a resource_specification must be a text on one line, not {options!r}")
    prefix = " ".join(filter(None, (launcher, "-n", str(ranks), options)))
    asked = {f"PARSL_{name.upper()}": str(value) for name, value in specification.items() if value is not None}
    return {**asked, "PARSL_NUM_RANKS": str(ranks), "PARSL_MPIEXEC_PREFIX": prefix, "PARSL_MPI_PREFIX": prefix}


def _number(specification: Mapping[str, Any], name: str) -> int | None:
    value = specification.get(name)
    if value is None:
        return None
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name} in a resource_specification must be a whole number from 1 on, not {value!r}")
    return number
