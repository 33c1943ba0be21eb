"""Ids: one spelling inside, two spellings accepted, nothing else."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.wire import as_id, new_id


@given(st.uuids())
def test_every_usual_spelling_gives_the_lower_case_hyphenated_one(value: uuid.UUID) -> None:
    for spelling in (value, str(value), str(value).upper(), value.hex, value.hex.upper()):
        assert as_id(spelling, "task_id") == str(value)


def test_a_new_id_is_a_random_version_4_uuid_in_the_usual_spelling() -> None:
    made = {new_id() for _ in range(1000)}

    assert len(made) == 1000
    for one in made:
        assert uuid.UUID(one).version == 4
        assert uuid.UUID(one).variant == uuid.RFC_4122
        assert as_id(one, "task_id") == one


@given(st.text())
def test_any_other_text_is_refused_by_name_and_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"endpoint_id .* is not a UUID"):
        as_id(text, "endpoint_id")


@pytest.mark.parametrize(
    "almost",
    [
        "1_1_1111111111111111111111111111",
        "+1111111111111111111111111111111",
        " 1111111111111111111111111111111",
        "4b116d3c17034f8f9f6f39921e5864df\n",
        "4b116d3c-1703-4f8f-9f6f-39921e5864df\n",
        "4b11-6d3c17034f8f9f6f39921e58-64df",
        "\N{ARABIC-INDIC DIGIT ONE}" * 32,
    ],
)
def test_what_python_would_read_as_a_uuid_although_it_is_none_is_refused(almost: str) -> None:
    with pytest.raises(ValueError, match="function_id"):
        as_id(almost, "function_id")


@pytest.mark.parametrize("value", [None, 7, b"4b116d3c-1703-4f8f-9f6f-39921e5864df", ["a"]])
def test_what_is_no_text_at_all_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match=f"task_group_id .*{type(value).__name__}"):
        as_id(value, "task_group_id")
