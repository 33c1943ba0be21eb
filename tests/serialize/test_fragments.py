"""Source text is sent where it compiles to the very code that is there, and bytecode everywhere else."""

from __future__ import annotations

import base64
import dataclasses
import linecache
import math
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from farpool.serialize import DillCode, Serializer, digest_of, holds_bare_bytecode
from farpool.serialize.fragments import Fragment, fragment_of
from farpool.serialize.generated import generated_fragments

from .functions import Greeter, closure, double, typed, uses_its_module

PROGRAM = """
import math, functools
from os import path

def plain(x):
    return math.sqrt(x), path.join("a", "b")

class Outer:
    def __init__(self):
        super().__init__()
        self.__hidden = 1
    class Inner:
        @functools.lru_cache
        def cached(
            self, n=(lambda: 2),
        ):
            text = '''
  kept as it is
'''
            return text, n()
    def make(self):
        hidden = self.__hidden
        return lambda more: hidden + self.__hidden + more

if True:
    def inside():
        def deeper():
            nonlocal_ = __name__
            return nonlocal_
        return deeper
    async def waits():
        return [one async for one in inside()]

pair = [lambda x: x + 1, lambda x: x + 2]
nested = lambda x: (lambda y: x + y)
lines = (
    lambda x:
        x * 3)
def on_one_line(x): return lambda: x
"""


