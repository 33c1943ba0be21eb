"""What a worker does with a job: unpack, run, serialize, and say what became of it. One function of a job; no I/O.

    Job.body --decode--> Task --unpack_call--> fn, args, kwargs --run--> value --serialize--> Result --encode--> bytes

Whatever goes wrong on the way, the outcome is a result message that says what; nothing that a task raises gets past
`Worker.run`. The one place where a task's own exception object is at hand is `Worker._raised`.
"""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from ..errors import DeserializationError, FarpoolError, SerializationError, WireError
from ..serialize import Serializer
from ..serialize.exceptions import MAX_CHARS, describe
from ..wire.envelope import decode, encode
from ..wire.messages import EXCEPTION, WORKER, Result, Task, TaskTransition
from ..wire.states import Actor, TaskState
from . import failures, printed
from .job import Job, Outgoing, Site
from .surroundings import around
from .worker_blobs import BlobMissing, OutOfRoom, WorkerBlobs

_MAIN = threading.main_thread().name
_RAISED = "An error occurred during the execution of this task"


class Worker:
    """Runs jobs, one after the other.

    Args:
        site: where it runs.
        is_heard: whether what is printed is heard by whoever gets the result message, who writes it in: see `printed`.
    """

    def __init__(self, site: Site, *, is_heard: bool = False) -> None:
        self._site = site
        self._details = site.details()
        if is_heard:
            self._details |= printed.nothing()
        self._serializer = Serializer()

    def run(self, job: Job, *, is_alone: bool = True) -> bytes | Outgoing:
        """Run a job and return its result message: the value, or what went wrong.

        Args:
            job: the job.
            is_alone: whether no other job runs in this process meanwhile.
        """
        blobs = WorkerBlobs(job.task_id, self._site.blobs, self._site.outgoing)
        started = _transition(TaskState.EXEC_START)
        failure: failures.Failed | None = None
        text = ""
        try:
            with around(job, self._site, is_alone=is_alone):
                text = self._text_of(job, blobs)
        except failures.Failed as failed:
            failure = failed.with_traceback(None)
            blobs.discard()
        transitions = (started, _transition(TaskState.EXEC_END))
        details = self._details_here()
        if failure is None:
            body = encode(Result(job.task_id, text, details, None, transitions))
            return Outgoing(body, blobs.written) if blobs.written else body
        if failure.exception is not None:
            details = {**details, EXCEPTION: failure.exception}
        return failures.failure(
            job.task_id, failure.code, failure.message, failure.text, details=details, transitions=transitions
        )

    def _details_here(self) -> Mapping[str, Any]:
        """Give the facts about this worker; threads are workers of their own."""
        name = threading.current_thread().name
        return self._details if name == _MAIN else {**self._details, WORKER: f"{self._details[WORKER]}/{name}"}

    def _text_of(self, job: Job, blobs: WorkerBlobs) -> str:
        """Run a job and return its serialized value.

        Raises:
            failures.Failed: there is no value; says why, in the words of the protocol.
        """
        fn, args, kwargs = self._call_of(job, blobs)
        try:
            value = fn(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are the task's, not ours
            raise self._raised(error) from None
        return self._serialized(value, job, blobs)

    def _call_of(self, job: Job, blobs: WorkerBlobs) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        try:
            message = decode(job.body)
        except WireError as error:
            raise failures.Failed(failures.NOT_A_TASK, str(error), repr(error)) from None
        if not isinstance(message, Task):
            what = f"a task was expected, and this is a {type(message).__name__} message"
            raise failures.Failed(failures.NOT_A_TASK, what, what)
        try:
            return self._serializer.unpack_call(message.task_buffer, blobs.find)
        except BlobMissing as error:
            raise failures.Failed(failures.BLOB_UNAVAILABLE, str(error), str(error)) from None
        except (DeserializationError, WireError) as error:
            raise _explained(failures.CANNOT_DESERIALIZE, error) from None
        except BaseException as error:  # noqa: BLE001 - unpickling runs the user's code
            raise self._raised(error) from None

    def _serialized(self, value: Any, job: Job, blobs: WorkerBlobs) -> str:
        by_reference = job.takes_blobs and bool(self._site.outgoing) and not job.result_serializers
        try:
            if by_reference:
                text = self._serializer.serialize_large(value, blobs.keep)
            else:
                text = self._serializer.serialize_by(value, job.result_serializers)
        except OutOfRoom as error:
            raise failures.Failed(failures.BLOB_UNAVAILABLE, str(error), str(error)) from None
        except SerializationError as error:
            raise _explained(failures.CANNOT_SERIALIZE, error) from None
        except BaseException as error:  # noqa: BLE001 - pickling runs the user's code
            raise self._raised(error) from None
        limit = self._site.max_result_chars
        if len(text) > limit:
            message = (
                f"the result has {len(text)} characters when serialized, the limit is {limit}: "
                "return less, or write it to a file and return its name"
            )
            raise failures.Failed(failures.RESULT_TOO_LARGE, message, f"MaxResultSizeExceeded({len(text)}, {limit})")
        return text

    def _raised(self, error: BaseException) -> failures.Failed:
        """Tell of an exception that the task raised: as text, and as what a farpool client rebuilds it from."""
        document = None
        with contextlib.suppress(BaseException):  # the exception's class is the user's code
            document = describe(error, _without_ours, max_chars=min(self._site.max_result_chars, MAX_CHARS))
        return failures.Failed(failures.EXECUTION_FAILED, _RAISED, traceback_of(error), document)


def _transition(state: TaskState) -> TaskTransition:
    return TaskTransition(time.time_ns(), state, Actor.WORKER)


def _explained(code: str, error: FarpoolError) -> failures.Failed:
    """Tell of a function or value that cannot cross: the message says it all, our own frames would say nothing."""
    return failures.Failed(code, str(error), f"{type(error).__name__}: {error}")


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
    while frames is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def _is_ours(file: str) -> bool:
    # Functions of farpool's own that travel by value, such as what `map` sends, are named so.
    return file == __file__ or file.startswith("<farpool ")
