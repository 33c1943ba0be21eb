"""Task documents: what is answered to whoever asks for a task."""

from __future__ import annotations

from ..errors import WireError
from ..wire import Result, decode
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
        details=None if result is None else result.details,
        error_details=None if error is None else {"code": error.code, "user_message": error.user_message},
        task_group_id=record.task_group_id,
        endpoint_id=record.endpoint_id,
        function_id=record.function_id,
    )


def _read(message: bytes) -> Result:
    result = decode(message)
    if not isinstance(result, Result):
        raise WireError(f"the store holds a {type(result).__name__} where a result was kept")
    return result
