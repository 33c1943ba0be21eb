"""Every kind of callable, from every place where people define functions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from farpool.local import StackLease
from support.environments import clean_environment
from support.notebook import run_cells

PROGRAM = Path(__file__).parent / "programs" / "kinds.py"
TEXT = PROGRAM.read_text()

#: What holds a class of the program, which is another one in each.
OF_THIS_PROGRAM = {
    "a decorated function",
    "an object that decorates",
    "an async callable object",
    "an async method",
    "a partial of a bound method",
    "a partial of a class",
    "a bound method",
    "a method of a data class",
    "a class method",
    "a class method of an object",
    "a callable object",
    "a callable object with slots",
    "a class",
    "a data class",
    "a named tuple",
    "an enumeration",
    "a function that uses classes",
}

#: What is taken twice: each time it is another object of equal code.
EQUAL = 2


def run(home: Path, *arguments: str, text: str = "", **variables: str) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(FARPOOL_HOME=str(home), **variables),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "text"), [([str(PROGRAM)], ""), (["-c", TEXT], ""), (["-"], TEXT)], ids=["file", "-c", "stdin"]
)
def test_every_kind_of_callable_runs(tmp_path: Path, arguments: list[str], text: str) -> None:
    report = run(tmp_path, *arguments, text=text)

    assert report["wrong"] == {}
    assert report["registered"] == report["kinds"] - EQUAL


@pytest.mark.slow
def test_every_kind_has_one_key_in_every_process(tmp_path: Path) -> None:
    first, *others = [run(tmp_path, str(PROGRAM), KINDS="keys", PYTHONHASHSEED=str(seed)) for seed in range(3)]

    lasting = {name: key for name, (key, is_lasting) in first.items() if is_lasting}
    assert first.keys() - lasting.keys() == OF_THIS_PROGRAM
    for other in others:
        assert {name: key for name, (key, is_lasting) in other.items() if is_lasting} == lasting
    assert len({key for key, _ in first.values()}) == len(first) - EQUAL


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", ["kernel", "terminal"])
def test_every_kind_of_callable_runs_from_a_notebook(tmp_path: Path, where: str) -> None:
    [printed] = run_cells([TEXT], tmp_path, where=where)

    report = json.loads(printed)
    assert report["wrong"] == {}
    assert report["registered"] == report["kinds"] - EQUAL


BEGIN = """
from farpool import Executor
ex = Executor()
"""
CELL = """
import dataclasses

@dataclasses.dataclass
class Size:
    width: int
    height: int = 2

def area(size):
    return size.width * size.height

print(ex.submit(area, Size(3)).result(60))
print(isinstance(ex.submit(Size, 3).result(60), Size))
"""
OTHER_CELL = """
def area(width, height=2):
    return width * height

print(ex.submit(area, 3).result(60))
"""
FAILS = """
import traceback

def fail():
    raise ValueError("no")  # this very line

try:
    ex.submit(fail).result(60)
except ValueError:
    print("this very line" in traceback.format_exc())
"""
END = """
print(ex.stats().registered)
ex.shutdown()
"""


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", ["kernel", "terminal"])
def test_a_cell_that_is_run_again_registers_nothing_and_a_changed_one_does(tmp_path: Path, where: str) -> None:
    changed = CELL.replace("size.width * size.height", "size.width + size.height")

    printed = run_cells([BEGIN, CELL, CELL, changed, CELL, END], tmp_path, where=where)

    assert printed == ["", "6\nTrue\n", "6\nTrue\n", "5\nTrue\n", "6\nTrue\n", "3\n"]


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", ["kernel", "terminal"])
def test_a_cell_that_is_run_in_another_kernel_registers_nothing_and_its_errors_show_its_lines(
    tmp_path: Path, where: str, stack: StackLease
) -> None:
    def run_notebook() -> list[str]:
        return run_cells(
            [BEGIN, OTHER_CELL, FAILS, END],
            tmp_path,
            where=where,
            FARPOOL_SERVICE_URL=stack.service_url,
            FARPOOL_TOKEN=stack.token,
            FARPOOL_ENDPOINT_ID=stack.endpoint_id,
        )

    assert run_notebook() == ["", "6\n", "True\n", "2\n"]
    assert run_notebook() == ["", "6\n", "True\n", "0\n"]
