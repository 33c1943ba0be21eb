"""What the agent asks of an engine, and how one is chosen by its name in the configuration.

    "processes"        worker processes of our own: a task that kills its worker fails alone       `processes.py`
    "threads"          threads of the agent                                                        `executors.py`
    "module:factory"   `factory(max_workers)` returns any `concurrent.futures.Executor`            `executors.py`

Every method and every callback belongs to the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeAlias

from ..wire.messages import TaskTransition
from .job import Job, Outgoing, Site


@dataclass(frozen=True, slots=True)
class Loss:
    """A job that no worker reported on: what the agent must report in its place.

    Attributes:
        code: of `failures`.
        message: what happened, in one line.
        details: facts about the worker, and what the job printed.
        transitions: when it began and ended, where that is known.
    """

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    transitions: tuple[TaskTransition, ...] | None = None


#: What comes of a job: the worker's result message, one that refers to blobs, or why there is none.
Outcome: TypeAlias = bytes | Outgoing | Loss


class EngineBroken(Exception):
    """No worker can be started."""


class Cancelled(Enum):
    """What an engine did to a job that was called off; the values are for people."""

    WAITED = "before it began to run"
    STOPPED = "while it ran; its worker process was stopped"
    ABANDONED = "while it ran; its engine cannot stop it, so it may go on, and its result is dropped"


@dataclass(frozen=True, slots=True)
class EngineState:
    """How an engine is at this moment.

    Attributes:
        total_workers: how many jobs it can run at a time.
        idle_workers: how many more it could run now.
        pending: jobs that no worker has begun.
        running: ids of the tasks that run.
    """

    total_workers: int
    idle_workers: int
    pending: int
    running: Collection[str]


class Engine(Protocol):
    """Runs jobs somewhere."""

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Start the workers.

        Args:
            ready: called once, when the first job would be taken at once.
            failed: called with what happened, when no worker can be started.
        """

    def place(self, site: Site) -> None:
        """Tell the workers where they are, before the first job."""

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        """Have a job run, and `done` called with what came of it."""

    def withdraw(self) -> list[str]:
        """Drop all jobs that no worker has begun; `done` is not called for them.

        Returns:
            The ids of what was dropped.
        """
        ...

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        """Drop one job; `done` is not called for it then.

        Args:
            task_id: its task.
            running: whether to drop it, too, when a worker has begun it.

        Returns:
            What was done about it; None when it goes on, or is not here.
        """
        ...

    def state(self) -> EngineState:
        """Say how it is."""
        ...

    def stop(self) -> None:
        """End the workers at once, and with them what runs; no more `done`."""
