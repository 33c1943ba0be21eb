"""What a result holds for a future."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest

from farpool import Future
from farpool.errors import DeserializationError, TaskExecutionFailed, TaskPending
from farpool.executor.pipeline.outcome import outcome_of
from farpool.serialize import Serializer
from farpool.serialize.exceptions import describe
from farpool.wire import ErrorDetails, Result, new_id
from farpool.wire.rest import TaskDocument

TASK = new_id()


def outcome(result: Result | TaskDocument) -> tuple[Any, BaseException | None]:
    return outcome_of(Future(), result, Serializer().deserialize)


class Trap:
    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __reduce__(self) -> Any:
        return _spring, (self.kind,)


def _spring(kind: type[BaseException]) -> None:
    raise kind("while it was read")


def frames(error: BaseException | None) -> Iterator[TracebackType]:
    while error is not None:
        place = error.__traceback__
        while place is not None:
            yield place
            place = place.tb_next
        error = error.__cause__ or error.__context__


def test_a_value_is_given_without_an_error() -> None:
    text = Serializer().serialize([1])

    assert outcome(Result(TASK, text)) == ([1], None)
    assert outcome(TaskDocument(TASK, "success", "1", result=text)) == ([1], None)


@pytest.mark.parametrize("sends_itself", [True, False])
def test_an_error_is_given_whichever_way_the_result_comes(sends_itself: bool) -> None:
    text = "Traceback (most recent call last):\nValueError: no luck"
    details = {"farpool_exception": describe(ValueError("no luck"))} if sends_itself else None
    error_details = {"code": "RemoteExecutionError", "user_message": "it failed"}
    ways: list[Result | TaskDocument] = [
        Result(TASK, text, details, ErrorDetails(**error_details)),
        TaskDocument(TASK, "failed", "1", exception=text, details=details, error_details=error_details),
    ]
    for result in ways:
        value, error = outcome(result)

        assert value is None
        assert isinstance(error, ValueError)
        assert isinstance(error, TaskExecutionFailed)
        assert error.args == ("no luck",)


def test_a_task_that_is_not_finished_has_no_value() -> None:
    _, error = outcome(TaskDocument(TASK, "running"))

    assert isinstance(error, TaskPending)


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_whatever_reading_a_value_raises_is_the_error(kind: type[BaseException]) -> None:
    _, error = outcome(Result(TASK, Serializer().serialize([Trap(kind)])))

    assert isinstance(error, DeserializationError if issubclass(kind, Exception) else kind)


def test_the_errors_of_a_value_that_cannot_be_read_hold_nothing_of_it() -> None:
    text = Serializer().serialize([Trap(ValueError)])

    _, error = outcome(Result(TASK, text))

    assert isinstance(error, DeserializationError)
    told = list(frames(error))
    assert [one.tb_frame.f_code.co_name for one in told][-1] == "_spring"  # where it went wrong is still to be seen
    assert not any(text in map(str, one.tb_frame.f_locals.values()) for one in told)
    assert pickle.loads(pickle.dumps(error)).args == error.args
