"""Submissions and their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import WireError
from ..bounds import as_priority, as_timeout
from ..checks import as_object, is_list
from .fields import drop_none, read, read_checked, read_id

#: What travels in the headers of a message must fit into one frame of AMQP, which has 128 KiB, with all that is there.
MAX_HEADER_CHARS = 32 * 1024


def _is_text(value: object) -> bool:
    """Whether a value is text that a message can hold: JSON may have half of a character, AMQP may not."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _check_fits(value: object, what: str) -> None:
    try:
        size = len(json.dumps(value))
    except RecursionError:
        raise WireError(f"{what} is nested too deeply") from None
    if size > MAX_HEADER_CHARS:
        raise WireError(f"{what} has {size} characters as JSON, the limit is {MAX_HEADER_CHARS}")


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """Tasks for one endpoint (`POST /v3/endpoints/{id}/submit`).

    Attributes:
        tasks: packed arguments (`pack([args, kwargs])`) by function id, in the order of submission.
        create_queue: whether the task group needs a result queue: True from an Executor.
        user_runtime: facts about the caller's Python, for endpoint templates.
        timeout_s: how long each task may run at the endpoint, in seconds (ours: other services do not know it).
        priority: among the tasks that wait at the endpoint, higher ones are run first; 0 when left out (ours).
        movable: whether they may go to another endpoint as long as no worker has begun them: then their endpoint says
            so before one does (ours).
        takes_blobs: whether whoever gets the results can read values by reference (ours).
    """

    tasks: Mapping[str, Sequence[str]]
    create_queue: bool = False
    task_group_id: str | None = None
    resource_specification: Mapping[str, Any] | None = None
    user_endpoint_config: Mapping[str, Any] | None = None
    result_serializers: Sequence[str] | None = None
    user_runtime: Mapping[str, Any] | None = None
    timeout_s: float | None = None
    priority: int | None = None
    movable: bool | None = None
    takes_blobs: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Write the request body; the optional fields only where there is something to say."""
        body: dict[str, Any] = {
            "create_queue": self.create_queue,
            "tasks": {function_id: list(payloads) for function_id, payloads in self.tasks.items()},
        }
        if self.user_runtime is not None:
            body["user_runtime"] = dict(self.user_runtime)
        if self.task_group_id:
            body["task_group_id"] = self.task_group_id
        if self.resource_specification:
            body["resource_specification"] = dict(self.resource_specification)
        if self.user_endpoint_config:
            body["user_endpoint_config"] = dict(self.user_endpoint_config)
        if self.result_serializers:
            body["result_serializers"] = list(self.result_serializers)
        if self.timeout_s is not None:
            body["timeout_s"] = self.timeout_s
        if self.priority is not None:
            body["priority"] = self.priority
        if self.movable:
            body["movable"] = True
        if self.takes_blobs is not None:
            body["takes_blobs"] = self.takes_blobs
        return body

    @classmethod
    def from_json(cls, body: object) -> SubmitRequest:
        """Read a request body."""
        body = as_object(body, "body")
        tasks: dict[str, list[str]] = {}
        for function_id, payloads in read(body, "tasks", dict).items():
            name = read_id(function_id, "function id in 'tasks'")
            if name in tasks:
                raise WireError(f"'tasks' names function {name} twice, in two spellings of one id")
            if not is_list(payloads) or not all(isinstance(one, str) for one in payloads):
                raise WireError(f"'tasks' of function {function_id!r} must be a list of packed strings")
            tasks[name] = payloads
        if not any(tasks.values()):
            raise WireError("'tasks' holds no task: send at least one payload for one function")
        group = read(body, "task_group_id", str, None)
        serializers = read(body, "result_serializers", list, None)
        if serializers is not None and not all(_is_text(one) for one in serializers):
            raise WireError("'result_serializers' must be a list of import paths")
        _check_fits(serializers, "'result_serializers'")
        _check_fits(body.get("resource_specification"), "'resource_specification'")
        return cls(
            tasks=tasks,
            create_queue=read(body, "create_queue", bool, False),
            task_group_id=group and read_id(group, "task_group_id"),
            resource_specification=read(body, "resource_specification", dict, None),
            user_endpoint_config=read(body, "user_endpoint_config", dict, None),
            result_serializers=serializers,
            user_runtime=read(body, "user_runtime", dict, None),
            timeout_s=read_checked(body, "timeout_s", as_timeout),
            priority=read_checked(body, "priority", as_priority),
            movable=read(body, "movable", bool, None),
            takes_blobs=read(body, "takes_blobs", bool, None),
        )


@dataclass(frozen=True, slots=True)
class SubmitReply:
    """The answer to a submit: the task ids, per function in the order of the request."""

    tasks: Mapping[str, Sequence[str]]
    task_group_id: str
    endpoint_id: str
    request_id: str
    ha_warning: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Write the answer."""
        return drop_none(
            {
                "tasks": {function_id: list(task_ids) for function_id, task_ids in self.tasks.items()},
                "task_group_id": self.task_group_id,
                "endpoint_id": self.endpoint_id,
                "request_id": self.request_id,
                "ha_warning": self.ha_warning,
            }
        )

    @classmethod
    def from_json(cls, body: object) -> SubmitReply:
        """Read an answer."""
        body = as_object(body, "body")
        tasks: dict[str, list[str]] = {}
        for function_id, task_ids in read(body, "tasks", dict).items():
            if not is_list(task_ids):
                raise WireError(f"'tasks' of function {function_id!r} must be a list of task ids")
            tasks[read_id(function_id, "function id in 'tasks'")] = [read_id(one, "task_id") for one in task_ids]
        return cls(
            tasks=tasks,
            task_group_id=read_id(read(body, "task_group_id", str), "task_group_id"),
            endpoint_id=read_id(read(body, "endpoint_id", str), "endpoint_id"),
            request_id=read_id(read(body, "request_id", str), "request_id"),
            ha_warning=read(body, "ha_warning", str, None),
        )
