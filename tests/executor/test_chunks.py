"""How many calls make a task, from given times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpool.executor.maps.chunks import (
    GROWTH,
    LEAST_S,
    TARGET_BYTES,
    TARGET_S,
    AutoSize,
    FixedSize,
    Measured,
    count_of,
    cut,
    sizes_for,
)


def sizes_of(sizes: AutoSize, *, seconds_per_call: float, bytes_per_call: int = 0, tasks: int = 20) -> list[int]:
    """The sizes of tasks that run one after the other."""
    given_out: list[int] = []
    for _ in range(tasks):
        size = sizes.next()
        given_out.append(size)
        sizes.note(Measured(size, size * seconds_per_call, size * bytes_per_call))
    return given_out


def calls(count: int) -> Iterator[tuple[int]]:
    return ((number,) for number in range(count))


def test_calls_are_cut_into_chunks_of_one_size() -> None:
    assert list(cut(calls(5), FixedSize(2))) == [[(0,), (1,)], [(2,), (3,)], [(4,)]]


def test_no_more_is_read_than_the_next_chunk_needs() -> None:
    numbers = itertools.count()

    next(cut(((number,) for number in numbers), FixedSize(3)))

    assert next(numbers) == 3


def test_before_anything_is_measured_tasks_make_one_call() -> None:
    sizes = AutoSize(workers=2)

    assert [sizes.next() for _ in range(10)] == [1] * 10


def test_quick_calls_grow_step_by_step_to_the_target() -> None:
    given_out = sizes_of(AutoSize(workers=2), seconds_per_call=0.001)

    assert given_out[:3] == [1, GROWTH, GROWTH**2]
    assert given_out[-1] == pytest.approx(TARGET_S / 0.001, abs=1)


def test_slow_calls_stay_alone() -> None:
    assert set(sizes_of(AutoSize(workers=2), seconds_per_call=1.0)) == {1}


def test_calls_that_become_slow_make_tasks_smaller_again() -> None:
    sizes = AutoSize(workers=2)
    sizes_of(sizes, seconds_per_call=0.001)

    assert sizes_of(sizes, seconds_per_call=0.1)[-1] == 3


def test_large_payloads_bound_a_task() -> None:
    assert sizes_of(AutoSize(workers=2), seconds_per_call=0.0, bytes_per_call=100_000)[-1] == TARGET_BYTES // 100_000


def test_of_a_known_number_of_calls_each_worker_gets_a_share() -> None:
    sizes = AutoSize(workers=4, calls=80)
    sizes.note(Measured(10, 10 * 0.025))  # twelve calls would take the target's time

    assert sizes.next() == 10  # eight shares


def test_a_share_is_not_smaller_than_what_pays() -> None:
    sizes = AutoSize(workers=4, calls=8)
    sizes.note(Measured(100, 100 * LEAST_S / 50))

    assert sizes.next() == 50


@settings(deadline=None)
@given(
    st.integers(1, 64),
    st.one_of(st.none(), st.integers(0, 10_000)),
    st.lists(st.tuples(st.floats(0, 10), st.integers(0, 10_000_000)), max_size=30),
)
def test_a_size_is_at_least_one_and_grows_no_faster_than_measured(
    workers: int, count: int | None, costs: list[tuple[float, int]]
) -> None:
    sizes = AutoSize(workers=workers, calls=count)
    largest = 0

    for seconds, size_bytes in costs:
        size = sizes.next()
        assert 1 <= size <= max(1, GROWTH * largest)
        largest = max(largest, size)
        sizes.note(Measured(size, seconds, size_bytes))


def test_the_user_chooses_the_kind() -> None:
    assert isinstance(sizes_for("auto", workers=1, calls=None), AutoSize)
    assert sizes_for(7, workers=1, calls=None).next() == 7


def test_the_number_of_calls_is_that_of_the_shortest_iterable_that_knows() -> None:
    assert count_of([1, 2, 3], itertools.repeat(0), range(2)) == 2
    assert count_of(itertools.repeat(0), calls(3)) is None
    assert count_of() is None
