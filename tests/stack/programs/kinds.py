"""A user's program with every kind of callable: run from a file, with `-c`, from standard input, or in a notebook.

Prints a JSON object. With KINDS=keys in the environment: the key of each kind, by its name. Else it runs each kind on
an embedded stack and prints what went wrong, by the name of the kind, and how many functions were registered.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import dataclasses
import enum
import functools
import json
import math
import operator
import os
import random
import re
import string
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")

FACTOR = 3
NAMES = {"one", "two", "three", "four", "five"}
TABLE = {"b": [1, 2], "a": {"x", "y", "z"}}


def plain(number: int, more: int = 1, /, *rest: int, key: int = 10, **others: int) -> tuple[Any, ...]:
    """Have every kind of parameter."""
    return number, more, rest, key, others


def uses_globals(word: str) -> tuple[bool, float, list[str]]:
    return word in NAMES, math.sqrt(FACTOR), sorted(TABLE)


def with_constants(word: str) -> Any:
    return word in {"alpha", "beta", "gamma"}, (1, 2.5, ..., None, b"x", 1j), frozenset({"u", "v"}) | {word}


def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def is_even(number: int) -> bool:
    return number == 0 or is_odd(number - 1)


def is_odd(number: int) -> bool:
    return number != 0 and is_even(number - 1)


def nested(first: int) -> Callable[[int], Callable[[int], int]]:
    def middle(second: int) -> Callable[[int], int]:
        def inner(third: int) -> int:
            return first * 100 + second * 10 + third * FACTOR

        return inner

    return middle


def holding(held: Any) -> Callable[[], list[Any]]:
    return lambda: list(held)


def countdown() -> Callable[[int], list[int]]:
    def step(number: int) -> list[int]:
        return [number, *step(number - 1)] if number else []

    return step


def doubled(function: Callable[..., int]) -> Callable[..., int]:
    @functools.wraps(function)
    def wrapper(*args: int) -> int:
        return 2 * function(*args)

    return wrapper


class tripled:  # noqa: N801 - a decorator
    def __init__(self, function: Callable[..., int]) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: int) -> int:
        return 3 * self.function(*args)


@doubled
@tripled
def decorated(number: int) -> int:
    """Be decorated twice."""
    return number + FACTOR


@functools.cache
def cached(number: int) -> int:
    return number + FACTOR


@functools.singledispatch
def dispatched(value: object) -> str:
    return f"object {value}"


@dispatched.register
def _(value: int) -> str:
    return f"int {value}"


@contextlib.contextmanager
def opened() -> Generator[int]:
    yield FACTOR


@opened()
def in_a_context() -> int:
    return FACTOR


async def asynchronous(number: int) -> int:
    await asyncio.sleep(0)
    return number + FACTOR


def generating() -> Iterator[int]:
    yield FACTOR


async def generating_asynchronously() -> AsyncIterator[int]:
    yield FACTOR


def generator_in(function: Callable[[], Iterator[int]]) -> list[int]:
    return list(function())


class Shape(abc.ABC):
    sides = 4

    def __init__(self, size: int) -> None:
        self.size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and other.size == self.size

    __hash__ = None  # type: ignore[assignment]  # as Python does where __eq__ alone is defined

    @abc.abstractmethod
    def scaled(self, factor: int) -> int: ...

    @staticmethod
    def static(number: int) -> int:
        return number + FACTOR

    @classmethod
    def of_class(cls, number: int) -> tuple[str, int]:
        return cls.__name__, number + cls.sides

    @functools.cached_property
    def perimeter(self) -> int:
        return self.sides * self.size

    @property
    def area(self) -> int:
        return self.size * self.size


class Square(Shape):
    def scaled(self, factor: int) -> int:
        return self.area * factor * FACTOR

    def __call__(self, number: int) -> int:
        return self.scaled(number)

    def twice(self) -> Square:
        return type(self)(self.size * 2)


class Waits:
    async def __call__(self, number: int) -> int:
        return await asynchronous(number)

    async def method(self, number: int) -> int:
        return await asynchronous(number) + 1


@dataclasses.dataclass
class Point:
    x: int
    y: int = FACTOR

    def norm(self) -> float:
        return math.hypot(self.x, self.y)


class Pair(NamedTuple):
    one: int
    other: int = 2


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held: list[int]) -> None:
        self.held = held

    def __call__(self) -> int:
        return sum(self.held)


def use_classes(number: int) -> tuple[Any, ...]:
    square = Square(number)
    return square.twice().area, square.perimeter, Point(number).y, Pair(1).other, Colour(2).name, type(square) is Square


def executed(text: str, **namespace: Any) -> Any:
    exec(text, namespace)
    return namespace["f"]


class Case(NamedTuple):
    """What is called, and what comes of it."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    result: Any


