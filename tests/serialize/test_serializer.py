"""The facade: calls are packed and unpacked, and what cannot be is named."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool import wire
from farpool.errors import DeserializationError, SerializationError, WireError
from farpool.serialize import (
    AllCodeStrategies,
    AutoCode,
    DillCode,
    DillDataBase64,
    JSONData,
    PureSourceTextInspect,
    Serializer,
)
from support.values import builtin_values, same, texts

from .functions import Greeter, closure, double

serializer = Serializer()

arguments = st.lists(builtin_values, max_size=4).map(tuple)
keywords = st.dictionaries(texts, builtin_values, max_size=4)


def endless() -> Iterator[int]:
    yield 1


class Unwilling:
    """Cannot be serialized, and says so in a sentence."""

    def __reduce__(self) -> str:
        raise TypeError("I stay\nhere")


class Holder:
    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)

    def parts(self) -> dict[str, Any]:
        return vars(self)


@given(arguments, keywords)
def test_a_call_comes_back_as_it_was(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    task_buffer = serializer.pack_function(double) + serializer.pack_arguments(args, kwargs)

    function, its_args, its_kwargs = serializer.unpack_call(task_buffer)

    assert function is double
    assert same(its_args, args)
    assert same(its_kwargs, kwargs)


@given(arguments, keywords)
def test_arguments_are_two_packed_strings(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    packed = serializer.pack_arguments(args, kwargs)

    assert wire.unpack(packed) == [serializer.serialize(args), serializer.serialize(kwargs)]


def test_a_json_call_gets_its_arguments_as_a_tuple() -> None:
    by_json = Serializer(data=JSONData())

    _, args, kwargs = by_json.unpack_call(by_json.pack_function(double) + by_json.pack_arguments((1, "a"), {"k": [2]}))

    assert (args, kwargs) == ((1, "a"), {"k": [2]})


def test_callables_go_by_the_code_strategy_and_all_else_by_the_data_strategy() -> None:
    callables: list[Any] = [double, len, Greeter, Greeter(), Greeter().greet, lambda: 1]
    others: list[Any] = [1, [double], None]
    for value in callables:
        assert serializer.serialize(value)[:3] == "01\n"
    for value in others:
        assert serializer.serialize(value)[:3] == "00\n"


def test_a_strategy_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(ValueError, match=r"JSONData\) is for data; for code choose"):
        Serializer(code=JSONData())
    with pytest.raises(ValueError, match=r"DillCode\) is for code; for data choose"):
        Serializer(data=DillCode())


def test_results_go_by_the_first_asked_for_strategy_that_can() -> None:
    asked = ["globus_compute_sdk.serialize.AllCodeStrategies", "no.such.Strategy", "JSONData", "DillDataBase64"]

    assert serializer.serialize_by([1], asked)[:3] == "11\n"
    assert serializer.serialize_by({1j}, asked)[:3] == "00\n"
    assert serializer.serialize_by(double, asked)[:3] == "12\n"
    assert serializer.serialize_by([1], [])[:3] == "00\n"


def test_a_result_that_no_asked_for_strategy_can_write_is_refused_with_each_reason() -> None:
    with pytest.raises(SerializationError, match=r"can write a set: JSONData: .*not JSON serializable; X: no ser.*'X'"):
        serializer.serialize_by({1}, ["JSONData", "X"])


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((1, endless()), {}, r"argument 2 \(a generator\) cannot be serialized: .*cannot pickle 'generator' object"),
        (
            (),
            {"one": 1, "two": Unwilling()},
            r"argument 'two' \(an? .*Unwilling\) cannot .* TypeError: I stay here; p",
        ),
        (([1, {"k": endless()}],), {}, r"argument 1 \(a list\), at \[1\]\['k'\], a generator, cannot"),
        ((Holder(inner=Holder(gen=endless())),), {}, r"argument 1 \(.*Holder\), at \.inner\.gen, a generator, cannot"),
    ],
)
def test_the_argument_that_cannot_be_serialized_is_named(args: Any, kwargs: Any, named: str) -> None:
    with pytest.raises(SerializationError, match=named) as caught:
        serializer.pack_arguments(args, kwargs)

    assert "; pass something that can be pickled, or make it inside the function" in str(caught.value)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), SerializationError)


def test_an_argument_that_json_cannot_hold_is_named_too() -> None:
    with pytest.raises(SerializationError, match=r"argument 2 \(a complex\) cannot be serialized: .*JSONData.*"):
        Serializer(data=JSONData()).pack_arguments((1, 2j), {})


def with_default(gen: Any = endless()) -> Any:  # noqa: B008 - on purpose
    return gen


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (closure(endless()), r"function closure\.<locals>\.add cannot .* because of its free variable 'more', a gen"),
        (closure([endless()]), r"because of its free variable 'more', a list \(in it \[0\], a generator\)"),
        (
            Holder(f=endless()).parts,
            r"function Holder.parts .* because of its object, .*in it \.f, a g",
        ),
    ],
)
def test_the_function_and_what_it_holds_that_cannot_be_serialized_are_named(
    function: Callable[..., Any], named: str
) -> None:
    with pytest.raises(SerializationError, match=named):
        serializer.pack_function(function)


def test_a_global_that_cannot_be_serialized_is_named() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "stream": endless()}
    exec("def take():\n    return next(stream)", namespace)

    with pytest.raises(SerializationError, match=r"function take cannot .* because of its global 'stream', a gen"):
        serializer.pack_function(namespace["take"])


def test_a_default_value_that_cannot_be_serialized_is_named() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "stream": endless()}
    exec("def take(stream=stream):\n    return next(stream)", namespace)

    with pytest.raises(SerializationError, match=r"because of its default value, a generator"):
        serializer.pack_function(namespace["take"])


def test_a_global_that_only_an_arguments_methods_use_does_not_stand_in_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    namespace = vars(sys.modules["__main__"])
    monkeypatch.setitem(namespace, "stream", endless())
    monkeypatch.setitem(namespace, "Reader", None)
    exec("class Reader:\n    size = 3\n    def read(self):\n        return next(stream)", namespace)

    packed = serializer.pack_function(double) + serializer.pack_arguments((namespace["Reader"](),), {})
    _, args, _ = serializer.unpack_call(packed)

    assert args[0].size == 3


@pytest.mark.parametrize(
    ("task_buffer", "kind", "named"),
    [
        ("", WireError, "3 packed strings, not 0"),
        ("1\nab", WireError, "packed string is damaged: no length at character 3"),
        (
            wire.pack(["01\nAAAA", "00\nAAAA", "00\nAAAA"]),
            DeserializationError,
            "the function: cannot be read by str",
        ),
        (
            serializer.pack_function(double) + wire.pack(["00\n*", "11\n{}"]),
            DeserializationError,
            "the positional argum",
        ),
        (
            serializer.pack_function(double) + wire.pack(["11\n[]", "zz\n{}"]),
            DeserializationError,
            "the keyword argum.*zz",
        ),
        (wire.pack(["11\n7", "11\n[]", "11\n{}"]), DeserializationError, "function is an int, which cannot be called"),
    ],
)
def test_a_damaged_task_says_which_part_is_damaged(task_buffer: str, kind: type[Exception], named: str) -> None:
    with pytest.raises(kind, match=named):
        serializer.unpack_call(task_buffer)


def test_a_large_array_is_written_with_few_copies() -> None:
    import tracemalloc

    array = np.zeros(1 << 20, dtype="u1")
    text_size = array.nbytes * 4 / 3
    tracemalloc.start()
    try:
        serializer.pack_arguments((array,), {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 3.1 * text_size


def test_one_serializer_serves_many_threads() -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        for _ in range(50):
            packed = serializer.pack_function(closure(number)) + serializer.pack_arguments(
                (number, {"a": [number]}), {}
            )
            function, args, _ = serializer.unpack_call(packed)
            if function(1) != number + 1 or args != (number, {"a": [number]}):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_serializer_shows_its_strategies() -> None:
    assert repr(Serializer(AllCodeStrategies())) == "Serializer(code=AllCodeStrategies(), data=DillDataBase64())"
    assert (Serializer().code, Serializer().data) == (AutoCode(), DillDataBase64())
    assert DillCode() != PureSourceTextInspect()
