"""Every strategy: what it writes it reads, under its id; what it cannot read it says."""

from __future__ import annotations

import base64
import json
import linecache
import pickle
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.errors import DeserializationError, FarpoolError, SerializationError
from farpool.serialize import (
    STRATEGIES,
    AllCodeStrategies,
    AllDataStrategies,
    CombinedCode,
    DillCode,
    DillCodeSource,
    DillCodeTextInspect,
    DillDataBase64,
    JSONData,
    PickleCode,
    PureSourceDill,
    PureSourceTextInspect,
    Serializer,
    Strategy,
    strategy_named,
    strategy_of,
)
from farpool.wire import pack, unpack
from support.values import builtin_values, json_values, same

from . import functions
from .functions import Greeter, closure, double, fails, typed

IDS = {
    "00": DillDataBase64,
    "11": JSONData,
    "13": AllDataStrategies,
    "01": DillCode,
    "st": PureSourceTextInspect,
    "sd": PureSourceDill,
    "03": DillCodeTextInspect,
    "04": DillCodeSource,
    "02": PickleCode,
    "10": CombinedCode,
    "12": AllCodeStrategies,
}
DATA = [strategy for strategy in STRATEGIES if not strategy.for_code]
CODE = [strategy for strategy in STRATEGIES if strategy.for_code and not isinstance(strategy, PickleCode)]
SOURCE = [PureSourceTextInspect(), PureSourceDill(), DillCodeTextInspect(), DillCodeSource()]


def test_every_id_of_the_protocol_has_its_strategy() -> None:
    assert {strategy.identifier: type(strategy) for strategy in STRATEGIES} == IDS


@given(json_values)
def test_json_values_come_back_from_every_data_strategy(value: Any) -> None:
    for strategy in DATA:
        text = strategy.serialize(value)

        assert same(strategy_of(text).deserialize(text), value)


@given(builtin_values)
def test_all_values_come_back_from_the_default(value: Any) -> None:
    text = DillDataBase64().serialize(value)

    assert text.startswith("00\n")
    assert "\n" not in text[3:]
    assert same(DillDataBase64().deserialize(text), value)


@given(builtin_values)
def test_base64_with_line_breaks_is_read_as_well(value: Any) -> None:
    text = "00\n" + base64.encodebytes(pickle.dumps(value)).decode()

    assert same(DillDataBase64().deserialize(text), value)


@pytest.mark.parametrize("strategy", CODE, ids=str)
@pytest.mark.parametrize("function", [double, typed])
def test_functions_come_back_from_every_code_strategy(strategy: Strategy, function: Callable[..., Any]) -> None:
    text = strategy.serialize(function)

    made = strategy_of(text).deserialize(text)

    assert text.startswith(f"{strategy.identifier}\n")
    assert made(3) == function(3)


@pytest.mark.parametrize("strategy", SOURCE, ids=str)
def test_source_is_sent_as_text_so_it_runs_anywhere(strategy: Strategy) -> None:
    made = strategy.deserialize(strategy.serialize(double))

    assert made is not double
    assert made.__code__.co_consts != ()
    assert made(3) == 6


def test_plain_source_can_be_read_by_a_person() -> None:
    text = PureSourceTextInspect().serialize(fails)

    assert text == 'st\nfails:def fails() -> None:\n    raise LookupError("it: fails")\n'


def test_a_function_defined_inside_another_is_sent_without_its_indentation() -> None:
    def inner(number: int) -> int:
        return number + 1

    for strategy in SOURCE:
        assert strategy.deserialize(strategy.serialize(inner))(1) == 2


@pytest.mark.parametrize("strategy", SOURCE, ids=str)
@pytest.mark.parametrize(
    ("function", "because"),
    [
        (closure(1), "it closes over more"),
        (lambda: 1, "a lambda cannot be sent as source"),
        (functions.uses_its_module, "it uses double, math of its module; import or define that inside"),
        (Greeter().greet, "a method cannot be sent as source"),
        (Greeter(), "a Greeter cannot be sent as source"),
        (len, "a builtin_function_or_method cannot be sent as source"),
        (eval("lambda: 1"), "lambda"),
    ],
)
def test_what_source_alone_cannot_make_anew_is_refused_with_the_reason(
    strategy: Strategy, function: Any, because: str
) -> None:
    with pytest.raises(SerializationError, match=because):
        strategy.serialize(function)


@pytest.mark.parametrize("strategy", SOURCE, ids=str)
def test_a_function_without_a_file_is_refused_with_the_reason(strategy: Strategy) -> None:
    namespace: dict[str, Any] = {}
    exec("def nowhere(): pass", namespace)

    with pytest.raises(SerializationError, match="source of 'nowhere' was not found"):
        strategy.serialize(namespace["nowhere"])