CASES: dict[str, Case] = {
    "a function with every kind of parameter": Case(plain, (1, 2, 3), (1, 2, (3,), 10, {})),
    "a function that uses globals": Case(uses_globals, ("two",), (True, math.sqrt(3), ["a", "b"])),
    "a function with constants": Case(
        with_constants, ("beta",), (True, (1, 2.5, ..., None, b"x", 1j), {"u", "v", "beta"})
    ),
    "a recursive function": Case(fibonacci, (10,), 55),
    "functions that call each other": Case(is_even, (8,), True),
    "a lambda": Case(lambda: FACTOR, (), 3),
    "a lambda with a default": Case(lambda number, *, more=FACTOR: number + more, (1,), 4),  # pyright: ignore
    "a nested closure": Case(nested(1)(2), (3,), 129),
    "a closure that calls itself": Case(countdown(), (3,), [3, 2, 1]),
    "a decorated function": Case(decorated, (1,), 24),
    "an object that decorates": Case(cast("Any", decorated).__wrapped__, (1,), 12),
    "a cached function": Case(cached, (1,), 4),
    "a function that calls a cached one": Case(lambda: cached(2), (), 5),
    "a function of a single dispatch": Case(dispatched, (1,), "int 1"),
    "a function that takes a generator function": Case(generator_in, (generating,), [3]),
    "an async function": Case(asynchronous, (1,), 4),
    "a partial of an async function": Case(functools.partial(asynchronous, 2), (), 5),
    "an async callable object": Case(Waits(), (1,), 4),
    "an async method": Case(Waits().method, (1,), 5),
    "a partial": Case(functools.partial(plain, 5, key=6), (), (5, 1, (), 6, {})),
    "a partial of a partial": Case(functools.partial(functools.partial(plain, 5), 6, key=7), (), (5, 6, (), 7, {})),
    "a partial of a bound method": Case(functools.partial(Square(2).scaled, 2), (), 24),
    "a partial of a class": Case(functools.partial(Point, y=1), (1,), Point(1, 1)),
    "a bound method": Case(Square(2).scaled, (1,), 12),
    "a method of a data class": Case(Point(4).norm, (), 5.0),
    "a static method of a class": Case(Shape.static, (1,), 4),
    "a static method of an object": Case(Square(1).static, (1,), 4),
    "a class method": Case(Square.of_class, (1,), ("Square", 5)),
    "a class method of an object": Case(Square(1).of_class, (1,), ("Square", 5)),
    "a function of a class": Case(Square.scaled, (Square(1), 2), 6),
    "a callable object": Case(Square(1), (2,), 6),
    "a callable object with slots": Case(Slotted([1, 2, 3]), (), 6),
    "a class": Case(Square, (2,), Square(2)),
    "a data class": Case(Point, (1,), Point(1)),
    "a named tuple": Case(Pair, (1,), Pair(1)),
    "an enumeration": Case(Colour, (2,), Colour.BLUE),
    "a function that uses classes": Case(use_classes, (2,), (16, 8, 3, 2, "BLUE", True)),
    "a builtin": Case(pow, (2, 5), 32),
    "a method of a builtin object": Case("a-b".split, ("-",), ["a", "b"]),
    "a bound method of a list": Case([1, 2, 1].count, (1,), 2),
    "a function of a builtin class": Case(str.upper, ("a",), "A"),
    "a builtin class": Case(int, ("7",), 7),
    "a function of a C module": Case(math.hypot, (3, 4), 5.0),
    "a function of a Python module": Case(string.capwords, ("a b",), "A B"),
    "a method of a compiled pattern": Case(re.compile("b+").findall, ("abba",), ["bb"]),
    "a method of a generator of numbers": Case(random.Random(1).randint, (1, 1), 1),
    "an itemgetter": Case(operator.itemgetter(1), ([1, 2],), 2),
    "an attrgetter": Case(operator.attrgetter("y"), (Point(1),), 3),
    "a methodcaller": Case(operator.methodcaller("norm"), (Point(4),), 5.0),
    "a function from an executed text": Case(executed("K = 7\ndef f(x): return x + K"), (1,), 8),
    "a function of an executed module": Case(executed("K = 7\ndef f(x): return x + K", __name__="nowhere"), (1,), 8),
    "a lambda from an evaluated text": Case(eval("lambda x: x + 1"), (1,), 2),
    "eval itself": Case(eval, ("1 + 1",), 2),
}

try:
    import numpy as np
except ImportError:
    pass
else:
    CASES["a ufunc"] = Case(np.hypot, (3.0, 4.0), np.float64(5))
    CASES["a function of numpy"] = Case(np.sum, ([1, 2],), np.int64(3))
    CASES["a closure over an array"] = Case(holding(np.arange(4)), (), [0, 1, 2, 3])

REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "a generator function": (generating, "generating is a generator function"),
    "a partial of a generator function": (functools.partial(generating), "generating is a generator function"),
    "an async generator function": (generating_asynchronously, "generating_asynchronously is a generator function"),
    "a function that holds a generator": (in_a_context, "its free variable 'self'"),
    "no callable": (cast("Any", 42), "42 is not callable"),
}


def keys() -> dict[str, tuple[str, bool]]:
    """Give the key of each kind, and whether it is the same in every program."""
    from farpool.executor.functions.code import code_of
    from farpool.serialize import Serializer

    codes = {name: code_of(case.fn, Serializer()) for name, case in CASES.items()}
    return {name: (code.key().hex(), code.is_lasting()) for name, code in codes.items()}


def run() -> dict[str, Any]:
    """Run each kind twice, one after the other; give what went wrong."""
    from farpool import Executor

    wrong: dict[str, str] = {}
    with Executor(max_workers=1) as ex:
        for _ in range(2):
            for name, case in CASES.items():
                try:
                    result = ex.submit(case.fn, *case.args).result(60)
                except Exception as error:  # noqa: BLE001 - it is what went wrong
                    wrong[name] = f"{type(error).__name__}: {error}"
                else:
                    if result != case.result or type(result) is not type(case.result):
                        wrong[name] = repr(result)
        for name, (fn, told) in REFUSED.items():
            try:
                ex.submit(fn)
            except TypeError as error:
                if told not in str(error):
                    wrong[name] = str(error)
            else:
                wrong[name] = "was taken"
        return {"wrong": wrong, "registered": ex.stats().registered, "kinds": len(CASES)}


if __name__ == "__main__":
    print(json.dumps(keys() if os.environ.get("KINDS") == "keys" else run()))
