"""Each call that works with `globus_compute_sdk.Client` and `Batch` works with ours, or is refused in words."""

from __future__ import annotations

import inspect
import json
import subprocess
from typing import Any

import pytest

from farpool import Batch, Client
from support.environments import clean_environment
from support.peers import sdk_python

pytestmark = [pytest.mark.live, pytest.mark.slow]

#: Prints what the real library takes: by class and method, each parameter's name, kind and whether it may be left out.
PROGRAM = """
import inspect, json
from globus_compute_sdk import Client
from globus_compute_sdk.sdk.batch import Batch

def parameters(function):
    found = list(inspect.signature(function).parameters.values())[1:]
    return [[one.name, one.kind.name, one.default is not one.empty] for one in found]

print(json.dumps({
    kind.__name__: {
        name: parameters(value)
        for name, value in inspect.getmembers(kind, inspect.isfunction)
        if name == "__init__" or not name.startswith("_")
    }
    for kind in (Client, Batch)
}))
"""

#: What of the real library there is not, by method and argument, and why.
NOT_OURS = {
    ("Client.__init__", "kwargs"): "it warns of each name it does not know; ours is Python's own TypeError",
}

POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, list[list[Any]]]]:
    done = subprocess.run(
        [str(sdk_python()), "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment(),
        timeout=100,
    )
    told: dict[str, dict[str, list[list[Any]]]] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("kind", [Client, Batch])
def test_every_argument_of_the_sdk_is_taken_under_its_name_and_in_its_place(
    kind: type[Any], theirs: dict[str, dict[str, list[list[Any]]]]
) -> None:
    missing: list[str] = []
    for method, parameters in theirs[kind.__name__].items():
        ours = getattr(kind, method, None)
        if ours is None:
            missing.append(f"{kind.__name__}.{method}")
            continue
        known = dict(list(inspect.signature(ours).parameters.items())[1:])
        in_place = [name for name, one in known.items() if one.kind in POSITIONAL]
        for place, (name, how, may_be_left_out) in enumerate(parameters):
            where = f"{kind.__name__}.{method}"
            if (where, name) in NOT_OURS:
                continue
            if name not in known:
                missing.append(f"{where}({name})")
            elif how == "POSITIONAL_OR_KEYWORD" and (place >= len(in_place) or in_place[place] != name):
                missing.append(f"{where}({name}) as argument {place + 1}")
            elif may_be_left_out and known[name].default is inspect.Parameter.empty:
                missing.append(f"{where}({name}) left out")

    assert missing == []


@pytest.mark.parametrize("kind", [Client, Batch])
def test_nothing_that_the_sdk_does_not_ask_for_must_be_given(
    kind: type[Any], theirs: dict[str, dict[str, list[list[Any]]]]
) -> None:
    wanted: list[str] = []
    for method, parameters in theirs[kind.__name__].items():
        names = {name for name, _, _ in parameters}
        for name, one in list(inspect.signature(getattr(kind, method)).parameters.items())[1:]:
            is_open = one.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
            if name not in names and one.default is inspect.Parameter.empty and not is_open:
                wanted.append(f"{kind.__name__}.{method}({name})")

    assert wanted == []
