"""The digest of what is serialized: equal for what readers cannot tell apart, and for nothing else."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpool.serialize import AllCodeStrategies, PureSourceTextInspect, Serializer, digest_of

from .functions import Greeter, closure, double, typed

serializer = Serializer()


def digest(value: Any) -> bytes:
    return digest_of(serializer.pack_arguments((value,), {}))


def function_digest(function: Callable[..., Any], serializer: Serializer = serializer) -> bytes:
    return digest_of(serializer.pack_function(function))


def copied(value: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Build a value anew, so that nothing in it is shared with anything, and sets are filled the other way round."""
    match type(value).__name__:  # by name: nothing is known of what is inside
        case "str":
            return "".join(list(value))
        case "bytes":
            return bytes(bytearray(value))
        case "tuple":
            return tuple(map(copied, value))
        case "list":
            return list(map(copied, value))
        case "set" | "frozenset":
            return type(value)(reversed([copied(one) for one in value]))
        case "dict":
            return {copied(key): copied(one) for key, one in value.items()}
        case _:
            return value


def written(value: Any) -> str:
    """Write a value so that two are written the same if, and only if, they are the same to whoever reads them."""
    match type(value).__name__:
        case "float":
            return f"float {value.hex()} {math.copysign(1, value)}"
        case "set" | "frozenset":
            return f"{type(value).__name__} {sorted(map(written, value))}"
        case "tuple" | "list":
            return f"{type(value).__name__} {list(map(written, value))}"
        case "dict":
            return f"dict {[(written(key), written(one)) for key, one in value.items()]}"
        case _:
            return f"{type(value).__name__} {value!r}"


hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)
values = st.recursive(
    hashable | st.sets(hashable, max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hashable, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_equal_values_have_one_digest_whatever_objects_they_are_made_of(value: Any) -> None:
    assert digest(copied(value)) == digest(value)


@settings(deadline=None)
@given(values, values)
def test_values_that_differ_in_anything_have_two(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (written(one) == written(other))


def near(value: Any) -> list[Any]:  # noqa: PLR0911 - one for each kind
    """Give values that are almost the same: of another kind, in another order, with one thing more or less."""
    match type(value).__name__:
        case "bool" | "int":
            return [bool(value), int(value), str(value), value + 1, -value, [value]]
        case "float":
            return [-value, repr(value), math.nextafter(value, 0), (value,)]
        case "str":
            return [value + "x", value.encode("utf-8", "surrogatepass"), value[1:], [*value]]
        case "tuple" | "list":
            return [list(value), tuple(value), value[::-1], value[1:], (*value, None), *_with_near(list(value))]
        case "set" | "frozenset":
            return [set(value), frozenset(value), list(value), value | {None}, set(list(value)[1:])]
        case "dict":
            items = list(value.items())
            return [dict(reversed(items)), items, dict(items[1:]), {**value, "x": 1}]
        case _:
            return [None, (), 0, ""]


def _with_near(items: list[Any]) -> list[Any]:
    return [[*items[:place], other, *items[place + 1 :]] for place, one in enumerate(items) for other in near(one)[:3]]


@settings(deadline=None)
@given(values)
def test_values_that_are_almost_the_same_have_two(value: Any) -> None:
    for other in near(value):
        assert (digest(other) == digest(value)) == (written(other) == written(value))


def test_one_list_twice_is_not_two_equal_lists() -> None:
    shared: list[int] = []

    assert digest([shared, shared]) != digest([[], []])


def test_one_string_twice_is_the_same_as_two_equal_strings() -> None:
    text = "interned"

    assert digest([text, text]) == digest([text, "".join(list(text))])


def test_text_that_looks_like_the_name_of_a_cell_counts_as_text() -> None:
    assert digest("<ipython-input-1-0d5dbc1d4b7e>") != digest("<ipython-input-2-0d5dbc1d4b7e>")


def compiled(text: str, file_name: str = "program.py", **namespace: Any) -> FunctionType:
    """Run a program in a namespace of its own that is not that of any module; give its `f`."""
    namespace["__name__"] = "__main__"
    exec(compile(text, file_name, "exec"), namespace)
    made: FunctionType = namespace["f"]
    return made


PROGRAM = """
K = 3
def helper(x):
    return x + K
def f(x, y=2, *, z=3):
    "Doc."
    return helper(x) + y + z if x not in {"a", "b"} else (1, 2.5, None)
"""

#: What is replaced in the program, and by what: each makes another function of it.
CHANGES = [
    ("K = 3", "K = 4"),
    ("K = 3", "K = 3.0"),
    ("K = 3", "K = True"),
    ("x + K", "x - K"),
    ("y=2", "y=3"),
    ("z=3", "z=2"),
    ('{"a", "b"}', '{"a", "c"}'),
    ('{"a", "b"}', '("a", "b")'),
    ("2.5", "-2.5"),
    ("(1, 2.5", "(True, 2.5"),
    ('"Doc."', '"Dog."'),
    ("def f(x, y", "def f(w, y"),
    ("None)", "...)"),
    ("K = 3\n", "K = 3\n\n"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_functions_that_differ_in_anything_have_two_digests(old: str, new: str) -> None:
    changed = PROGRAM.replace(old, new).replace("(w, y=2, *, z=3):", "(w, y=2, *, z=3, x=1):")

    assert changed != PROGRAM
    assert function_digest(compiled(changed)) != function_digest(compiled(PROGRAM))


def test_one_program_run_twice_gives_one_digest() -> None:
    assert function_digest(compiled(PROGRAM)) == function_digest(compiled(PROGRAM))


def test_the_file_counts_but_not_which_run_of_a_cell_it_was() -> None:
    first, second = "<ipython-input-1-0d5dbc1d4b7e>", "<ipython-input-2-0d5dbc1d4b7e>"

    assert function_digest(compiled(PROGRAM, "a.py")) != function_digest(compiled(PROGRAM, "b.py"))
    assert function_digest(compiled(PROGRAM, first)) == function_digest(compiled(PROGRAM, second))
    assert function_digest(compiled(PROGRAM, first)) != function_digest(compiled(PROGRAM, "/tmp/ipykernel_1/12.py"))


@settings(deadline=None)
@given(values, values)
def test_closures_differ_as_what_they_hold_does(one: Any, other: Any) -> None:
    same = function_digest(closure(one)) == function_digest(closure(other))

    assert same == (written(one) == written(other))


def test_source_counts_as_it_is() -> None:
    as_source = Serializer(code=PureSourceTextInspect())

    assert function_digest(double, as_source) == function_digest(double, as_source)
    assert function_digest(double, as_source) != function_digest(typed, as_source)


def test_strategies_count() -> None:
    digests = {function_digest(double, Serializer(code=code)) for code in (None, AllCodeStrategies())}

    assert len(digests) == 2


@pytest.mark.parametrize("packed", ["", "nonsense", "3\nab", "5\n01\n!!", "7\n01\ngAQu", "5\nzz\nab", "7\n01\ngAQ="])
def test_what_is_not_understood_counts_as_it_is(packed: str) -> None:
    assert digest_of(packed) == digest_of(packed)
    assert digest_of(packed) != digest_of(packed + " ")


def test_a_very_long_value_counts_as_it_is() -> None:
    numbers = list(range(60_000))

    assert digest(numbers) == digest(list(numbers))
    assert digest(numbers) != digest(numbers[:-1])


HERE = Path(__file__)


def in_a_set(word: str) -> bool:
    return word in {"alpha", "beta", "gamma", "delta"}


KINDS: dict[str, Callable[..., Any]] = {
    "a function": double,
    "a class": Greeter,
    "a callable object": Greeter(),
    "a bound method": Greeter().greet,
    "a closure over a set": closure({"one", "two", "three", "four", "five"}),
    "a closure over a frozen set": closure(frozenset({"one", "two", "three", "four", "five"})),
    "a closure over a large set": closure({f"number {number}" for number in range(3000)}),
    "a closure over a dict": closure({"one": ["two", "two"], "two": {"one"}}),
    "a set in the code": in_a_set,
    "a builtin": len,
}


def print_digests() -> None:
    for name, kind in KINDS.items():
        print(name, function_digest(kind).hex())


@pytest.mark.slow
def test_every_process_gives_the_same_digests() -> None:
    program = "from serialize.test_digest import print_digests; print_digests()"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(HERE.parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1, 2)
    }

    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == len(KINDS)
