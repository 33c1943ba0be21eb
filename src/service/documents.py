"""Task documents: what is answered to whoever asks for a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WireError
from ..wire import Result, decode
from ..wire.messages import TRANSITIONS
from ..wire.rest import TaskDocument
from .store.outcomes import Record


def document_of(record: Record) -> TaskDocument:
    """Write the document of a task: with its result or its error when it is finished."""
    result = None if record.message is None else _read(record.message)
    error = None if result is None else result.error_details
    return TaskDocument(
        task_id=record.task_id,
        status=record.state,
        completion_t=None if record.finished_at is None else str(record.finished_at),
        result=None if result is None or result.is_error else result.data,
        exception=result.data if result is not None and result.is_error else None,
        details=None if result is None else _details(result),
        error_details=None if error is None else {"code": error.code, "user_message": error.user_message},
        task_group_id=record.task_group_id,
        endpoint_id=record.endpoint_id,
        function_id=record.function_id,
    )


def _details(result: Result) -> Mapping[str, Any] | None:
    """Give the facts about the worker, and when its run of the task began and ended."""
    if not result.task_statuses:
        return result.details
    times = {one.state.value: one.timestamp / 1e9 for one in result.task_statuses}
    return {**(result.details or {}), TRANSITIONS: times}


def _read(message: bytes) -> Result:
    result = decode(message)
    if not isinstance(result, Result):
        raise WireError(f"the store holds a {type(result).__name__} where a result was kept")
    return result
