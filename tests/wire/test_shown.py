"""Values in messages."""

from __future__ import annotations

import pytest

from farpool.wire.ids import as_id
from farpool.wire.shown import quoted, shown


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x' (str)"),
        (5, "5 (int)"),
        ([1, {"a": None}], "[1, {'a': None}] (list)"),
    ],
)
def test_a_value_is_shown_with_its_type(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_value_whose_repr_raises_is_shown_by_its_type() -> None:
    assert shown(Broken()).startswith("<Broken ")
    assert quoted({Broken()}).startswith("{<Broken ")


def test_a_large_value_takes_a_line() -> None:
    values = ["x" * 10_000_000, 10**10_000, list(range(100_000)), {"x" * 10_000: Broken()}]

    assert [len(quoted(value)) < 200 for value in values] == [True] * 4


def test_what_is_no_id_is_told_in_a_line_however_long_it_is() -> None:
    with pytest.raises(ValueError, match=r"^task_id 'xxxx.*xxxx' is not a UUID") as caught:
        as_id("x" * 10_000_000, "task_id")
    assert len(str(caught.value)) < 200
