"""What a worker does with a job: unpack, run, serialize, and say what became of it. One function of a job; no I/O.

    Job.body --decode--> Task --unpack_call--> fn, args, kwargs --run--> value --serialize--> Result --encode--> bytes

Whatever goes wrong on the way, the outcome is a result message that says what; nothing that a task raises gets past
`Worker.run`. The one place where a task's own exception object is at hand is `_raised`.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ..errors import DeserializationError, FarpoolError, SerializationError, WireError
from ..serialize import Serializer
from ..wire.envelope import decode, encode
from ..wire.messages import Result, Task, TaskTransition
from ..wire.states import Actor, TaskState
from . import failures
from .job import Job, Site

_RAISED = "An error occurred during the execution of this task"


class Worker:
    """Runs jobs, one after the other.

    Args:
        site: where it runs.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._details = site.details()
        self._serializer = Serializer()

    def run(self, job: Job) -> bytes:
        """Run a job and return its result message: the value, or what went wrong."""
        started = _transition(TaskState.EXEC_START)
        code: str | None = None
        message = text = ""
        try:
            text = self._text_of(job)
        except failures.Failed as failed:
            code, message, text = failed.code, failed.message, failed.text
        transitions = (started, _transition(TaskState.EXEC_END))
        if code is None:
            return encode(Result(job.task_id, text, self._details, None, transitions))
        return failures.failure(job.task_id, code, message, text, details=self._details, transitions=transitions)

    def _text_of(self, job: Job) -> str:
        """Run a job and return its serialized value.

        Raises:
            failures.Failed: there is no value; says why, in the words of the protocol.
        """
        fn, args, kwargs = self._call_of(job)
        try:
            value = fn(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are the task's, not ours
            raise _raised(error) from None
        return self._serialized(value, job)

    def _call_of(self, job: Job) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        try:
            message = decode(job.body)
        except WireError as error:
            raise failures.Failed(failures.NOT_A_TASK, str(error), repr(error)) from None
        if not isinstance(message, Task):
            what = f"a task was expected, and this is a {type(message).__name__} message"
            raise failures.Failed(failures.NOT_A_TASK, what, what)
        try:
            return self._serializer.unpack_call(message.task_buffer)
        except (DeserializationError, WireError) as error:
            raise _explained(failures.CANNOT_DESERIALIZE, error) from None
        except BaseException as error:  # noqa: BLE001 - unpickling runs the user's code
            raise _raised(error) from None

    def _serialized(self, value: Any, job: Job) -> str:
        try:
            text = self._serializer.serialize_by(value, job.result_serializers)
        except SerializationError as error:
            raise _explained(failures.CANNOT_SERIALIZE, error) from None
        except BaseException as error:  # noqa: BLE001 - pickling runs the user's code
            raise _raised(error) from None
        limit = self._site.max_result_chars
        if len(text) > limit:
            message = (
                f"the result has {len(text)} characters when serialized, the limit is {limit}: "
                "return less, or write it to a file and return its name"
            )
            raise failures.Failed(failures.RESULT_TOO_LARGE, message, f"MaxResultSizeExceeded({len(text)}, {limit})")
        return text


def _transition(state: TaskState) -> TaskTransition:
    return TaskTransition(time.time_ns(), state, Actor.WORKER)


def _explained(code: str, error: FarpoolError) -> failures.Failed:
    """Tell of a function or value that cannot cross: the message says it all, our own frames would say nothing."""
    return failures.Failed(code, str(error), f"{type(error).__name__}: {error}")


def _raised(error: BaseException) -> failures.Failed:
    """Tell of an exception that the task raised."""
    return failures.Failed(failures.EXECUTION_FAILED, _RAISED, traceback_of(error))


def traceback_of(error: BaseException) -> str:
    """Format an exception with the frames of the task alone; always gives something, whatever the exception is like."""
    frames = _without_ours(error.__traceback__)
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except BaseException:  # noqa: BLE001 - __str__, __cause__ and the like are the user's code
        place = ""
        with contextlib.suppress(Exception):
            place = "".join(traceback.format_tb(frames))
        return (
            f"Traceback (most recent call last):\n{place}{type(error).__qualname__}: <the exception cannot be shown>\n"
        )


def _without_ours(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames
