"""Result messages that say that a task failed, and why: the codes for programs, the sentences for people.

Source: Globus Compute wire protocol, error results. Codes marked *ours* are free strings to other readers.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from ..wire.envelope import encode
from ..wire.messages import ErrorDetails, Result, TaskTransition

EXECUTION_FAILED = "RemoteExecutionError"
RESULT_TOO_LARGE = "MaxResultSizeExceeded"
NOT_A_TASK = "CouldNotExecuteUserTaskError"
FUNCTION_NOT_ALLOWED = "FUNCTION_NOT_ALLOWED"
UNKNOWN_FAILURE = "UNKNOWN_TASK_FAILURE"
WORKER_LOST = "WORKER_LOST"  # ours
ENDPOINT_STOPPED = "ENDPOINT_OFFLINE"  # ours
CANCELLED = "TASK_CANCELLED"  # ours
TIMED_OUT = "TASK_TIMEOUT"  # ours
CANNOT_DESERIALIZE = "DESERIALIZATION_FAILED"  # ours
BLOB_UNAVAILABLE = "BLOB_UNAVAILABLE"  # ours
ENVIRONMENT_UNAVAILABLE = "ENVIRONMENT_UNAVAILABLE"  # ours
RESOURCES_UNAVAILABLE = "RESOURCES_UNAVAILABLE"  # ours
CANNOT_SERIALIZE = "SERIALIZATION_FAILED"  # ours

#: An error's text is cut to this many characters: a traceback is for reading.
MAX_TEXT_CHARS = 1024 * 1024


def failure(
    task_id: str,
    code: str,
    message: str,
    text: str,
    *,
    details: Mapping[str, Any] | None = None,
    transitions: tuple[TaskTransition, ...] | None = None,
) -> bytes:
    """Write the result message of a task that failed.

    Args:
        task_id: the task.
        code: for programs, one of this module's.
        message: for people, one line.
        text: what the client shows: a traceback, or the message in full.
        details: facts about the worker.
        transitions: what became of the task, and when.
    """
    return encode(Result(task_id, shortened(text), details, ErrorDetails(code, message), transitions))


def overdue(task_id: str, timeout_s: float, how: str) -> str:
    """Say that a task ran for longer than it may.

    >>> overdue("7d1", 2.5, "was stopped")
    'task 7d1 ran for longer than its time-out of 2.5 s and was stopped'
    """
    return f"task {task_id} ran for longer than its time-out of {timeout_s:g} s and {how}"


def unavailable(kind: str, location: str, why: str) -> str:
    """Say that a task's environment cannot be had.

    >>> unavailable("venv", "/opt/v", "there is no /opt/v/bin/python")
    "the function's environment, venv '/opt/v', cannot be had here: there is no /opt/v/bin/python"
    """
    return f"the function's environment, {kind} {location!r}, cannot be had here: {why}"


def shortened(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Cut the middle out of a text that is too long, and say so there."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"


def ending(exit_code: int) -> str:
    """Say how a process ended.

    >>> ending(3), ending(-9)
    ('exited with code 3', 'died with signal SIGKILL (9)')
    """
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        return f"died with signal {-exit_code}"
    return f"died with signal {name} ({-exit_code})"


class Failed(Exception):
    """A task has no value: the code, the message and the text of its result message. Stays inside the worker.

    Attributes:
        exception: the document of the exception that the task raised.
    """

    def __init__(self, code: str, message: str, text: str, exception: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.text = text
        self.exception = exception
