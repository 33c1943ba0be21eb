"""Executors and futures stay in their process: what is said to those who want to send them elsewhere."""

from __future__ import annotations

import copy
import functools
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import dill
import pytest

from farpool import Executor, Future
from farpool.errors import SerializationError
from farpool.executor.maps.calls import run_calls
from farpool.serialize import Serializer
from support.environments import clean_environment

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"

executor = Executor(ENDPOINT)
future: Future[int] = Future()

STAYS = "an Executor cannot be pickled, copied or sent to a worker"
INSTEAD = rf"make one where it is needed, .* with Executor\(endpoint_id='{ENDPOINT}'\)"


WAYS: dict[str, Callable[[object], object]] = {
    "pickle": pickle.dumps,
    "dill": dill.dumps,  # pyright: ignore[reportUnknownMemberType]
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (executor, f"{STAYS}: .*{INSTEAD}"),
        (Executor(), rf"{STAYS}: .* with Executor\(\)"),
        (executor.options(label="careful"), f"a View cannot .*{INSTEAD}"),
        (future, r"a Future cannot be pickled, .* pass its result\(\)"),
        ({"nested": [future]}, r"a Future cannot be pickled, .* pass its result\(\)"),
    ],
    ids=["executor", "local executor", "view", "future", "nested future"],
)
def test_they_cannot_be_pickled_or_copied(way: str, value: object, words: str) -> None:
    if way == "copy" and isinstance(value, dict):
        return  # the dict is copied, not what is in it
    with pytest.raises(TypeError, match=words):
        WAYS[way](value)


def uses_global() -> object:
    return executor.submit(pow, 2, 2)


def uses_helper() -> object:
    return uses_global()


def closing(value: object) -> Callable[[], object]:
    def inner() -> object:
        return value

    return inner


class Holder:
    def __init__(self, value: object) -> None:
        self.value = value

    def run(self) -> object:
        return self.value

    def other(self) -> object:
        return executor


def of_main(function: Callable[..., Any]) -> Callable[..., Any]:
    """As if it were of a script, and so be sent by value."""
    function.__module__ = "__main__"
    return function


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (of_main(uses_global), "uses_global .* because of its global 'executor', an Executor"),
        (closing(executor), "inner .* because of its free variable 'value', an Executor"),
        (of_main(lambda: executor), "<lambda> .* because of its global 'executor', an Executor"),
        (functools.partial(print, executor), "functools.partial"),
        (Holder(executor).run, r"run .* because of its object, .* \(in it \.value, an Executor\)"),
        (executor.submit, "submit .* because of its object, an Executor"),
        (run_calls(of_main(uses_global)), "uses_global .* because of its global 'executor', an Executor"),
    ],
    ids=["global", "closure", "lambda", "partial", "attribute", "method", "chunk"],
)
def test_a_function_that_holds_an_executor_is_refused_and_told_where(function: Callable[..., Any], where: str) -> None:
    with pytest.raises(TypeError, match=f"function .*{where}.*: {STAYS}: .*{INSTEAD}") as caught:
        Serializer().pack_function(function)
    assert isinstance(caught.value, SerializationError)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((1, executor), {}, rf"argument 2 \(an Executor\) cannot be serialized: {STAYS}: .*{INSTEAD}"),
        ((), {"x": {"a": [executor]}}, rf"argument 'x' \(a dict\), at \['a'\]\[0\], an Executor, .*: {STAYS}"),
        ((future,), {}, r"argument 1 \(a Future\) cannot be serialized: .* pass its result\(\)"),
        (([future],), {}, r"argument 1 \(a list\), at \[0\], a Future, cannot be .* pass its result\(\)"),
    ],
)
def test_an_argument_that_holds_one_is_refused_and_told_where(
    args: tuple[Any, ...], kwargs: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        Serializer().pack_arguments(args, kwargs)


def test_a_method_that_is_not_called_there_may_mention_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout, done.stderr) == ("42\n", "")


SCRIPT = """
from farpool import Executor
from farpool.serialize import Serializer

executor = Executor()

class Step:
    def run(self):
        return 42

    def run_all(self):
        return executor.map(self.run, range(3))

print(Serializer().deserialize(Serializer().serialize(Step())).run())
"""
