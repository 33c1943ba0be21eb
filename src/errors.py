"""Every error that farpool raises of its own, in one tree.

    FarpoolError
    |- ServiceError             the web service answered with an error, or unreadably
    |  |- ServiceRefused        4xx: asking again will not help
    |  |  |- AccessDenied       401, 403: who you are, or what you may do
    |  |  |- NotFound           404: no such function, endpoint, task or task group
    |  |  |- PayloadTooLarge    413, or caught before it was sent
    |  |  `- RateLimited        429, still so after waiting as told
    |  `- ServiceDown           5xx or unreachable, after retries
    |- StreamError              the result stream could not be kept open
    |- WireError                a message or packed string that does not follow the protocol
    |- SerializationError       a value that cannot be sent; also a TypeError, as pickle's own complaint is
    |- DeserializationError     a value that cannot be read
    |- StackError               the embedded service and endpoint could not be started
    |- RemoteTraceback          where a function failed, on its worker: the innermost __cause__ of what it raised
    |- TaskPending              a result was asked for before there is one
    `- TaskError                one task failed
       |- TaskExecutionFailed   the function raised; what it raised is an instance of this and of its own type
       |- TaskCancelled         the task was cancelled at the service or the endpoint
       |- TaskTimeout           the task ran longer than it was allowed to
       |- WorkerLost            the worker process died under the task
       |- EndpointOffline       the endpoint went away and the task cannot be run
       |- TaskUncertain         it is not known whether the task ran: the answer to the request was lost
       `- ResultTooLarge        the task ran, its result is over the size limit

    UserWarning
    `- VersionWarning           an endpoint has another version of Python or dill than this program

Wrong use raises ValueError, TypeError or RuntimeError at once, as the standard library does. Every error here pickles.
"""

from __future__ import annotations

from collections.abc import Sequence
from traceback import FrameSummary
from typing import Any


def _rebuild(cls: type[FarpoolError], message: str, attributes: dict[str, Any]) -> FarpoolError:
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(attributes)
    return error


class FarpoolError(Exception):
    """The root: `except FarpoolError` catches what farpool raises of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self.args[0]) if self.args else "", dict(self.__dict__))


class ServiceError(FarpoolError):
    """The web service answered with an error, or unreadably.

    Attributes:
        http_status: the HTTP status, or None when there was no answer.
        code: the service's own error code, such as ``"ENDPOINT_NOT_FOUND"``, or None.
        message: the service's own message, or None.
        request_id: the id under which the service logged the request, or None.
        retry_after_s: how long the service asks to wait before the next request, or None.
        is_passing: whether it may pass by itself: the service is away, busy or broken.
        perhaps_done: whether the service may have done what was asked: only its answer was lost.
    """

    retry_after_s: float | None = None
    is_passing: bool = False
    perhaps_done: bool = False

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status
        self.code = code
        self.request_id = request_id


class ServiceRefused(ServiceError):
    """The service refused the request (4xx): asking again will not help."""


class AccessDenied(ServiceRefused):
    """The token is missing or wrong (401), or this identity may not do that (403)."""


class NotFound(ServiceRefused):
    """There is no such function, endpoint, task or task group, or it is not yours to know (404)."""


class PayloadTooLarge(ServiceRefused):
    """What was to be sent is over the service's size limit (413)."""


class RateLimited(ServiceRefused):
    """The service still answers 429 after waiting as long as it asked."""


class ServiceDown(ServiceError):
    """The service could not be reached, or answered 5xx, after retries."""


class StreamError(FarpoolError):
    """The result stream could not be kept open."""


class WireError(FarpoolError):
    """A message, packed string or body does not follow the protocol."""


class SerializationError(FarpoolError, TypeError):
    """A value cannot be serialized, so it cannot be sent. Also a TypeError: what `pickle` and `json` raise then."""


class DeserializationError(FarpoolError):
    """A received value cannot be rebuilt here."""


class StackError(FarpoolError):
    """The embedded service and endpoint could not be started, or died."""


class RemoteTraceback(FarpoolError):
    """Where a function failed, on its worker. Never raised: the innermost ``__cause__`` of what the function raised.

    Attributes:
        frames: the frames that the message tells of, outermost first; `traceback.StackSummary.from_list` takes them.
            Empty where the endpoint sent text only.
    """

    def __init__(self, message: str, *, frames: Sequence[FrameSummary] = ()) -> None:
        super().__init__(message)
        self.frames = tuple(frames)


class TaskPending(FarpoolError):
    """A result was asked for before there is one.

    Attributes:
        task_id: the task.
        status: what the service says of it, such as ``"waiting-for-ep"``.
    """

    def __init__(self, message: str, *, task_id: str | None = None, status: str | None = None) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.status = status


class TaskError(FarpoolError):
    """One task failed; every other task is undisturbed.

    Attributes:
        task_id, endpoint_id, function_id: which task, where known.
        code: the error code on the wire, such as ``"RemoteExecutionError"``, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        task_id: str | None = None,
        endpoint_id: str | None = None,
        function_id: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.endpoint_id = endpoint_id
        self.function_id = function_id
        self.code = code


class TaskExecutionFailed(TaskError):
    """The function raised.

    What `Future.result` and `Client.get_result` raise is an instance of this class and of the type of the original,
    with its arguments, attributes and chain, and a `RemoteTraceback` at the end of that. Where the original could not
    be rebuilt, it is of this class alone, and its message names the type and holds the remote traceback.

    An attribute of the original comes before one of this class: `SystemExit.code` is the exit code.
    """


class TaskCancelled(TaskError):
    """The task was cancelled at the service or at the endpoint."""


class TaskTimeout(TaskError):
    """The task ran longer than it was allowed to."""


class WorkerLost(TaskError):
    """The worker process died under the task; the message names its exit code or signal."""


class EndpointOffline(TaskError):
    """The endpoint is away, or could not start, and the task cannot be run."""


class TaskUncertain(TaskError):
    """It is not known whether the task ran, or what it came to, and it is not run again for that.

    The answer to the request that submitted it was lost, and the service cannot be asked whether it took it: the hosted
    one knows no idempotency keys, and a farpool service stayed away for longer than the patience. Or the program that
    submitted it ended while it was being sent; or the service does not know the task any more. Its ``__cause__`` says
    what happened to the request.
    """


class VersionWarning(UserWarning):
    """An endpoint has another version of Python or dill than this program. Shown once for each endpoint."""


class ResultTooLarge(TaskError):
    """The task ran, and its result is over the size limit."""
