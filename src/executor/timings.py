"""When a task was where, and what its endpoint tells of its run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..wire.messages import PRINTED, TRANSITIONS, WORKER, Result
from ..wire.rest import TaskDocument
from ..wire.states import TaskState


@dataclass(frozen=True, slots=True)
class Timings:
    """When a task was where: seconds since 1970, None where that is not known, or not yet.

    `started` and `ended` are read off the worker's clock, the others off this machine's: where the two differ, so do
    these.

    Attributes:
        submitted: it was given to the executor.
        sent: its request was sent to the service; of a task that is tried again, the last one, as all that follows.
        started: a worker began it.
        ended: the worker was done with it: had its value packed, or its error.
        received: its outcome arrived here.
        worker: which worker that was: ``host/process id``, in threads with the thread's name; None on endpoints that
            do not say.
    """

    submitted: float | None = None
    sent: float | None = None
    started: float | None = None
    ended: float | None = None
    received: float | None = None
    worker: str | None = None

    @property
    def run_s(self) -> float | None:
        """Seconds for which it ran."""
        return None if self.started is None or self.ended is None else self.ended - self.started

    @property
    def total_s(self) -> float | None:
        """Seconds from `submit` until its outcome was here."""
        return None if self.submitted is None or self.received is None else self.received - self.submitted


@dataclass(frozen=True, slots=True)
class Told:
    """What an endpoint tells of the run of a task.

    Attributes:
        started, ended, worker: as in `Timings`.
        stdout, stderr: what was printed; None: the endpoint does not say.
    """

    started: float | None = None
    ended: float | None = None
    worker: str | None = None
    stdout: str | None = None
    stderr: str | None = None


#: Nothing is known.
UNTOLD = Told()


def told_in(result: Result | TaskDocument) -> Told:
    """Read what a result tells of its run; never raises, whatever was sent."""
    details = result.details or {}
    started, ended = _transitions(details.get(TRANSITIONS))
    if isinstance(result, Result):
        for one in result.task_statuses or ():
            if one.state is TaskState.EXEC_START:
                started = one.timestamp / 1e9
            elif one.state is TaskState.EXEC_END:
                ended = one.timestamp / 1e9
    worker = details.get(WORKER)
    return Told(started, ended, worker if isinstance(worker, str) else None, *_printed(details.get(PRINTED)))


def _transitions(told: object) -> tuple[float | None, float | None]:
    if not isinstance(told, Mapping):
        return None, None
    times = cast("Mapping[str, Any]", told)
    return _seconds(times.get(TaskState.EXEC_START.value)), _seconds(times.get(TaskState.EXEC_END.value))


def _seconds(told: object) -> float | None:
    return float(told) if isinstance(told, (int, float)) else None


def _printed(told: object) -> tuple[str | None, str | None]:
    if isinstance(told, (list, tuple)):
        texts = [one for one in cast("list[object]", told) if isinstance(one, str)]
        if len(texts) == 2:
            return texts[0], texts[1]
    return None, None
