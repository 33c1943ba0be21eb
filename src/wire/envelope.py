r"""The version 1 envelope around a message: written and read.

An envelope is the byte 0x01, then JSON in UTF-8 without raw newlines: ``{"message_type": T, "data": {...}}``.
Unknown fields are ignored; a missing or ill-typed required one is a `WireError` that names it.

>>> encode(TaskCancel(task_id="359e2ec3-caef-4258-a149-a67767af0ee8"))
b'\x01{"message_type":"task_cancel","data":{"task_id":"359e2ec3-caef-4258-a149-a67767af0ee8"}}'

Source: Globus Compute wire protocol, version 1 (`globus_compute_common.messagepack`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import WireError
from .checks import as_object, is_list
from .ids import as_id
from .jsontext import dumps, exact, loads
from .messages import (
    Container,
    ContainerImage,
    EndpointStatusReport,
    ErrorDetails,
    ManagerStatusReport,
    Message,
    Result,
    Task,
    TaskCancel,
    TaskTransition,
)
from .states import Actor, TaskState

VERSION = b"\x01"


# ---- encode: message -> bytes


def encode(message: Message) -> bytes:
    """Write a message as a version 1 envelope."""
    message_type, fields = _WRITERS[type(message)]
    return VERSION + dumps({"message_type": message_type, "data": fields(message)})


def _transition(message: TaskTransition) -> dict[str, Any]:
    return {"timestamp": message.timestamp, "state": message.state.value, "actor": message.actor.value}


def _statuses(statuses: Mapping[str, tuple[TaskTransition, ...]]) -> dict[str, Any]:
    return {task_id: [_transition(one) for one in transitions] for task_id, transitions in statuses.items()}


def _image(message: ContainerImage) -> dict[str, Any]:
    return {
        "image_type": message.image_type,
        "location": message.location,
        "created_at": message.created_at,
        "modified_at": message.modified_at,
        "build_status": message.build_status,
        "build_stderr": message.build_stderr,
    }


def _container(message: Container) -> dict[str, Any]:
    return {
        "container_id": message.container_id,
        "name": message.name,
        "images": [_image(image) for image in message.images],
    }


def _task(message: Task) -> dict[str, Any]:
    return {
        "task_id": message.task_id,
        "container_id": message.container_id,
        "container": _container(message.container) if message.container else None,
        "task_buffer": message.task_buffer,
    }


def _result(message: Result) -> dict[str, Any]:
    error = message.error_details
    statuses = message.task_statuses
    return {
        "task_id": message.task_id,
        "data": message.data,
        "details": None if message.details is None else exact(dict(message.details)),
        "error_details": None if error is None else {"code": error.code, "user_message": error.user_message},
        "task_statuses": None if statuses is None else [_transition(one) for one in statuses],
    }


def _report(message: EndpointStatusReport) -> dict[str, Any]:
    return {
        "endpoint_id": message.endpoint_id,
        "global_state": exact(dict(message.global_state)),
        "task_statuses": _statuses(message.task_statuses),
    }


_WRITERS: dict[type, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    Task: ("task", _task),
    TaskCancel: ("task_cancel", lambda message: {"task_id": message.task_id}),
    Result: ("result", _result),
    TaskTransition: ("task_transition", _transition),
    EndpointStatusReport: ("ep_status_report", _report),
    ManagerStatusReport: (
        "manager_status_report",
        lambda message: {"task_statuses": _statuses(message.task_statuses)},
    ),
    Container: ("container", _container),
    ContainerImage: ("containerimage", _image),
}


# ---- decode: bytes -> message


def decode(envelope: bytes) -> Message:
    """Read a version 1 envelope.

    Raises:
        WireError: another version, not JSON, an unknown message type, or a required field that is missing or of the
            wrong type; says which.
    """
    if envelope[:1] != VERSION:
        raise WireError(f"message of protocol version {envelope[:1]!r}: this side reads version 1 only")
    try:
        body = loads(envelope[1:])
    except (ValueError, RecursionError) as error:
        raise WireError(f"message is not JSON: {error}") from error
    fields = as_object(body, "message")
    data = as_object(fields.get("data"), "'data' of a message")
    message_type = fields.get("message_type")
    reader = _READERS.get(message_type) if isinstance(message_type, str) else None
    if reader is None:
        raise WireError(f"unknown message type {message_type!r:.80}; known: {', '.join(_READERS)}")
    return reader(data)


def _get(data: Mapping[str, Any], field: str, kind: type, *, optional: bool = False) -> Any:
    value = data.get(field)
    if value is None and optional:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = "is missing" if field not in data else f"is a {type(value).__name__}, not a {kind.__name__}"
        raise WireError(f"message field {field!r} {found}")
    return value


def _get_id(data: Mapping[str, Any], field: str, *, optional: bool = False) -> Any:
    text = _get(data, field, str, optional=optional)
    return None if text is None else _checked_id(text, field)


def _checked_id(text: str, field: str) -> str:
    try:
        return as_id(text, field)
    except ValueError as error:
        raise WireError(str(error)) from error


def _read_transition(data: Mapping[str, Any]) -> TaskTransition:
    try:
        state = TaskState(data.get("state"))
        actor = Actor(data.get("actor"))
    except ValueError as error:
        raise WireError(f"task transition: {error}") from error
    return TaskTransition(_get(data, "timestamp", int), state, actor)


def _read_transitions(data: object) -> tuple[TaskTransition, ...]:
    if not is_list(data):
        raise WireError(f"'task_statuses' must hold lists of transitions, not {type(data).__name__}")
    return tuple(_read_transition(as_object(one, "a task transition")) for one in data)


def _read_statuses(data: Mapping[str, Any]) -> dict[str, tuple[TaskTransition, ...]]:
    statuses: Mapping[str, Any] = _get(data, "task_statuses", dict, optional=True) or {}
    return {_checked_id(task_id, "task_id"): _read_transitions(many) for task_id, many in statuses.items()}


def _read_image(data: Mapping[str, Any]) -> ContainerImage:
    return ContainerImage(
        _get(data, "image_type", str),
        _get(data, "location", str),
        _get(data, "created_at", int),
        _get(data, "modified_at", int),
        _get(data, "build_status", str, optional=True),
        _get(data, "build_stderr", str, optional=True),
    )


def _read_container(data: Mapping[str, Any]) -> Container:
    images = (_read_image(as_object(one, "a container image")) for one in _get(data, "images", list))
    return Container(_get_id(data, "container_id"), _get(data, "name", str), tuple(images))


def _read_task(data: Mapping[str, Any]) -> Task:
    container = _get(data, "container", dict, optional=True)
    return Task(
        _get_id(data, "task_id"),
        _get(data, "task_buffer", str),
        _get_id(data, "container_id", optional=True),
        None if container is None else _read_container(container),
    )


def _read_result(data: Mapping[str, Any]) -> Result:
    error = _get(data, "error_details", dict, optional=True)
    statuses = data.get("task_statuses")
    return Result(
        _get_id(data, "task_id"),
        _get(data, "data", str),
        _get(data, "details", dict, optional=True),
        None if error is None else ErrorDetails(_get(error, "code", str), _get(error, "user_message", str)),
        None if statuses is None else _read_transitions(statuses),
    )


def _read_report(data: Mapping[str, Any]) -> EndpointStatusReport:
    # Agents before 4.x wrote the older name; both are in use.
    field = "global_state" if "global_state" in data else "ep_status_report"
    return EndpointStatusReport(_get_id(data, "endpoint_id"), _get(data, field, dict), _read_statuses(data))


_READERS: dict[str, Callable[[Mapping[str, Any]], Message]] = {
    "task": _read_task,
    "task_cancel": lambda data: TaskCancel(_get_id(data, "task_id")),
    "result": _read_result,
    "task_transition": _read_transition,
    "ep_status_report": _read_report,
    "manager_status_report": lambda data: ManagerStatusReport(_read_statuses(data)),
    "container": _read_container,
    "containerimage": _read_image,
}
