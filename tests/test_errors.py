"""The error tree: as it is drawn, and through pickle and back."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import pytest

from farpool import errors
from farpool.errors import FarpoolError, SerializationError, ServiceError, TaskError, TaskPending
from farpool.serialize import Serializer

CLASSES = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, FarpoolError)]
WARNINGS = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, Warning)]

_FACTS: dict[type[FarpoolError], dict[str, Any]] = {
    ServiceError: {"http_status": 404, "code": "NOT_FOUND", "request_id": "abc"},
    TaskPending: {"task_id": "t", "status": "running"},
    TaskError: {"task_id": "t", "endpoint_id": "e", "function_id": "f", "code": "RemoteExecutionError"},
}


def facts_of(kind: type[FarpoolError]) -> dict[str, Any]:
    """Give a value for every attribute that a class takes."""
    return next((facts for base, facts in _FACTS.items() if issubclass(kind, base)), dict[str, Any]())


def drawn_tree() -> dict[str, str | None]:
    """Read the tree in the docstring: each class and the class it stands under."""
    parents: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([ |`-]*)([A-Z]\w+)(?:\s{2,}|$)", line)
        if match:
            depth = len(match[1])
            while above and above[-1][0] >= depth:
                above.pop()
            parents[match[2]] = above[-1][1] if above else None
            above.append((depth, match[2]))
    return parents


def test_the_tree_is_as_it_is_drawn() -> None:
    classes = {kind.__name__: kind.__base__.__name__ for kind in [*CLASSES, *WARNINGS] if kind.__base__}

    assert drawn_tree() == {**classes, "FarpoolError": None, "UserWarning": None}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_pickles_with_its_message_and_its_attributes(kind: type[FarpoolError]) -> None:
    facts = facts_of(kind)
    error: Any = kind("what happened; what to do", **facts)
    error.add_note = None  # any attribute a program puts on it

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))

        assert type(again) is kind
        assert (again.args, str(again)) == (error.args, "what happened; what to do")
        assert vars(again) == vars(error)
        assert {name: getattr(again, name) for name in facts} == facts


@pytest.mark.parametrize("kind", CLASSES)
def test_every_attribute_may_be_unknown(kind: type[FarpoolError]) -> None:
    error = kind("what happened")

    assert all(getattr(error, name) is None for name in facts_of(kind))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_says_when_it_is_raised(kind: type[FarpoolError]) -> None:
    assert kind.__doc__


def test_a_service_error_keeps_the_message_as_an_attribute() -> None:
    assert ServiceError("no such endpoint").message == "no such endpoint"


def test_what_cannot_be_serialized_is_a_type_error_as_with_pickle() -> None:
    assert issubclass(SerializationError, TypeError)
    with pytest.raises(TypeError, match="argument 1"):
        Serializer().pack_arguments(((one for one in "abc"),), {})
