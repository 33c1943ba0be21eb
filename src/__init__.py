"""farpool: a `concurrent.futures.Executor` whose workers are somewhere else.

Public names are imported when they are first used, so that `import farpool` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import plot as plot
    from .client import Batch, Client
    from .errors import (
        AccessDenied,
        DeserializationError,
        EndpointOffline,
        FarpoolError,
        NotFound,
        PayloadTooLarge,
        RateLimited,
        RemoteTraceback,
        ResultTooLarge,
        SerializationError,
        ServiceDown,
        ServiceError,
        ServiceRefused,
        StackError,
        StreamError,
        TaskCancelled,
        TaskError,
        TaskExecutionFailed,
        TaskPending,
        TaskTimeout,
        TaskUncertain,
        VersionWarning,
        WireError,
        WorkerLost,
    )
    from .executor import Executor, Future, Results, Stats, Timings, as_completed, idempotent
    from .shell import MPIFunction, ShellFunction, ShellResult

    __version__: str

_HOMES = {
    "Batch": ".client",
    "Client": ".client",
    "Executor": ".executor",
    "Future": ".executor",
    "MPIFunction": ".shell",
    "Results": ".executor",
    "ShellFunction": ".shell",
    "ShellResult": ".shell",
    "Stats": ".executor",
    "Timings": ".executor",
    "as_completed": ".executor",
    "idempotent": ".executor",
}

__all__ = [
    "AccessDenied",
    "Batch",
    "Client",
    "DeserializationError",
    "EndpointOffline",
    "Executor",
    "FarpoolError",
    "Future",
    "MPIFunction",
    "NotFound",
    "PayloadTooLarge",
    "RateLimited",
    "RemoteTraceback",
    "ResultTooLarge",
    "Results",
    "SerializationError",
    "ServiceDown",
    "ServiceError",
    "ServiceRefused",
    "ShellFunction",
    "ShellResult",
    "StackError",
    "Stats",
    "StreamError",
    "TaskCancelled",
    "TaskError",
    "TaskExecutionFailed",
    "TaskPending",
    "TaskTimeout",
    "TaskUncertain",
    "Timings",
    "VersionWarning",
    "WireError",
    "WorkerLost",
    "as_completed",
    "idempotent",
]

if not TYPE_CHECKING:  # a type checker that saw this would believe in any name

    def __getattr__(name):
        if name == "__version__":
            return importlib.import_module(".version", __name__).__version__
        if name == "plot":
            return importlib.import_module(".plot", __name__)
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES.get(name, ".errors"), __name__), name)

    def __dir__():
        return sorted([*__all__, "__version__"])
