"""What a result message means: a value, or the error to raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..client import failure_of, value_in
from ..wire.messages import Result
from ..wire.rest import TaskDocument
from .future import Future


def value_of(future: Future[Any], result: Result | TaskDocument, deserialize: Callable[[str], Any]) -> Any:
    """Give the value that a result holds for a future.

    Raises:
        BaseException: there is none: a `TaskError`, or whatever reading the value raised.
    """
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
