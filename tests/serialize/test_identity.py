"""One class of `__main__` is one class: in its own process untouched, on a worker kept and brought up to date."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dill
import pytest

from farpool.serialize import Serializer

WORKER = Path(__file__).with_name("worker_program.py")

serializer = Serializer()

MODULE = """
import dataclasses, enum, math

FACTOR = 2

class Level(enum.Enum):
    LOW = 1

    def doubled(self):
        return self.value * FACTOR

@dataclasses.dataclass
class Disc:
    radius: int

    def size(self):
        global FACTOR
        FACTOR += 1
        return self.radius * FACTOR
"""


@pytest.fixture
def main() -> Iterator[dict[str, Any]]:
    """Give the namespace of `__main__`, with a user's program in it for the time of a test."""
    namespace = vars(sys.modules["__main__"])
    before = dict(namespace)
    exec(MODULE, namespace)
    yield namespace
    namespace.clear()
    namespace.update(before)


def test_reading_in_the_process_it_came_from_gives_the_class_itself(main: dict[str, Any]) -> None:
    value = [main["Disc"](3), {"deep": main["Disc"]}, main["Level"].LOW]

    assert serializer.deserialize(serializer.serialize(value)) == value


def test_reading_in_the_process_it_came_from_leaves_the_class_as_it_is(main: dict[str, Any]) -> None:
    methods = (main["Disc"].size, main["Disc"].__init__, main["Level"].doubled)

    serializer.deserialize(serializer.serialize([main["Disc"](3), main["Level"].LOW]))

    assert (main["Disc"].size, main["Disc"].__init__, main["Level"].doubled) == methods
    assert (main["Disc"](1).size(), main["FACTOR"], main["Level"].LOW.doubled()) == (3, 3, 3)


def test_a_class_that_is_defined_anew_with_another_content_is_another_class(main: dict[str, Any]) -> None:
    old = main["Disc"]
    text = serializer.serialize([old(3)])
    exec(MODULE.replace("+= 1", "+= 2"), main)

    assert serializer.serialize([main["Disc"](3)]) != text
    assert type(serializer.deserialize(text)[0]) is old


def test_a_class_that_is_defined_anew_as_it_was_takes_the_place_of_the_one_it_replaces(main: dict[str, Any]) -> None:
    old = main["Disc"]
    text = serializer.serialize([old(3)])
    exec(MODULE, main)

    assert serializer.serialize([main["Disc"](3)]) == text
    assert type(serializer.deserialize(text)[0]) is main["Disc"]
    assert type(serializer.deserialize(serializer.serialize([old(3)]))[0]) is main["Disc"]


def test_two_equal_classes_of_which_neither_takes_the_others_place_are_two(main: dict[str, Any]) -> None:
    exec("pair = [type('Twin', (), {'one': 1}) for _ in range(2)]", main)
    one, other = main["pair"]

    assert serializer.deserialize(serializer.serialize([one, other])) == [one, other]
    assert serializer.serialize([one]) != serializer.serialize([other])


def test_classes_that_refer_to_one_that_differs_are_others(main: dict[str, Any]) -> None:
    text = """
class First:
    def other(self): return Second()
    number = {}
class Second:
    def other(self): return First()
"""
    exec(text.format(1), main)
    old = serializer.serialize([main["Second"]()])
    exec(text.format(2), main)

    assert serializer.serialize([main["Second"]()]) != old


def test_every_run_of_a_program_has_classes_of_its_own() -> None:
    program = """
from farpool.serialize import Serializer, digest_of, is_lasting
class Disc: pass
packed = Serializer().pack_function(Disc)
print(digest_of(packed).hex(), is_lasting(packed), is_lasting(Serializer().pack_function(lambda: 1)))
"""
    command = [sys.executable, "-c", program]
    printed = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]

    assert printed[0] != printed[1]
    assert [line.split()[1:] for line in printed] == [["False", "True"]] * 2


def test_a_class_inside_a_function_is_not_kept(main: dict[str, Any]) -> None:
    exec("def make():\n    class Inner:\n        size = 3\n    return Inner()", main)

    kept = len(vars(dill))
    made = serializer.deserialize(serializer.serialize([main["make"]()]))

    assert made[0].size == 3
    assert len(vars(dill)) == kept


def test_many_instances_are_one_class_written_once(main: dict[str, Any]) -> None:
    one = serializer.serialize([main["Disc"](1)])
    thousand = serializer.serialize([main["Disc"](number) for number in range(1000)])

    assert len(thousand) < len(one) + 40 * 1000
    kinds: set[Any] = {type(disc) for disc in serializer.deserialize(thousand)}
    assert len(kinds) == 1


PROGRAM = """
    import pickle, subprocess, sys
    from farpool.serialize import Serializer

    FACTOR = 2

    class Disc:
        def size(self):
            return FACTOR

    def size_of(disc):
        return disc.size(), type(disc) is Disc

    serializer = Serializer()

    def task():
        return serializer.pack_function(size_of) + serializer.pack_arguments((Disc(),), {})

    tasks = [task()]
    FACTOR = 3
    tasks.append(task())
    Disc.size = lambda self: FACTOR * 10
    tasks.append(task())
    done = subprocess.run([sys.executable, *sys.argv[1:]], input=pickle.dumps(tasks), capture_output=True, check=True)
    print([serializer.deserialize(text) for _, text in pickle.loads(done.stdout)])
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["dill", "farpool"])
def test_a_worker_that_has_kept_a_class_gets_its_changes(tmp_path: Path, way: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))

    done = subprocess.run([sys.executable, str(program), str(WORKER), way], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "[(2, True), (3, True), (30, True)]", done.stderr
