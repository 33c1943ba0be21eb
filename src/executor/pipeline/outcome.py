"""What a result message means: a value, or the error to raise."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from ...client import failure_in, failure_of, read_result, value_in
from ...wire.messages import Result
from ...wire.rest import TaskDocument
from ..future import Future


def outcome_of(
    future: Future[Any], result: Result | TaskDocument, deserialize: Callable[[str], Any]
) -> tuple[Any, BaseException | None]:
    """Give what a result holds for a future: a value, or the error to set on it. Never raises.

    No traceback of the error holds on to the payload, or to the future that will hold the error.
    """
    try:
        failure = _failure(future, result)
        if failure is None:
            return _value(result, deserialize), None
    except BaseException as error:  # noqa: BLE001 - whatever reading a value raises belongs to its future
        failure = error
        _let_go(error)
    return None, failure.with_traceback(None)


def _let_go(error: BaseException) -> None:
    """Clear the frames in which the errors behind this one came about: they show where that was, and hold nothing."""
    behind = error.__cause__ or error.__context__
    seen = {id(error)}
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        traceback.clear_frames(behind.__traceback__)
        behind = behind.__cause__ or behind.__context__


def _failure(future: Future[Any], result: Result | TaskDocument) -> BaseException | None:
    if isinstance(result, TaskDocument):
        return failure_in(result) if result.is_finished else None
    error = result.error_details
    if error is None:
        return None
    return failure_of(
        error.code,
        error.user_message,
        result.data,
        task_id=future.task_id,
        endpoint_id=future.endpoint_id,
        function_id=future.function_id,
        details=result.details,
    )


def _value(result: Result | TaskDocument, deserialize: Callable[[str], Any]) -> Any:
    return (
        value_in(result, deserialize)
        if isinstance(result, TaskDocument)
        else read_result(result, result.data, deserialize)
    )
