"""What a message on the task queue asks for, read from its headers; a task's body is left to the worker. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from ..errors import WireError
from ..wire.blobs import from_header
from ..wire.bounds import as_priority, as_timeout
from ..wire.containers import CONTAINER_TYPES, Environment
from ..wire.envelope import decode
from ..wire.ids import as_id
from ..wire.messages import Task, TaskCancel
from . import failures
from .config import EndpointConfig
from .job import Job
from .resources import read_specification

#: Within a JSON string quotes are escaped, so this is found only where it is a value or a key of the message.
_CANCEL = b'"task_cancel"'
#: Headers of a task that only farpool's services send.
_OURS = frozenset({"timeout_s", "priority", "movable", "blobs", "takes_blobs", "container"})
#: A cancel message is shorter than this.
_CANCEL_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """A task that is not run: what to report instead."""

    task_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that names no task: nobody can be told but the log."""

    why: str


@dataclass(frozen=True, slots=True)
class CallOff:
    """A task that is no longer wanted.

    Attributes:
        running: whether it is to be stopped when it runs.
    """

    task_id: str
    running: bool = False


Request: TypeAlias = Job | CallOff | Refusal | Unreadable


@dataclass(frozen=True, slots=True)
class Rules:
    """What this endpoint takes.

    Attributes:
        endpoint_id: its id, for messages.
        allowed_functions: ids of the functions it runs; None means all.
        takes_movable: whether it leaves movable tasks to others as long as they have not begun.
        environments: types of containers that it may run tasks in.
        engine: the name of its engine, where that is one that cannot; empty: it can.
    """

    endpoint_id: str
    allowed_functions: Collection[str] | None = None
    takes_movable: bool = True
    environments: Collection[str] = CONTAINER_TYPES
    engine: str = ""


def rules_of(endpoint_id: str, config: EndpointConfig) -> Rules:
    """Say what an endpoint takes that is configured so."""
    allowed = None if config.allowed_functions is None else frozenset(config.allowed_functions)
    return Rules(
        endpoint_id,
        allowed,
        takes_movable=not config.at_most_once,
        environments=CONTAINER_TYPES if config.allowed_environments is None else config.allowed_environments,
        engine="" if config.engine == "processes" else config.engine,
    )


def read(headers: Mapping[str, Any], body: bytes, rules: Rules) -> Request:
    """Say what a message asks for. Never raises."""
    if len(body) < _CANCEL_BYTES and _CANCEL in body:
        try:
            message = decode(body)
        except WireError as error:
            return Unreadable(str(error))
        if isinstance(message, TaskCancel):
            return CallOff(message.task_id, running=headers.get("running") is True)
    try:
        task_id = as_id(headers.get("task_uuid"), "header task_uuid")
    except (TypeError, ValueError) as error:
        return _without_id(body, str(error))
    return _job(task_id, headers, body, rules)


def _job(task_id: str, headers: Mapping[str, Any], body: bytes, rules: Rules) -> Job | Refusal:
    try:
        function_id = as_id(headers.get("function_uuid"), "header function_uuid")
    except (TypeError, ValueError) as error:
        return Refusal(task_id, failures.NOT_A_TASK, f"the task cannot be run: {error}")
    if rules.allowed_functions is not None and function_id not in rules.allowed_functions:
        message = f"Function {function_id} not permitted on endpoint {rules.endpoint_id}"
        return Refusal(task_id, failures.FUNCTION_NOT_ALLOWED, message)
    serializers = _names_in(headers.get("result_serializers"))
    if serializers is None:
        return Refusal(task_id, failures.NOT_A_TASK, "header result_serializers is not a list of import paths")
    asked = headers.get("resource_specification")
    job = _with_resources(Job(task_id, body, serializers), asked) if asked else Job(task_id, body, serializers)
    if isinstance(job, Job) and headers.keys() & _OURS:
        movable = rules.takes_movable and headers.get("movable") is True
        job = _with_options(replace(job, movable=movable), headers)
        return job if isinstance(job, Refusal) or "container" not in headers else _contained(job, headers, rules)
    return job


def _with_resources(job: Job, asked: object) -> Job | Refusal:
    try:
        return replace(job, resources=read_specification(asked))
    except ValueError as error:
        return Refusal(job.task_id, failures.RESOURCES_UNAVAILABLE, f"the task cannot be run: header {error}")


def _with_options(job: Job, headers: Mapping[str, Any]) -> Job | Refusal:
    try:
        timeout_s, priority = _timeout(headers.get("timeout_s")), _priority(headers.get("priority"))
        blobs, takes_blobs = from_header(headers.get("blobs", "")), headers.get("takes_blobs") is True
    except (TypeError, ValueError) as error:
        return Refusal(job.task_id, failures.NOT_A_TASK, f"the task cannot be run: header {error}")
    return replace(job, timeout_s=timeout_s, priority=priority, blobs=blobs, takes_blobs=takes_blobs)


def _contained(job: Job, headers: Mapping[str, Any], rules: Rules) -> Job | Refusal:
    try:
        environment = Environment.from_header(headers["container"])
    except (TypeError, ValueError, WireError) as error:
        return Refusal(job.task_id, failures.ENVIRONMENT_UNAVAILABLE, f"the task cannot be run: header {error}")
    why = ""
    if rules.engine:
        why = f"its engine is {rules.engine!r}, and only the engine 'processes' has workers in environments"
    elif environment.type not in rules.environments:
        allowed = ", ".join(rules.environments) or "none"
        why = f"its owner allows these types: {allowed} (allowed_environments in its configuration)"
    if why:
        message = failures.unavailable(environment.type, environment.location, f"endpoint {rules.endpoint_id}: {why}")
        return Refusal(job.task_id, failures.ENVIRONMENT_UNAVAILABLE, message)
    return replace(job, environment=environment)


def _priority(header: object) -> int:
    if header is None:
        return 0
    with contextlib.suppress(ValueError):
        header = int(header) if isinstance(header, str) else header
    return as_priority(header)


def _timeout(header: object) -> float | None:
    if header is None:
        return None
    with contextlib.suppress(ValueError):
        header = float(header) if isinstance(header, str) else header
    return as_timeout(header)


def _names_in(header: object) -> tuple[str, ...] | None:
    if not header:
        return ()
    if not isinstance(header, list):
        return None
    entries = cast("Sequence[object]", header)
    names = tuple(entry for entry in entries if isinstance(entry, str))
    return names if len(names) == len(entries) else None


def _without_id(body: bytes, why: str) -> Request:
    try:
        message = decode(body)
    except WireError as error:
        return Unreadable(f"{why}; {error}")
    if isinstance(message, Task):
        return Refusal(message.task_id, failures.NOT_A_TASK, f"the task cannot be run: {why}")
    return Unreadable(f"{why}, and it is a {type(message).__name__} message")
