"""Messages between service, endpoint and client, as frozen values; `envelope` writes and reads them.

Source: Globus Compute wire protocol, version 1 (`globus_compute_common.messagepack`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .states import Actor, TaskState

#: Where in the `details` of a failed task's result farpool's workers put the exception itself, for farpool's clients.
EXCEPTION = "farpool_exception"

#: Where they put which worker ran the task, and what it printed: the end of its standard output and standard error.
WORKER = "farpool_worker"
PRINTED = "farpool_printed"

#: Where a service puts, in the `details` of a task document, when the task's run began and ended: seconds since 1970 by
#: the word for it, as `TaskState` has them.
TRANSITIONS = "task_transitions"


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """One image of a container: where it is and how it was built."""

    image_type: str
    location: str
    created_at: int
    modified_at: int
    build_status: str | None = None
    build_stderr: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """The container a task asks to be run in."""

    container_id: str
    name: str
    images: tuple[ContainerImage, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Service -> endpoint: run this.

    Attributes:
        task_buffer: three packed buffers: function, positional arguments, keyword arguments.
    """

    task_id: str
    task_buffer: str
    container_id: str | None = None
    container: Container | None = None


@dataclass(frozen=True, slots=True)
class TaskCancel:
    """Service -> endpoint: that task is no longer wanted."""

    task_id: str


@dataclass(frozen=True, slots=True)
class TaskTransition:
    """Somebody saw a task change its state.

    Attributes:
        timestamp: nanoseconds since the epoch.
    """

    timestamp: int
    state: TaskState
    actor: Actor


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """Why a task failed: a code for programs, a sentence for people."""

    code: str
    user_message: str


@dataclass(frozen=True, slots=True)
class Result:
    """Endpoint -> service -> client: what became of a task.

    Attributes:
        data: the serialised value, or the text of the traceback when `error_details` is there.
        details: facts about the worker (`python_version`, `dill_version`, `endpoint_id`, ...).
    """

    task_id: str
    data: str
    details: Mapping[str, Any] | None = None
    error_details: ErrorDetails | None = None
    task_statuses: tuple[TaskTransition, ...] | None = None

    @property
    def is_error(self) -> bool:
        """Whether the task failed."""
        return self.error_details is not None


@dataclass(frozen=True, slots=True)
class EndpointStatusReport:
    """Endpoint -> service: how the endpoint is, and which tasks changed since the last report.

    Attributes:
        global_state: free facts; `heartbeat_period` (seconds), `active`, `error` are read by the service.
        task_statuses: transitions by task id.
    """

    endpoint_id: str
    global_state: Mapping[str, Any]
    task_statuses: Mapping[str, tuple[TaskTransition, ...]]


@dataclass(frozen=True, slots=True)
class ManagerStatusReport:
    """Manager -> endpoint: which tasks changed. Known for completeness; nobody sends it today."""

    task_statuses: Mapping[str, tuple[TaskTransition, ...]]


#: In the details of a result that says that a task was cancelled (ours): whether the task had come to its endpoint, or
#: may still be in the queue.
TASK_DELIVERED = "task_delivered"

Message: TypeAlias = (
    Task
    | TaskCancel
    | Result
    | TaskTransition
    | EndpointStatusReport
    | ManagerStatusReport
    | Container
    | ContainerImage
)
