"""What a task came to: a value, or the right error of our tree. Reads no network; shared with the executor.

Codes come from three kinds of endpoint and from two services, so they are compared without regard to case and `_`.

| code | error |
|---|---|
| `RemoteExecutionError`, or none | `TaskExecutionFailed`; `WorkerLost` or `ResultTooLarge` where the text says so |
| `MaxResultSizeExceeded`, `ResultTooLarge` | `ResultTooLarge` |
| `WorkerLost` | `WorkerLost` |
| `TaskTimeout` | `TaskTimeout` |
| `TaskCancelled` | `TaskCancelled` |
| `EndpointOffline` | `EndpointOffline` |
| anything else | `TaskError`: the function was not run to its end, and it is not the function's fault |

Source: Globus Compute wire protocol, error results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import (
    DeserializationError,
    EndpointOffline,
    ResultTooLarge,
    TaskCancelled,
    TaskError,
    TaskExecutionFailed,
    TaskPending,
    TaskTimeout,
    WorkerLost,
)
from ..wire.messages import EXCEPTION
from ..wire.rest import TaskDocument
from .raised import raised
from .versions import read_result

_BY_CODE: dict[str, type[TaskError]] = {
    "remoteexecutionerror": TaskExecutionFailed,
    "maxresultsizeexceeded": ResultTooLarge,
    "resulttoolarge": ResultTooLarge,
    "workerlost": WorkerLost,
    "tasktimeout": TaskTimeout,
    "taskcancelled": TaskCancelled,
    "endpointoffline": EndpointOffline,
}

#: How the incumbent's agent spells the two that it has no code for, or drops the code of on the way.
_TOO_LARGE = re.compile(r"\bMaxResultSizeExceeded\((?P<size>\d+), (?P<limit>\d+)\)")
_WORKER_LOST = re.compile(r"^[ \t]*parsl\.\S{,200}\.(?:Worker|Manager)Lost\b", re.MULTILINE)


def failure_of(
    code: str | None,
    message: str | None,
    text: str,
    *,
    task_id: str | None = None,
    endpoint_id: str | None = None,
    function_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> BaseException:
    """Make the error for a task that failed.

    Args:
        code: the error code on the wire, or None.
        message: the wire's one line for people, or None.
        text: the remote traceback, or what else there is to tell.
        task_id: the task, where known.
        endpoint_id: where it was to run, where known.
        function_id: its function, where known.
        details: what else the result holds; the exception itself, from a farpool endpoint.

    Returns:
        The error, to raise or to set on a future: a `TaskError`. Where the function raised, it is of that exception's
        type too; of that alone, where no class can be both.
    """
    # What looks in the text like the loss of a worker, the function may have raised itself.
    kind = TaskExecutionFailed if EXCEPTION in (details or {}) else _kind_of(code, text)
    where = _where(task_id, endpoint_id)
    facts = {"task_id": task_id, "endpoint_id": endpoint_id, "function_id": function_id, "code": code}
    reason = ""
    if kind is TaskExecutionFailed:
        what = raised(text, details, where=where.strip(" ()"), **facts)
        if what.error is not None:
            return what.error
        text, reason = what.text, what.reason
    return kind(_message(kind, message, text, where, reason), **facts)


def failure_in(document: TaskDocument) -> BaseException | None:
    """Make the error that a finished task's document tells of, or None where it holds a result."""
    if document.result is not None:
        return None
    details = document.error_details or {}
    code = details.get("code")
    text = document.exception or document.reason
    if document.status.lower() == "cancelled" and code is None:
        code = "TaskCancelled"
    if text is None:
        text = f"the task ended as {document.status!r} and the service kept no result: it may have expired"
        code = code or "RESULT_MISSING"
    return failure_of(
        code,
        details.get("user_message"),
        text,
        task_id=document.task_id,
        endpoint_id=document.endpoint_id,
        function_id=document.function_id,
        details=document.details,
    )


def details_of(document: TaskDocument) -> dict[str, Any]:
    """Give the facts about the worker that a document holds, without the exception that it may hold."""
    return {name: value for name, value in (document.details or {}).items() if name != EXCEPTION}


def value_in(document: TaskDocument, deserialize: Callable[[str], Any]) -> Any:
    """Give the value that a finished task's document holds.

    Raises:
        TaskPending: it is not finished.
        TaskError: it failed; the kind tells how. What the function raised is of its own type too.
        DeserializationError: the value cannot be rebuilt here.
    """
    if not document.is_finished:
        raise TaskPending(
            f"task {document.task_id} has no result yet, its status is {document.status!r}: ask again later",
            task_id=document.task_id,
            status=document.status,
        )
    failure = failure_in(document)
    if failure is not None:
        raise failure
    try:
        return read_result(document, document.result or "", deserialize)
    except DeserializationError as error:
        raise DeserializationError(f"result of task {document.task_id}: {error}{_made_by(document)}") from error


def _kind_of(code: str | None, text: str) -> type[TaskError]:
    kind = TaskExecutionFailed if code is None else _BY_CODE.get(code.replace("_", "").lower(), TaskError)
    if kind is not TaskExecutionFailed:
        return kind
    if _WORKER_LOST.search(text):
        return WorkerLost
    # A traceback may quote that word; the agent's own message is nothing but it.
    return ResultTooLarge if _TOO_LARGE.fullmatch(text.strip()) else kind


def _message(kind: type[TaskError], message: str | None, text: str, where: str, reason: str) -> str:
    if kind is TaskExecutionFailed:
        return f"the function raised{where}{reason and '; '}{reason}:\n{text.rstrip()}"
    sizes = _TOO_LARGE.search(text) if kind is ResultTooLarge else None
    if sizes:
        return (
            f"the task ran{where}, and its result is too large: {int(sizes['size']):,} bytes serialized, "
            f"the limit is {int(sizes['limit']):,}; return less, or write it to a file and return where it is"
        )
    told = [one.strip() for one in (message, text) if one and one.strip()]
    if len(told) == 2 and told[0] in told[1]:
        del told[0]
    return f"the task failed{where}: " + "\n".join(told)


def _where(task_id: str | None, endpoint_id: str | None) -> str:
    task = "" if task_id is None else f" (task {task_id}"
    if not task:
        return "" if endpoint_id is None else f" on endpoint {endpoint_id}"
    return f"{task})" if endpoint_id is None else f"{task} on endpoint {endpoint_id})"


def _made_by(document: TaskDocument) -> str:
    details = document.details or {}
    facts = [
        f"{name} {details[key]}"
        for name, key in (("Python", "python_version"), ("dill", "dill_version"))
        if key in details
    ]
    return f"; it was made by {' and '.join(facts)}" if facts else ""
