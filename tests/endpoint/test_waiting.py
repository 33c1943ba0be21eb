from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.endpoint.waiting import Waiting


def drained(waiting: Waiting[str]) -> list[str]:
    return [waiting.pop() for _ in range(len(waiting))]


def test_higher_priorities_come_first_and_equal_ones_in_order() -> None:
    waiting: Waiting[str] = Waiting()
    for name, priority in (("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)):
        waiting.put(name, name, priority=priority)

    assert list(waiting) == ["b", "d", "a", "e", "c"]
    assert drained(waiting) == ["b", "d", "a", "e", "c"]
    assert len(waiting) == 0


def test_a_job_may_be_put_before_those_of_its_priority() -> None:
    waiting: Waiting[str] = Waiting()
    for name, priority in (("a", 0), ("b", 1)):
        waiting.put(name, name, priority=priority)

    waiting.put("again", "again", is_first=True)

    assert drained(waiting) == ["b", "again", "a"]


def test_a_job_can_be_taken_out_of_the_middle() -> None:
    waiting: Waiting[str] = Waiting()
    for name in "abc":
        waiting.put(name, name.upper())

    assert waiting.take("b") == "B"
    assert "b" not in waiting
    with pytest.raises(KeyError):
        waiting.take("b")
    waiting.clear()
    assert (len(waiting), list(waiting)) == (0, [])
    with pytest.raises(IndexError):
        waiting.pop()


@given(st.lists(st.tuples(st.integers(-2, 2), st.booleans()), max_size=30))
def test_whatever_is_put_and_taken_the_order_is_that_of_a_stable_sort(steps: list[tuple[int, bool]]) -> None:
    waiting: Waiting[str] = Waiting()
    expected: list[tuple[int, str]] = []
    for number, (priority, takes) in enumerate(steps):
        waiting.put(str(number), str(number), priority=priority)
        expected.append((priority, str(number)))
        if takes:
            expected.sort(key=lambda one: -one[0])
            _, first = expected.pop(0)
            assert waiting.pop() == first

    assert drained(waiting) == [name for _, name in sorted(expected, key=lambda one: -one[0])]
