"""Tasks and task groups, as the service tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import WireError
from ..checks import as_object
from .fields import drop_none, read, read_id

#: In the answer about a task group (ours): that it is somebody else's, who shares it with the caller.
SHARED = "shared"


@dataclass(frozen=True, slots=True)
class TaskDocument:
    """What the service knows of a task (`GET /v2/tasks/{id}`, values of `POST /v2/batch_status`).

    Attributes:
        status: a `TaskState` value; "success" and "failed" (and our "cancelled") are final.
        completion_t: unix time in seconds, as a string; there when, and only when, the task is finished.
        result: the serialised value, of a task that succeeded.
        exception: the text of the traceback, of a task that failed.
        reason: why there is neither.
        error_details: `{code, user_message}` of a task that failed (ours; other readers ignore it).
    """

    task_id: str
    status: str
    completion_t: str | None = None
    result: str | None = None
    exception: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] | None = None
    error_details: Mapping[str, Any] | None = None
    task_group_id: str | None = None
    endpoint_id: str | None = None
    function_id: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the outcome is known."""
        return self.completion_t is not None or self.status.lower() in {"success", "failed", "cancelled"}

    def to_json(self) -> dict[str, Any]:
        """Write the document."""
        return drop_none(
            {
                "task_id": self.task_id,
                "status": self.status,
                "completion_t": self.completion_t,
                "result": self.result,
                "exception": self.exception,
                "reason": self.reason,
                "details": None if self.details is None else dict(self.details),
                "error_details": None if self.error_details is None else dict(self.error_details),
                "task_group_id": self.task_group_id,
                "endpoint_id": self.endpoint_id,
                "function_id": self.function_id,
            }
        )

    @classmethod
    def from_json(cls, body: object) -> TaskDocument:
        """Read a document. A number in `completion_t` is taken as well as a string."""
        body = as_object(body, "body")
        completed = body.get("completion_t")
        if isinstance(completed, bool) or not isinstance(completed, str | int | float | None):
            raise WireError(f"field 'completion_t' is a {type(completed).__name__}, not a time")
        return cls(
            task_id=read_id(read(body, "task_id", str), "task_id"),
            status=read(body, "status", str, "unknown"),
            completion_t=None if completed is None else str(completed),
            result=read(body, "result", str, None),
            exception=read(body, "exception", str, None),
            reason=read(body, "reason", str, None),
            details=read(body, "details", dict, None),
            error_details=read(body, "error_details", dict, None),
            task_group_id=read(body, "task_group_id", str, None),
            endpoint_id=read(body, "endpoint_id", str, None),
            function_id=read(body, "function_id", str, None),
        )


def task_group(task_group_id: str, task_ids: Sequence[str], *, is_shared: bool = False) -> dict[str, Any]:
    """Write the answer of `GET /v2/taskgroup/{id}`; `is_shared`: it is somebody else's, and its results go to them."""
    answer: dict[str, Any] = {"taskgroup_id": task_group_id, "tasks": [{"id": task_id} for task_id in task_ids]}
    return {**answer, SHARED: True} if is_shared else answer


def is_shared_with_caller(body: object) -> bool:
    """Say whether an answer of `GET /v2/taskgroup/{id}` is about somebody else's group (ours: others never say so)."""
    return as_object(body, "body").get(SHARED) is True


def read_shared_group(body: object) -> str | None:
    """Read the body of `PUT /v3/taskgroup/{id}/group`: the group to share with, None for nobody."""
    body = as_object(body, "body")
    if "group" not in body:
        raise WireError("field 'group' is missing: the id of a group, or null for nobody")
    return None if body["group"] is None else read_id(body["group"], "group")


def read_task_group(body: object) -> tuple[str, list[str]]:
    """Read the answer of `GET /v2/taskgroup/{id}`: the group's id and its task ids."""
    body = as_object(body, "body")
    tasks = read(body, "tasks", list, [])
    ids = [read_id(as_object(task, "a task").get("id"), "task id") for task in tasks]
    return read_id(read(body, "taskgroup_id", str), "taskgroup_id"), ids
