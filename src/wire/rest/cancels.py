"""Calling tasks off (`POST /v2/tasks/cancel`; ours: the hosted service has no such route)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import WireError
from ..checks import as_object
from .fields import read, read_id

#: It never runs, or whatever it still does is dropped: its outcome is that it was cancelled.
CANCELLED = "cancelled"
#: The endpoint has been told, and will say what became of it.
REQUESTED = "requested"
#: It is left alone: a worker has begun it, or may have, and only tasks that have not begun were meant.
RUNNING = "running"
#: It had an outcome before.
FINISHED = "finished"
#: The service has no such task of the caller.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Tasks that are no longer wanted.

    Attributes:
        task_ids: each once.
        running: whether those that a worker has begun are to be stopped, too.
        stranded: only those whose endpoint is away and that have certainly not begun; all others are left alone.
    """

    task_ids: Sequence[str]
    running: bool = True
    stranded: bool = False

    def to_json(self) -> dict[str, Any]:
        """Write the request body."""
        body: dict[str, Any] = {"task_ids": list(self.task_ids), "running": self.running}
        return {**body, "stranded": True} if self.stranded else body

    @classmethod
    def from_json(cls, body: object) -> CancelRequest:
        """Read a request body."""
        body = as_object(body, "body")
        task_ids = [read_id(one, "a task id in 'task_ids'") for one in read(body, "task_ids", list)]
        running, stranded = read(body, "running", bool, True), read(body, "stranded", bool, False)
        return cls(list(dict.fromkeys(task_ids)), running=running and not stranded, stranded=stranded)


@dataclass(frozen=True, slots=True)
class CancelReply:
    """What became of the request.

    Attributes:
        results: by task id one of `CANCELLED`, `REQUESTED`, `RUNNING`, `FINISHED` and `UNKNOWN`.
    """

    results: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Write the answer."""
        return {"results": dict(self.results)}

    @classmethod
    def from_json(cls, body: object) -> CancelReply:
        """Read an answer."""
        results: dict[str, str] = {}
        for task_id, status in read(as_object(body, "body"), "results", dict).items():
            if not isinstance(status, str):
                raise WireError(f"'results' says of task {task_id!r} a {type(status).__name__}, not a word")
            results[read_id(task_id, "task id in 'results'")] = status
        return cls(results)
