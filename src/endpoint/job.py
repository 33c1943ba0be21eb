"""What crosses between the agent and its workers: a job there, the bytes of a result message back."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..wire.containers import Environment
from ..wire.messages import WORKER
from .resources import LAUNCHER

#: The most characters a serialized result may have; the hosted service's limit.
MAX_RESULT_CHARS = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """One task, as it came from the queue: the agent reads its headers and leaves the body to the worker.

    Attributes:
        task_id: from the headers.
        body: the message's envelope, unread.
        result_serializers: import paths of the strategies to try for the result, in order; none means the default.
        timeout_s: seconds that it may run, from the moment a worker begins it; None: as long as it takes.
        priority: among the jobs that wait, higher ones are run first.
        movable: whether its task may go to another endpoint as long as the service has not heard that it began.
        blobs: what its arguments refer to, with the sizes in bytes.
        takes_blobs: whether its result may be a reference.
        resources: the resource specification, for the engine or the worker to honour or refuse; empty: none.
        environment: what its worker must run in; None: the endpoint's own Python.
    """

    task_id: str
    body: bytes
    result_serializers: tuple[str, ...] = ()
    timeout_s: float | None = None
    priority: int = 0
    movable: bool = False
    blobs: Mapping[str, int] = field(default_factory=dict[str, int])
    takes_blobs: bool = False
    resources: Mapping[str, Any] = field(default_factory=dict[str, Any])
    environment: Environment | None = None

    @property
    def key(self) -> tuple[str, str] | None:
        """What tells its environment from others; None: the endpoint's own Python."""
        return None if self.environment is None else self.environment.key


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A result by reference: its message, and the blobs that must be at the service before it.

    Attributes:
        blobs: their sizes in bytes, by name; each is a file that `outgoing_name` names.
    """

    body: bytes
    blobs: Mapping[str, int]


def outgoing_name(task_id: str, digest: str) -> str:
    """Name the file of a blob of a task's result."""
    return f"{task_id}.{digest}"


@dataclass(frozen=True, slots=True)
class Site:
    """Where jobs run: what a worker must know before the first one.

    Attributes:
        endpoint_id: whose worker it is; goes into the details of every result.
        sys_path: where the worker looks for modules; empty: as it was started.
        max_result_chars: the most characters a serialized result may have.
        blobs: the directory where the blobs of arguments are.
        outgoing: the directory for those of results; empty: results travel along.
        sandboxes: the directory in which each task has one of its own, which it runs in; empty: they have none.
        mpi_launcher: the command that starts a program in several MPI ranks.
        farpool_version: for a worker that has farpool without its metadata; empty: it knows.
    """

    endpoint_id: str
    sys_path: tuple[str, ...] = ()
    max_result_chars: int = MAX_RESULT_CHARS
    blobs: str = ""
    outgoing: str = ""
    sandboxes: str = ""
    mpi_launcher: str = LAUNCHER
    farpool_version: str = ""

    def details(self) -> dict[str, Any]:
        """Give the facts that every result carries: clients compare the versions with their own."""
        import dill  # noqa: PLC0415 - the agent has no need of it

        from ..version import __version__  # noqa: PLC0415 - reads the package's metadata

        return {
            WORKER: worker_name(os.getpid()),
            "os": platform.platform(),
            "python_version": platform.python_version(),
            "dill_version": dill.__version__,
            "farpool_version": self.farpool_version or __version__,
            "endpoint_id": self.endpoint_id,
        }


def worker_name(pid: int) -> str:
    """Name a worker process of this machine, for the details of results.

    >>> worker_name(4711).endswith("/4711")
    True
    """
    return f"{socket.gethostname()}/{pid}"
