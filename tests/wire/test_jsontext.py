"""JSON text: the fast way and the thorough way read and write the same."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import example, given

from farpool.wire.jsontext import dumps, exact, loads
from support.values import json_values


def is_finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def has_no_huge_integer(value: Any) -> bool:
    try:
        orjson.dumps(json.loads(json.dumps(value), parse_float=str))
    except TypeError as error:
        return "64-bit" not in str(error)
    return True


@given(json_values.filter(is_finite))
@example(-(2**63) - 1)
def test_what_is_written_is_read_by_us_and_by_the_standard_library(value: Any) -> None:
    text = dumps(value)

    assert loads(text) == value or not has_no_huge_integer(value)
    assert json.loads(text) == value
    assert b"\n" not in text


@pytest.mark.parametrize("value", ["half a pair: \ud800", {"large": 1 << 70}, {1: "a key that is a number"}])
def test_what_orjson_refuses_is_written_by_the_standard_library(value: Any) -> None:
    assert json.loads(dumps(value)) == json.loads(json.dumps(value))


def test_what_orjson_refuses_to_read_is_read_by_the_standard_library() -> None:
    assert math.isnan(loads(b"NaN"))
    assert loads(b'"\\ud800"') == "\ud800"


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"a":1}x', "é".encode("latin-1")])
def test_what_is_not_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}])
def test_what_json_cannot_say_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@given(json_values.filter(has_no_huge_integer))
def test_an_exact_part_comes_back_to_the_letter(value: Any) -> None:
    assert repr(loads(dumps({"part": exact(value)}))["part"]) == repr(value)


def test_an_exact_part_survives_what_orjson_refuses() -> None:
    sent = dumps({"part": exact({"inf": math.inf}), "text": "\ud800"})

    assert json.loads(sent) == {"part": {"inf": math.inf}, "text": "\ud800"}
