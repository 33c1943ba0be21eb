"""Packed strings: closed under concatenation, counted in characters, never misread."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.errors import WireError
from farpool.wire import pack, unpack
from support.values import texts


@given(st.lists(texts))
def test_what_was_packed_is_unpacked(buffers: list[str]) -> None:
    assert unpack(pack(buffers)) == buffers


@given(st.lists(texts), st.lists(texts))
def test_one_packed_string_can_be_appended_to_another(first: list[str], second: list[str]) -> None:
    assert unpack(pack(first) + pack(second)) == first + second


def test_lengths_are_counted_in_characters_not_in_bytes() -> None:
    assert pack(["é∑", ""]) == "2\né∑0\n"


@given(st.text())
def test_any_text_is_unpacked_or_refused_as_a_wire_error(text: str) -> None:
    try:
        buffers = unpack(text)
    except WireError:
        return
    assert sum(map(len, buffers)) < max(len(text), 1)


@given(st.lists(texts, min_size=1), st.data())
def test_a_packed_string_cut_short_is_not_read_as_whole(buffers: list[str], data: st.DataObject) -> None:
    packed = pack(buffers)
    kept = data.draw(st.integers(1, len(packed) - 1)) if len(packed) > 1 else 1

    with suppress(WireError):
        assert unpack(packed[:kept]) != buffers


@pytest.mark.parametrize(
    "damaged", ["x", "3", "3\nab", "-1\nab", " 1\na", "1 \na", "+1\na", "1_0\n" + "a" * 10, "\n", "²\nab", "9" * 30]
)
def test_a_damaged_packed_string_is_refused_with_its_place(damaged: str) -> None:
    with pytest.raises(WireError, match=r"packed string is (damaged|cut short): .*\d"):
        unpack(damaged)
