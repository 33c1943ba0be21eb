"""The exceptions of tasks, of their own type and of ours."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from farpool.client.from_task import FromTask, as_raised, chain, say, tell
from farpool.errors import FarpoolError, RemoteTraceback, TaskError, TaskExecutionFailed, WorkerLost
from farpool.serialize.exceptions import describe, rebuild, state_of
from support import raising
from support.raising import CUSTOM, builtin_types, made

FACTS = {"task_id": "t", "endpoint_id": "e", "function_id": "f", "code": "RemoteExecutionError"}

#: What no class can be made of that is a TaskExecutionFailed as well.
ALONE = {"sole", "group of all"}


def received(error: BaseException) -> BaseException:
    """Give what a client makes of an exception."""
    again = rebuild(describe(error), as_raised).error
    tell(again, **FACTS)
    chain(again, RemoteTraceback("over there"))
    return again


def assert_is_both(error: BaseException, original: BaseException) -> None:
    kind = type(original)
    assert isinstance(error, kind)
    assert isinstance(error, TaskExecutionFailed)
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(type(error), name) == getattr(kind, name)
    assert error.args == original.args or repr(error.args) == repr(original.args)
    assert str(error) == str(original)
    assert repr(error) == repr(original)
    said = [traceback.format_exception_only(type(one), one) for one in (error, original)]
    assert said[0] == said[1]


@pytest.mark.parametrize("kind", builtin_types())
def test_every_builtin_exception_is_raised_as_both(kind: type[BaseException]) -> None:
    original = made(kind)
    error = received(original)

    assert_is_both(error, original)
    with pytest.raises(kind):
        raise error
    with pytest.raises(TaskExecutionFailed):
        raise error


@pytest.mark.parametrize("name", sorted(set(CUSTOM) - ALONE))
def test_exceptions_of_users_are_raised_as_both(name: str) -> None:
    assert_is_both(received(CUSTOM[name]()), CUSTOM[name]())


@pytest.mark.parametrize("name", sorted(ALONE & set(CUSTOM)))
def test_where_no_class_can_be_both_the_original_itself_is_raised(name: str) -> None:
    original = CUSTOM[name]()
    error: Any = received(original)

    assert error.task_id == "t"
    assert type(error) is type(original)
    assert str(error) == str(original)
    assert isinstance(error.__cause__, RemoteTraceback)


def same_thing(one: BaseException, other: BaseException) -> bool:
    told, held = state_of(one), state_of(other)
    return type(one) is type(other) and str(one) == str(other) and repr(told) == repr(held)


def pickled(error: BaseException) -> BaseException:
    twin: BaseException = pickle.loads(pickle.dumps(error))
    return twin


@pytest.mark.parametrize("again", ["copied", "deeply", "pickled"])
@pytest.mark.parametrize("make", [*CUSTOM.values(), *(lambda kind=kind: made(kind) for kind in builtin_types())])
def test_what_is_raised_pickles_and_copies_as_both(make: Callable[[], BaseException], again: str) -> None:
    error = received(make())
    if not isinstance(error, FromTask):
        return

    ways: dict[str, Callable[[BaseException], BaseException]] = {
        "copied": copy.copy,
        "deeply": copy.deepcopy,
        "pickled": pickled,
    }
    twin = ways[again](error)

    assert same_thing(twin, error)
    assert twin is not error
    assert isinstance(twin.__cause__, RemoteTraceback)
    assert str(twin.__cause__) == "over there"


def test_a_copy_shares_its_attributes_and_a_deep_copy_does_not() -> None:
    original = ValueError("x")
    original.__dict__["rows"] = [1]
    error: Any = received(original)

    assert copy.copy(error).rows is error.rows
    assert copy.deepcopy(error).rows == error.rows
    assert copy.deepcopy(error).rows is not error.rows


def test_the_class_is_made_once() -> None:
    assert as_raised(ValueError) is as_raised(ValueError)
    assert type(received(ValueError(1))) is as_raised(ValueError)


@pytest.mark.parametrize("kind", [BaseException, Exception, FarpoolError, TaskError])
def test_what_ours_derives_from_becomes_ours(kind: type[BaseException]) -> None:
    error = received(kind("a text"))

    assert isinstance(error, TaskExecutionFailed)
    assert type(error).__name__ == kind.__name__
    assert str(error) == "a text"


def test_an_error_of_a_task_inside_a_task_keeps_its_own_facts() -> None:
    error = received(WorkerLost("inner", task_id="inner task"))

    assert isinstance(error, WorkerLost)
    assert (error.task_id, error.code) == ("inner task", None)


def test_what_came_from_a_task_can_be_sent_on() -> None:
    first = received(raising.WantsMore("it", code=3))
    second = received(first)

    assert type(second) is type(first)
    assert isinstance(second, raising.WantsMore)
    assert second.code == 3
    assert isinstance(second.__cause__, RemoteTraceback)
    assert isinstance(second.__cause__.__cause__, RemoteTraceback)


def test_facts_about_the_task_are_attributes() -> None:
    error: Any = received(ValueError("x"))

    assert {name: getattr(error, name) for name in FACTS} == FACTS


def test_attributes_of_the_original_come_first() -> None:
    error: Any = received(raising.TaskIdOfItsOwn())
    leaving: Any = received(SystemExit(3))

    assert (error.task_id, error.code, error.endpoint_id) == (7, "a code of its own", "e")
    assert (leaving.code, leaving.task_id) == (3, "t")


def test_the_remote_traceback_goes_below_the_innermost_cause() -> None:
    original = ValueError("outer")
    original.__cause__ = KeyError("inner")

    error = received(original)

    assert isinstance(error.__cause__, KeyError)
    assert isinstance(error.__cause__.__cause__, RemoteTraceback)
    assert error.__cause__.__cause__.__cause__ is None


def test_a_context_stays_beside_the_remote_traceback() -> None:
    original = ValueError("outer")
    original.__context__ = KeyError("inner")

    error = received(original)

    assert isinstance(error.__cause__, RemoteTraceback)
    assert isinstance(error.__context__, KeyError)
    assert error.__suppress_context__ is False


def test_causes_in_a_circle_end_in_the_remote_traceback() -> None:
    one, two = ValueError(1), KeyError(2)
    one.__cause__, two.__cause__ = two, one

    error = received(one)

    assert isinstance(error.__cause__, KeyError)
    assert isinstance(error.__cause__.__cause__, RemoteTraceback)
    assert "over there" in "".join(traceback.format_exception(error))


def test_an_exception_says_what_the_original_said_though_it_lacks_what_that_takes() -> None:
    error = as_raised(raising.Slotted)("ignored")
    say(error, "what it said")

    assert str(error) == "what it said"
    assert str(pickle.loads(pickle.dumps(error))) == "what it said"


def test_a_class_that_cannot_be_found_any_more_comes_back_as_text() -> None:
    class Local(ValueError):
        pass

    error = received(Local("x"))

    assert isinstance(pickle.loads(pickle.dumps(error)), ValueError)
