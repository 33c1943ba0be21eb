"""What a result message means: a value, or the error to raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..client import failure_of, value_in
from ..wire.messages import Result
from ..wire.rest import TaskDocument
from .future import Future


def settle(future: Future[Any], result: Result | TaskDocument, deserialize: Callable[[str], Any]) -> None:
    """Give a future its value or its error; never raises for what the result holds."""
    try:
        value = _value(future, result, deserialize)
    except Exception as error:  # noqa: BLE001 - whatever reading a value raises belongs to its future
        future.set_exception(error)
    else:
        future.set_result(value)
    # The traceback of an error that was raised here refers to this frame, and so to the future.
    del future


def _value(future: Future[Any], result: Result | TaskDocument, deserialize: Callable[[str], Any]) -> Any:
    if isinstance(result, TaskDocument):
        return value_in(result, deserialize)
    error = result.error_details
    if error is None:
        return deserialize(result.data)
    raise failure_of(
        error.code,
        error.user_message,
        result.data,
        task_id=future.task_id,
        endpoint_id=future.endpoint_id,
        function_id=future.function_id,
    )
