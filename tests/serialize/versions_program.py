"""A user's program, run by any Python: packs every kind of function, and reads what workers of other Pythons gave.

python versions_program.py
-> {case: task buffer}                                a line of JSON on standard output
<- {worker: {case: [succeeded, serialised result]}}   one on standard input
-> {worker: {case: what is wrong}}                    one on standard output
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import dataclasses
import enum
import functools
import json
import linecache
import math
import operator
import sys
import traceback
import typing
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

FACTOR = 5
TABLE = {"a": [1, 2.5], "b": ("c", {3})}


def plain(number: float, more: int = 2, *, scale: int = 10) -> float:
    """Use a module, a constant and a helper,
    in a docstring of two lines.
    """
    return math.floor(number) * scale + scaled(more) + len(TABLE)


def scaled(number: int) -> int:
    return number * FACTOR


def make_closure(value: Any) -> Callable[[int], Any]:
    count = 0

    def closure(number: int) -> Any:
        nonlocal count
        count += number
        return [value, count, [value for _ in range(number)]]

    return closure


def add(more: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def wrapper(*args: Any, **named: Any) -> int:
            return function(*args, **named) + more

        return wrapper

    return decorate


@add(1)
@add(2)
def decorated(number: int) -> int:
    """Be decorated twice."""
    return number


def factorial(number: int) -> int:
    return 1 if number < 2 else number * factorial(number - 1)


def is_even(number: int) -> bool:
    return number == 0 or is_odd(number - 1)


def is_odd(number: int) -> bool:
    return number != 0 and is_even(number - 1)


first: Callable[[int], Any]
second: Callable[[int], Any]
first, second = lambda number: number + FACTOR, lambda number: [number * one for one in range(FACTOR)]

CELL = """
import math as maths
rate = 0.5
seven = lambda one=(lambda: 7): one()
def discounted(price, *, years=2):
    def step(value, left):
        return value if not left else step(value * rate, left - 1)
    return maths.ceil(step(price, years)), [rate * one for one in range(3)], seven()
