from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.broker.exchange import topic_matches

words = st.sampled_from(["a", "b", "", "ab"])
keys = st.lists(words, max_size=6).map(".".join)
patterns = st.lists(st.one_of(words, st.sampled_from(["*", "#"])), max_size=6).map(".".join)


@pytest.mark.parametrize(
    ("pattern", "taken", "not_taken"),
    [
        ("*.results", ["f5c3.results", ".results"], ["results", "a.b.results", "f5c3.results.x", "f5c3.heartbeats"]),
        ("a.#", ["a", "a.b", "a.b.c", "a."], ["", "b.a", "ab"]),
        ("#.a.#", ["a", "x.a", "a.x", "x.y.a.z"], ["", "x", "b.c"]),
        ("#", ["", "a", "a.b.c"], []),
        ("*", ["a"], ["", "a.b"]),
        ("", [""], ["a"]),
        ("a.*.#.b", ["a.x.b", "a.x.y.z.b"], ["a.b", "a.x", "x.a.x.b"]),
        ("a[.]c", ["a[.]c"], ["a.c", "abc"]),
    ],
)
def test_a_pattern_takes_its_keys_and_no_others(pattern: str, taken: list[str], not_taken: list[str]) -> None:
    assert [key for key in (*taken, *not_taken) if topic_matches(pattern, key)] == taken


def by_regular_expression(pattern: str, key: str) -> bool:
    """Say the same in another way: every word is written with a dot before it."""
    parts = {"*": r"\.[^.]*", "#": r"(\.[^.]*)*"}
    expression = "".join(parts.get(word, r"\." + re.escape(word)) for word in (pattern.split(".") if pattern else []))
    return re.fullmatch(expression, "".join("." + word for word in (key.split(".") if key else []))) is not None


@given(patterns, keys)
def test_matching_is_what_the_same_regular_expression_does(pattern: str, key: str) -> None:
    assert topic_matches(pattern, key) == by_regular_expression(pattern, key)
