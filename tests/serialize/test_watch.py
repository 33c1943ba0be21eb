"""A watch sees every change that would be serialized, and no other; the digest of what is serialized is the judge."""

from __future__ import annotations

import gc
import pkgutil
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from farpool.serialize import Serializer, Unwatchable, Watch, digest_of

PROGRAM = """
import dataclasses, enum, functools, math

FACTOR = 3
LIST = [1, 2]
TABLE = {"a": {"x"}}
STATE = []

def helper(x):
    return x * FACTOR

def deeper(x):
    return helper(x) + 1

@functools.lru_cache(maxsize=None)
def cached(x):
    return helper(x)

@dataclasses.dataclass
class Disc:
    radius: int = 1
    limit = 5

    def size(self):
        return self.radius * FACTOR

    @property
    def area(self):
        return helper(self.radius)

    @classmethod
    def make(cls):
        return cls(LIST[0])

    @functools.cached_property
    def kept(self):
        return FACTOR

    @staticmethod
    def plain():
        return 1

class Child(Disc):
    pass

class Level(enum.Enum):
    LOW = 1

    def scaled(self):
        return self.value * FACTOR

def f(x, y=LIST, *, z=TABLE):
    "Doc."
    return deeper(x), math.sqrt(x), later() if x > 9 else None

def uses_list(): return LIST
def uses_class(): return Child().size()
def uses_enum(): return Level.LOW.scaled()
def uses_cached(): return cached(1)
def recursive(n): return n and recursive(n - 1)

def closing():
    held, box = 1, [1]
    def inner():
        return held, box
    def change(value):
        nonlocal held
        held = value
    inner.change, inner.box = change, box
    return inner

inner = closing()
change, box = inner.change, inner.box
del inner.change, inner.box
part = functools.partial(helper, LIST)
"""


@pytest.fixture
def program() -> dict[str, Any]:
    """A program of its own, as `__main__` runs it."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(PROGRAM, "program.py", "exec"), space)
    return space


def digest(function: Callable[..., Any]) -> bytes:
    return digest_of(Serializer().pack_function(function))


#: What is watched, and what is done to the program. After it, the function is another one.
CHANGES = [
    ("f", "FACTOR = 4"),
    ("f", "FACTOR = 3.0"),
    ("f", "def helper(x): return 0"),
    ("f", "del helper"),
    ("f", "def later(): return 1"),
    ("f", "LIST.append(3)"),
    ("f", "TABLE['a'].add('y')"),
    ("f", "f.__defaults__ = (1,)"),
    ("f", "f.__kwdefaults__ = {'z': 1}"),
    ("f", "f.__kwdefaults__['z'] = 1"),
    ("f", "f.__doc__ = 'Dog.'"),
    ("f", "f.__name__ = 'g'"),
    ("f", "f.__code__ = helper.__code__"),
    ("f", "f.extra = 1"),
    ("f", "helper.extra = 1"),
    ("f", "import cmath as math"),
    ("uses_list", "LIST[0] = 2"),
    ("uses_list", "LIST = (1, 2)"),
    ("uses_list", "LIST = None"),
    ("uses_class", "FACTOR = 4"),
    ("uses_class", "Disc.limit = 6"),
    ("uses_class", "Disc.extra = 6"),
    ("uses_class", "Disc.size = lambda self: 0"),
    ("uses_class", "Disc.area = property(lambda self: 0)"),
    ("uses_class", "Disc.kept = functools.cached_property(lambda self: 0)"),
    ("uses_class", "Disc.plain = staticmethod(lambda: 2)"),
    ("uses_class", "Disc.make = classmethod(lambda cls: 2)"),
    ("uses_class", "LIST[0] = 2"),
    ("uses_class", "del Disc.limit"),
    ("uses_class", "Child.radius = 2"),
    ("uses_class", "class Child(Disc): x = 1"),
    ("Disc", "FACTOR = 4"),
    ("Disc", "Disc.limit = 6"),
    ("uses_enum", "FACTOR = 4"),
    ("uses_enum", "Level.scaled = lambda self: 0"),
    ("uses_cached", "FACTOR = 4"),
    ("cached", "FACTOR = 4"),
    ("inner", "change(2)"),
    ("inner", "box.append(2)"),
    ("part", "LIST.append(3)"),
    ("part", "FACTOR = 4"),
]

#: What is watched, and what is done to the program. After it, the function is the same.
NO_CHANGES = [
    ("f", "unused = 1"),
    ("f", "LIST2 = LIST"),
    ("f", "def g(): return f"),
    ("recursive", "FACTOR = 4"),
    ("uses_list", "LIST.append(3); LIST.pop()"),
    ("uses_class", "Child(7).size()"),
    ("uses_class", "import copy; copy.copy(Disc(1)); copy.copy(Child(1))"),
    ("uses_cached", "cached(1); cached(2)"),
    ("inner", "inner()"),
    ("part", "part()"),
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_change_is_seen(program: dict[str, Any], name: str, change: str) -> None:
    function = program[name]
    before = digest(function)
    watch = Watch(function)
    assert watch.is_current()

    exec(change, program)

    assert digest(function) != before
    assert not watch.is_current()


@pytest.mark.parametrize(("name", "change"), NO_CHANGES)
def test_what_does_not_matter_is_not_seen(program: dict[str, Any], name: str, change: str) -> None:
    function = program[name]
    before = digest(function)
    watch = Watch(function)

    exec(change, program)

    assert watch.is_current()
    assert digest(function) == before


@pytest.mark.parametrize(
    "name", ["builtins.len", "builtins.int", "gc.collect", "textwrap.dedent", "fractions.Fraction"]
)
def test_what_a_worker_finds_by_its_name_does_not_change(name: str) -> None:
    assert Watch(pkgutil.resolve_name(name)).is_current()


@pytest.mark.parametrize(
    "value", ["[lambda: 1]", "__import__('threading').Lock()", "type('M', (type,), {})('C', (), {})", "(x for x in [])"]
)
def test_what_must_be_serialized_to_be_seen_is_refused(program: dict[str, Any], value: str) -> None:
    exec(f"value = {value}\ndef g(): return value", program)

    with pytest.raises(Unwatchable):
        Watch(program["g"])


@pytest.mark.parametrize("name", ["f", "uses_class", "recursive", "inner", "part", "Disc", "uses_cached"])
def test_a_watch_keeps_nothing_alive(program: dict[str, Any], name: str) -> None:
    gone = weakref.ref(program[name])
    watch = Watch(program[name])

    program.clear()
    gc.collect()

    assert gone() is None
    assert not watch.is_current()


def test_a_change_in_the_middle_of_a_look_counts_as_one(program: dict[str, Any]) -> None:
    exec("class Odd:\n def __reduce__(self): Disc.extra = object(); raise RuntimeError\nodd = 1", program)
    exec("def g(): return odd", program)
    watch = Watch(program["g"])
    exec("odd = Odd()", program)

    assert not watch.is_current()