"""


def run_cell(text: str) -> Any:
    """Run a cell as IPython does: compiled under a name of its own, its lines in `linecache`, in `__main__`."""
    name = "/tmp/ipykernel_4711/2718281828.py"
    linecache.cache[name] = (len(text), None, [line + "\n" for line in text.splitlines()], name)
    exec(compile(text, name, "exec", dont_inherit=True), globals())
    return globals()["discounted"]


class Shape(abc.ABC):
    kinds: typing.ClassVar[list[str]] = ["shape"]

    def __init__(self, name: str) -> None:
        self.__name = name

    @abc.abstractmethod
    def area(self) -> float: ...

    def describe(self) -> str:
        return f"{self.__name} {self.area():.2f} {self.size()} {type(self).kinds}"

    @staticmethod
    def size() -> int:
        return scaled(1)


class Circle(Shape):
    def __init__(self, radius: float) -> None:
        super().__init__("circle")
        self.radius = radius

    def area(self) -> float:
        return math.pi * self.radius**2

    @property
    def doubled(self) -> Circle:
        return type(self)(self.radius * 2)

    def describe(self) -> str:
        return super().describe() + "!"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Circle) and other.radius == self.radius

    __hash__ = None  # type: ignore[assignment]  # what is tested is equality


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5
    tags: list[str] = dataclasses.field(default_factory=lambda: ["new"])

    def moved(self, by: int) -> Point:
        return dataclasses.replace(self, x=self.x + by)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Pixel:
    x: int
    y: int = 0


class Colour(enum.Enum):
    RED = 1
    BLUE = 2

    def label(self) -> str:
        return f"{self.name}{FACTOR}"


class Named(typing.NamedTuple):
    first: int
    second: int = 3

    def total(self) -> int:
        return self.first + self.second


class Refused(ValueError):
    def __init__(self, what: str, code: int) -> None:
        super().__init__(what, code)
        self.code = code


def where_it_failed(number: int) -> list[tuple[str, int, str, str]]:
    try:
        return [("", number // 0, "", "")]
    except ZeroDivisionError as error:
        frames = traceback.extract_tb(error.__traceback__)
        return [(Path(one.filename).name, one.lineno or 0, one.name, one.line or "") for one in frames]


def about(function: Any) -> list[Any]:
    return [function.__name__, function.__qualname__, function.__module__, function.__doc__]


def recognise(*values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        match value:
            case Point(x=x, tags=tags):
                found.append(["point", x, tags, dataclasses.asdict(value), value == Point(x, tags=tags)])
            case Pixel():
                found.append(["pixel", value < Pixel(9), hash(value) == hash(Pixel(value.x, value.y)), repr(value)])
            case Colour():
                found.append([value.label(), value is Colour.BLUE])
            case Named():
                found.append([value.total(), value._replace(first=0)])
            case Circle():
                found.append([value.doubled.radius, value.describe()])
            case _:
                found.append(str(value))
    return found


def echo(value: Any) -> Any:
    return value


async def waiting() -> int:
    await asyncio.sleep(0)
    return FACTOR


@contextlib.contextmanager
def opened() -> Generator[int]:
    yield FACTOR


@functools.lru_cache
def cached(number: int) -> int:
    return number * FACTOR


def various() -> list[Any]:
    def generated() -> Iterator[int]:
        yield from (scaled(one) for one in range(3))

    with opened() as value:
        pass
    try:
        raise Refused("no", 7)  # noqa: TRY301 - what is tested
    except Refused as error:
        code = error.code
    return [list(generated()), value, code, cached(2), asyncio.run(waiting())]


KINDS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a plain function": (plain, (2.5,)),
    "a closure over values": (make_closure({"deep": [1, "é"]}), (2,)),
    "a decorated function": (decorated, (1,)),
    "a lambda": (second, (3,)),
    "a recursive function": (factorial, (5,)),
    "a notebook cell": (run_cell(CELL), (10,)),
    "a method of an object": (Circle(1.5).describe, ()),
}
MORE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "the other lambda of the line": (first, (3,)),
    "mutual recursion": (is_even, (10,)),
    "a partial": (functools.partial(plain, more=3), (1.5,)),
    "a class": (Circle, (2.5,)),
    "a property": (operator.attrgetter("doubled.radius"), (Circle(1),)),
    "objects and their classes": (recognise, (Point(1), Pixel(1, 2), Colour.BLUE, Named(4), Circle(2), Path("a/b"))),
    "what people see of a function": (about, (make_closure(1),)),
    "its docstring": (about, (plain,)),
    "a function made there": (make_closure, (3,)),
    "an object, back": (echo, ([Circle(3), Colour.RED, Named(1), Path("a")],)),
    "a dataclass, back": (echo, (Point(3),)),
    "all else": (various, ()),
    "where it failed": (where_it_failed, (1,)),
}
#: Without its text it goes as bytecode, which another version refuses.
NO_TEXT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a function without text": (eval("lambda number: number + FACTOR"), (1,)),
}
CASES = KINDS | MORE | NO_TEXT


def is_right(name: str, value: Any) -> bool:
    """Whether a result is what a call gives here."""
    function, args = CASES[name]
    if name == "a function made there":
        return bool(value(1) == [3, 1, [3]])
    return bool(value == (make_closure({"deep": [1, "é"]}) if name == "a closure over values" else function)(*args))


REFUSED = "it holds bytecode of another version that does not say so"


def python_of(version: str) -> str:
    return ".".join(version.split(maxsplit=1)[0].split(".")[:2])


def main() -> None:
    """Pack the cases, then read, for each worker, what came of them."""
    from farpool.serialize import Serializer, holds_bare_bytecode

    serializer = Serializer()
    tasks = {
        name: serializer.pack_function(function) + serializer.pack_arguments(args, {})
        for name, (function, args) in CASES.items()
    }
    print(json.dumps(tasks), flush=True)
    wrong: dict[str, dict[str, str]] = {}
    for worker, results in json.loads(sys.stdin.readline()).items():
        wrong[worker] = {}
        for name, (succeeded, text) in results.items():
            try:
                if succeeded and python_of(worker) != python_of(sys.version) and holds_bare_bytecode(text):
                    wrong[worker][name] = REFUSED
                    continue
                value = serializer.deserialize(text) if succeeded else text
                if not succeeded or not is_right(name, value):
                    wrong[worker][name] = f"it gave {value!r}"
            except Exception as error:  # noqa: BLE001 - it is the outcome
                wrong[worker][name] = f"what it gave cannot be read: {error!r}"
    print(json.dumps(wrong), flush=True)


if __name__ == "__main__":
    main()