@pytest.mark.parametrize("strategy", SOURCE, ids=str)
def test_the_text_of_something_else_under_the_same_file_name_is_not_taken(
    strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace: dict[str, Any] = {}
    exec("def nowhere(): pass", namespace)
    lines = ["def elsewhere(): pass\n"]
    monkeypatch.setitem(linecache.cache, "<string>", (0, None, lines, "<string>"))

    with pytest.raises(SerializationError, match="source of 'nowhere' was not found"):
        strategy.serialize(namespace["nowhere"])


def test_bytecode_alone_is_sent_of_what_has_no_source() -> None:
    text = AllCodeStrategies().serialize(closure(5))

    assert [one[:2] for one in unpack(text[3:])] == ["01"]
    assert AllCodeStrategies().deserialize(text)(1) == 6


def test_all_code_strategies_write_source_first() -> None:
    assert [one[:3] for one in unpack(AllCodeStrategies().serialize(double)[3:])] == ["st\n", "sd\n", "01\n"]


def test_all_data_strategies_write_json_first_where_it_is_possible() -> None:
    strategy = AllDataStrategies()

    assert [one[:3] for one in unpack(strategy.serialize([1])[3:])] == ["11\n", "00\n"]
    assert [one[:3] for one in unpack(strategy.serialize({1j})[3:])] == ["00\n"]


@pytest.mark.parametrize("strategy", [AllCodeStrategies(), AllDataStrategies()], ids=str)
def test_parts_that_cannot_be_read_are_passed_over(strategy: AllCodeStrategies | AllDataStrategies) -> None:
    good = strategy.parts[-1].serialize(len)
    text = f"{strategy.identifier}\n" + pack(["?? what", "st\nf:def g(): 1", "11\n{", good])

    assert strategy.deserialize(text) is len


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 4])
def test_each_part_of_combined_code_can_be_read_on_its_own(kept: int) -> None:
    text = CombinedCode().serialize(double)
    pieces: list[str] = [part.serialize(double) for part in CombinedCode.parts]
    broken = "10\n" + ":".join(
        f"{one[:3]}:{one[3:]}" if place == kept else f"{one[:3]}:damaged" for place, one in enumerate(pieces)
    )

    assert text == "10\n" + ":".join(f"{one[:3]}:{one[3:]}" for one in pieces)
    assert CombinedCode().deserialize(broken)(4) == 8


def test_very_old_functions_are_read_and_never_written() -> None:
    text = "02\n" + base64.encodebytes(pickle.dumps(json.dumps)).decode()

    assert strategy_of(text).deserialize(text) is json.dumps
    with pytest.raises(SerializationError, match=r"use DillCode"):
        PickleCode().serialize(double)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
@given(body=st.text(alphabet=st.characters(max_codepoint=300), max_size=30))
def test_damaged_text_is_an_error_of_the_right_kind(strategy: Strategy, body: str) -> None:
    if isinstance(strategy, PureSourceTextInspect | DillCodeSource | DillCodeTextInspect | CombinedCode):
        body = body.replace("(", "")  # nothing that could be a call
    try:
        strategy.deserialize(f"{strategy.identifier}\n{body}")
    except FarpoolError as error:
        assert str(error)  # noqa: PT017 - either is right


def test_bytecode_of_another_python_is_refused_before_it_can_crash_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0, "final", 0))
    text = DillCode().serialize(lambda: 1)
    monkeypatch.undo()

    with pytest.raises(DeserializationError, match=r"bytecode of Python 3\.99, which Python 3\.\d+ cannot run: "):
        DillCode().deserialize(text)


def test_an_unknown_id_is_named_with_those_known() -> None:
    with pytest.raises(DeserializationError, match=r"begins with '99\\n', .*known: 00, 11, 13, 01"):
        Serializer().deserialize("99\nabc")


def test_text_of_another_strategy_is_refused() -> None:
    with pytest.raises(DeserializationError, match=r"strategy 11 \(JSONData\) cannot read text that begins with '00"):
        JSONData().deserialize(DillDataBase64().serialize(1))


def test_a_module_that_is_missing_here_is_named() -> None:
    text = "00\n" + base64.b64encode(b"cno_such_module\nthing\n.").decode()

    with pytest.raises(
        DeserializationError, match=r"strategy 00 .* install the module 'no_such_module' here, .*Python"
    ):
        Serializer().deserialize(text)


def test_anything_else_hints_at_versions() -> None:
    with pytest.raises(DeserializationError, match=r"another version of Python, dill .* Here: Python 3\.\d+\.\d+, di"):
        Serializer().deserialize("00\nAAAA")


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_strategy_is_found_by_its_path_here_its_path_in_the_sdk_and_its_name(strategy: Strategy) -> None:
    name = type(strategy).__name__

    for path in (f"farpool.serialize.{name}", f"globus_compute_sdk.serialize.{name}", name):
        assert strategy_named(path) == strategy


def test_an_unknown_name_is_refused_with_those_known() -> None:
    with pytest.raises(ValueError, match=r"'my.module.Mine'; known: DillDataBase64, JSONData"):
        strategy_named("my.module.Mine")


def test_a_users_own_strategy_needs_two_methods() -> None:
    class Upper(Strategy):
        identifier = "up"
        for_code = False

        def encode(self, value: Any) -> str:
            return textwrap.dedent(value).upper()

        def decode(self, body: str) -> Any:
            return body.lower()

    assert Serializer(data=Upper()).serialize("abc") == "up\nABC"
    assert Upper().deserialize("up\nABC") == "abc"
    with pytest.raises(SerializationError, match=r"an int cannot be serialized by strategy up \(Upper\): "):
        Upper().serialize(3)
