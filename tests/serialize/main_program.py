"""A user's program for tests: functions and classes of `__main__` that use each other and what the top imports.

    python main_program.py PYTHON WAY

Sends every case to one worker (`PYTHON worker_program.py WAY`) and compares what comes back with a call right here.
Prints a JSON object: what went wrong, by the name of the case.
"""

from __future__ import annotations

import abc
import asyncio
import collections
import contextlib
import dataclasses
import enum
import functools
import json
import math
import operator
import os.path
import pickle
import subprocess
import sys
import threading
import typing
import xml.etree.ElementTree as ElementTree  # noqa: PLR0402 - as people write it
import xml.sax.saxutils
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from farpool.serialize import Serializer, by_value

FACTOR = 5
offset = 2
LOCK = threading.Lock()
COUNTS: dict[str, int] = {}


class Colour(enum.Enum):
    RED = 1
    BLUE = 2
    AZURE = 2  # noqa: PIE796 - another name of the same

    def __str__(self) -> str:
        return f"{self.name}{FACTOR}"

    @property
    def doubled(self) -> int:
        return self.value * 2

    @classmethod
    def _missing_(cls, value: object) -> Colour:
        return cls.RED


class Right(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Circle:
    radius: float
    tags: list[str] = dataclasses.field(default_factory=list[str])

    def area(self) -> float:
        return math.pi * self.radius**2 * FACTOR


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Pixel:
    x: int
    y: int = 0


class Named(typing.NamedTuple):
    first: int
    second: int = 3

    def total(self) -> int:
        return self.first + self.second


Plain: Any = collections.namedtuple("Plain", "a b")  # pyright: ignore[reportUntypedNamedTuple]


class Node:
    def leaf(self) -> Leaf:
        return Leaf()

    class Inner:
        size = 3


class Leaf(Node):
    def again(self) -> Leaf:
        return super().leaf()


class Shape(abc.ABC):
    @abc.abstractmethod
    def size(self) -> int: ...


class Square(Shape):
    def __init__(self, side: int) -> None:
        self.side = side

    def size(self) -> int:
        return scaled(self.side)

    @property
    def doubled(self) -> int:
        return factorial(3) * 2

    @staticmethod
    def make() -> Square:
        return Square(2)

    @classmethod
    def kind(cls) -> type:
        return cls


class Counting(type):
    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Counting:
        namespace["root"] = math.sqrt(16)
        return super().__new__(mcs, name, bases, namespace)


class Counted(metaclass=Counting):
    root: float


class Refused(ValueError):
    def __init__(self, what: str, code: int) -> None:
        super().__init__(what, code)
        self.code = code


def scaled(number: int) -> int:
    return number * FACTOR


def shifted(number: int) -> int:
    return number + offset


def factorial(number: int) -> int:
    return 1 if number < 2 else number * factorial(number - 1)


def is_even(number: int) -> bool:
    return number == 0 or is_odd(number - 1)


def is_odd(number: int) -> bool:
    return number != 0 and is_even(number - 1)


def count(what: str) -> dict[str, int]:
    with LOCK:
        COUNTS[what] = COUNTS.get(what, 0) + 1
        return dict(COUNTS)


def plus_factor(function: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> int:
        return function(*args) + FACTOR

    return wrapper


@plus_factor
def decorated(number: int) -> int:
    return number


@functools.lru_cache
def cached() -> int:
    return FACTOR


@contextlib.contextmanager
def opened() -> Generator[int]:
    yield FACTOR


async def waiting() -> int:
    await asyncio.sleep(0)
    return FACTOR


def generated() -> Iterator[int]:
    yield from (scaled(number) for number in range(3))


def adder(more: int) -> Callable[[int], int]:
    def add(number: int) -> int:
        return number + more + FACTOR

    return add


def countdown() -> Callable[[int], list[int]]:
    def step(number: int) -> list[int]:
        return [number, *step(number - 1)] if number else []

    return step


def run_loop() -> int:
    return asyncio.run(waiting())


def use_context() -> int:
    with opened() as value:
        return value


def use_submodules() -> tuple[str, str, str]:
    parsed = ElementTree.fromstring("<a/>").tag
    return os.path.join("a", "b"), parsed, xml.sax.saxutils.escape("<")


def use_classes() -> tuple[Any, ...]:
    square = Square.make()
    return square.size(), square.doubled, Square.kind() is Square, Leaf().again().leaf().Inner.size, Counted.root


def use_default(circle: Circle = Circle(2)) -> float:  # noqa: B008 - the default travels
    return circle.area()


def raise_and_catch() -> int:
    try:
        raise Refused("no", 7)  # noqa: TRY301 - what is tested
    except Refused as error:
        return error.code


def change_global() -> tuple[int, int]:
    global offset  # noqa: PLW0603 - what is tested
    before, offset = offset, 6
    changed = shifted(1)
    offset = before
    return changed, shifted(1)


def count_twice() -> dict[str, int]:
    count("a")
    return count("a")


def recognise(value: Any) -> str:  # noqa: PLR0911 - one for each
    """Tell what an argument is: its class and the one in this function's globals must be one and the same."""
    if isinstance(value, Plain):
        return f"plain {value.a}"
    match value:
        case Circle(radius=radius):
            return f"circle {radius}"
        case Pixel(x=x):
            return f"pixel {x}"
        case Named(first=first):
            return f"named {first} {value.total()}"
        case Colour.BLUE:
            return f"blue {value} {value.doubled} {Colour(99)}"
        case Right():
            return f"right {int(value | Right.WRITE)}"
        case Square(side=side):
            return f"square {side}"
        case type():
            return f"class {value is Square}"
        case _:
            return "something else"


def echo(*values: Any) -> list[Any]:
    return [list(values), {"deep": values}]


def equal(one: Any, other: Any) -> bool:
    return bool(one == other)


fn: Callable[..., Any]


def _each(calls: list[tuple[Any, ...]]) -> list[Any]:
    return [fn(*call) for call in calls]  # noqa: F821 - in the namespace that `by_value` gives


VALUES: list[Any] = [
    Circle(1),
    Pixel(1, 2),
    Named(4),
    Plain(1, 2),
    Colour.BLUE,
    Right.READ,
    Circle(3, ["a"]),
    Circle,
    Colour,
]

CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a module imported at the top": (lambda: math.sqrt(16), ()),
    "a submodule imported at the top": (use_submodules, ()),
    "a constant": (scaled, (3,)),
    "recursion": (factorial, (5,)),
    "mutual recursion": (is_even, (10,)),
    "a helper in a comprehension": (lambda: [scaled(number) for number in range(3)], ()),
    "a generator": (lambda: list(generated()), ()),
    "a coroutine": (run_loop, ()),
    "a context manager": (use_context, ()),
    "a decorated function": (decorated, (1,)),
    "a cached function": (lambda: cached() + 1, ()),
    "a closure": (adder(2), (1,)),
    "a closure that calls itself": (countdown(), (3,)),
    "a partial": (functools.partial(scaled, 2), ()),
    "a bound method": (Square(3).size, ()),
    "a class": (Pixel, (3,)),
    "a callable of the operator module": (operator.itemgetter(1), ([1, 2],)),
    "a builtin": (pow, (2, 5)),
    "a function of a module": (math.hypot, (3, 4)),
    "classes that know each other": (use_classes, ()),
    "a default value": (use_default, ()),
    "an exception": (raise_and_catch, ()),
    "a changed global": (change_global, ()),
    "a shared global": (count_twice, ()),
    "a function as an argument": (lambda function: function(4), (scaled,)),  # pyright: ignore
    "a class as an argument": (recognise, (Square,)),
    "an abstract class's child": (recognise, (Square(3),)),
    "by_value": (by_value(_each, fn=scaled), ([(1,), (2,)],)),
    **{f"recognised: {value!r}": (recognise, (value,)) for value in VALUES},
    **{f"echoed: {value!r}": (echo, (value, value)) for value in VALUES},
    **{f"equal: {value!r}": (equal, (value, value)) for value in VALUES},
}


def main() -> None:
    """Send all cases in one go, and compare."""
    python, way = sys.argv[1:]
    serializer = Serializer()
    expected = {name: function(*args) for name, (function, args) in CASES.items()}
    COUNTS.clear()
    cached.cache_clear()
    tasks = [
        serializer.pack_function(function) + serializer.pack_arguments(args, {}) for function, args in CASES.values()
    ]
    worker = [python, str(Path(__file__).with_name("worker_program.py")), way]
    done = subprocess.run(worker, input=pickle.dumps(tasks), capture_output=True, check=False, cwd="/")
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    wrong: dict[str, str] = {}
    for name, (succeeded, text) in zip(CASES, pickle.loads(done.stdout), strict=True):
        value = serializer.deserialize(text) if succeeded else text
        if not succeeded or value != expected[name]:
            wrong[name] = repr(value)
    json.dump(wrong, sys.stdout)


if __name__ == "__main__":
    main()
