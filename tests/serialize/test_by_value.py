"""Functions of farpool's own on workers without farpool."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from farpool.serialize import AllCodeStrategies, DillCode, PureSourceDill, PureSourceTextInspect, Serializer, by_value

from .functions import closure, double

fn: Any  # in the namespace that `by_value` gives


def run_all(calls: list[tuple[Any, ...]], *, offset: int = 0) -> list[Any]:
    """Call `fn` for each."""
    return [fn(*call) + offset for call in calls]  # noqa: F821 - as above


def test_it_calls_what_is_in_its_namespace() -> None:
    assert by_value(run_all, fn=double)([(1,), (2,)], offset=1) == [3, 5]


@pytest.mark.parametrize(
    "strategy", [DillCode(), PureSourceTextInspect(), PureSourceDill(), AllCodeStrategies()], ids=str
)
def test_every_code_strategy_sends_it_whole(strategy: Any) -> None:
    made = strategy.deserialize(strategy.serialize(by_value(run_all, fn=double)))

    assert made([(1,), (2,)], offset=1) == [3, 5]


def test_as_bytecode_it_names_neither_farpool_nor_the_module_nor_the_file_it_was_written_in() -> None:
    text = DillCode().serialize(by_value(run_all, fn=math.sqrt))

    data = base64.b64decode(text[3:])
    assert b"test_by_value" not in data
    assert b"farpool." not in data
    assert b"serialize" not in data


def test_a_function_without_source_in_its_namespace_still_goes_as_bytecode() -> None:
    text = AllCodeStrategies().serialize(by_value(run_all, fn=closure(3)))

    assert AllCodeStrategies().deserialize(text)([(1,)]) == [4]


def test_what_it_would_miss_on_a_worker_is_refused_by_name() -> None:
    def careless(calls: list[Any]) -> object:
        return [math.sqrt(fn(call)) for call in calls]  # noqa: F821 - as above

    with pytest.raises(ValueError, match="careless uses fn, math: import it inside, or pass it along"):
        by_value(careless)


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="closes over"):
        by_value(closure(1))


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ValueError, match="not a builtin_function_or_method"):
        by_value(len)


def test_a_users_function_in_it_that_cannot_be_sent_is_named() -> None:
    from farpool.errors import SerializationError

    stuck = closure(number for number in [1])

    with pytest.raises(SerializationError, match=r"function closure\.<locals>\.add .* its free variable 'more', a gen"):
        Serializer().pack_function(by_value(run_all, fn=stuck))