def run(text: str, file: str) -> dict[str, Any]:
    """Run a program whose lines are known under a file's name."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, file, "exec", dont_inherit=True), space)
    return space


@pytest.fixture
def program(tmp_path: Path) -> Iterator[dict[str, Any]]:
    file = str(tmp_path / "program.py")
    yield run(PROGRAM, file)
    linecache.cache.pop(file, None)


def all_of(space: dict[str, Any]) -> dict[str, types.FunctionType]:
    outer = space["Outer"]
    return {
        "plain": space["plain"],
        "a method that calls super": outer.__init__,
        "a decorated method of an inner class": outer.Inner.cached.__wrapped__,
        "a lambda in a method": outer().make(),
        "a function under an if": space["inside"],
        "a function in a function": space["inside"](),
        "an async function": space["waits"],
        "a lambda": space["pair"][0],
        "the other lambda of the line": space["pair"][1],
        "a lambda that makes one": space["nested"],
        "a lambda in a lambda": space["nested"](1),
        "a lambda of two lines": space["lines"],
        "a lambda in a function of one line": space["on_one_line"](1),
        "a lambda in a default": outer.Inner.cached.__wrapped__.__defaults__[0],
    }


def remade(fragment: Fragment | None) -> types.CodeType:
    from farpool.serialize.remake import compiled

    assert fragment is not None
    return compiled(fragment.text, fragment.file, fragment.shift, fragment.flags, fragment.path)


def test_the_text_of_every_function_is_found_and_keeps_its_place(program: dict[str, Any]) -> None:
    for name, function in all_of(program).items():
        code = function.__code__
        again = remade(fragment_of(code))

        assert again.co_code == code.co_code, name
        assert (again.co_filename, again.co_firstlineno) == (code.co_filename, code.co_firstlineno), name


@pytest.mark.skipif(sys.version_info < (3, 11), reason="columns are known since Python 3.11")
def test_columns_stay_too_so_that_tracebacks_point_to_the_right_place(program: dict[str, Any]) -> None:
    for name, function in all_of(program).items():
        codes: list[Any] = [remade(fragment_of(function.__code__)), function.__code__]

        again, here = (list(code.co_positions()) for code in codes)

        assert again == here, name


def test_a_function_keeps_its_line_where_there_is_no_room_above_it(tmp_path: Path) -> None:
    file = str(tmp_path / "short.py")
    code = run("def make(x): return lambda: [\n    (lambda: x)()]\n", file)["make"](1).__code__

    fragment = fragment_of(code)

    assert fragment is not None
    assert fragment.shift < 0
    again = remade(fragment)
    assert [line for _, _, line in again.co_lines()] == [line for _, _, line in code.co_lines()]
    linecache.cache.pop(file)


def test_many_threads_find_their_texts_at_once(tmp_path: Path) -> None:
    files = [str(tmp_path / f"{number}.py") for number in range(24)]
    functions = [run(PROGRAM, file)["plain"] for file in files]

    with ThreadPoolExecutor(8) as pool:
        packed = list(pool.map(Serializer().serialize, functions))

    assert not any("_create_code" in base64.b64decode(text[3:]).decode("latin-1") for text in packed)
    for file in files:
        linecache.cache.pop(file)


def test_functions_of_modules_are_found_too() -> None:
    for function in (double, typed, uses_its_module, closure(1), Greeter.greet, Greeter.__call__, dataclasses.asdict):
        assert fragment_of(function.__code__) is not None, function


def test_text_that_was_changed_since_is_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("def rate():\n    return 1\n\ndef same():\n    return 3\n")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec", dont_inherit=True), space)
    file.write_text("def rate():\n    return 2\n\ndef same():\n    return 3\n")

    assert fragment_of(space["rate"].__code__) is None
    assert fragment_of(space["same"].__code__) is not None


def test_constants_that_are_merely_equal_are_not_the_same(tmp_path: Path) -> None:
    for number, (old, new) in enumerate([("1", "True"), ("0.0", "-0.0"), ("(1, 2)", "(1, 2.0)"), ("'a'", "b'a'")]):
        file = str(tmp_path / f"{number}.py")
        space = run(f"def constant():\n    return {old}\n", file)
        linecache.cache[file] = (0, None, ["def constant():\n", f"    return {new}\n"], file)

        assert fragment_of(space["constant"].__code__) is None, (old, new)


def test_what_has_no_text_goes_as_bytecode() -> None:
    function: Callable[[int], int] = eval("lambda number: number + 1")

    packed = Serializer().pack_function(function)

    assert fragment_of(function.__code__) is None
    assert packed == Serializer(code=DillCode()).pack_function(function)


def test_bytecode_says_of_which_version_it_is_and_source_text_needs_not(program: dict[str, Any]) -> None:
    function = program["plain"]

    texts = [Serializer(code=code).serialize(function) for code in (None, DillCode())]

    assert not any(map(holds_bare_bytecode, texts))
    assert len({text[:3] for text in texts}) == 1
    for text in texts:
        assert Serializer().deserialize(text)(4) == (2.0, "a/b")


def test_what_came_as_text_can_be_sent_on_where_there_is_no_such_file(tmp_path: Path) -> None:
    serializer = Serializer()
    file = str(tmp_path / "elsewhere.py")
    space = run(PROGRAM, file)
    sent = serializer.serialize(space["nested"])
    linecache.cache.pop(file)  # as on a machine that has no such file
    nested = serializer.deserialize(sent)

    add = serializer.deserialize(serializer.serialize(nested(2)))

    assert add(3) == 5
    assert remade(fragment_of(nested(2).__code__)).co_firstlineno == add.__code__.co_firstlineno
    assert linecache.getline(file, add.__code__.co_firstlineno).strip().endswith("lambda x: (lambda y: x + y))")
    linecache.cache.pop(file)


def test_a_program_sends_the_same_text_each_time() -> None:
    packed = {Serializer().pack_function(closure(3)) for _ in range(3)}

    assert len({digest_of(one) for one in packed}) == 1


@dataclasses.dataclass
class Plain:
    x: int
    y: list[int] = dataclasses.field(default_factory=list[int])
    z: dataclasses.InitVar[int] = 3

    def __post_init__(self, z: int) -> None:
        self.x += z


@dataclasses.dataclass(frozen=True, order=True, slots=True, kw_only=True)
class Strict:
    x: int = 1
    y: float = dataclasses.field(default=math.pi, compare=False, repr=False)


@dataclasses.dataclass
class Child(Plain):
    more: str = "a"

    def __repr__(self) -> str:
        return "mine"


@pytest.mark.parametrize("kind", [Plain, Strict, Child])
def test_the_methods_that_dataclass_writes_have_their_text_as_well(kind: type) -> None:
    written = {
        name
        for name, value in vars(kind).items()
        if isinstance(value, types.FunctionType) and value.__code__.co_filename == "<string>"
    }

    found = {code.co_name for code, _ in generated_fragments(kind)}

    assert {"__init__", "__eq__"} <= written <= found
