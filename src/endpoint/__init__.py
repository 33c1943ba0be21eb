"""The endpoint agent: takes tasks from its queue, runs them on an engine, publishes the results.

    agent process (one thread, one loop)                     worker processes
      task queue ---> Links -> intake -> Inflight -> Engine ====> worker: unpack, run, serialize
      results <------ Links <------- confirmed, ack <------- ====     |
      reports <------ Heartbeat                                  dies with the agent

The parts are in `agent.py`, which draws them; what the command line needs is exported here, and imported when it is
first used: a worker process imports this package, too, and has no need of AMQP and REST.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import EndpointConfig as EndpointConfig
    from .directory import EndpointDirectory as EndpointDirectory
    from .process import EndpointState as EndpointState
    from .process import delete as delete
    from .process import list_endpoints as list_endpoints
    from .process import start_detached as start_detached
    from .process import status as status
    from .process import stop as stop
    from .registration import exit_code_for as exit_code_for
    from .run import Connection as Connection
    from .run import run_agent as run_agent
    from .worker_output import WorkerOutput as WorkerOutput

_HOMES = {
    "Connection": ".run",
    "EndpointConfig": ".config",
    "EndpointDirectory": ".directory",
    "EndpointState": ".process",
    "WorkerOutput": ".worker_output",
    "delete": ".process",
    "exit_code_for": ".registration",
    "list_endpoints": ".process",
    "run_agent": ".run",
    "start_detached": ".process",
    "status": ".process",
    "stop": ".process",
}

__all__ = [
    "Connection",
    "EndpointConfig",
    "EndpointDirectory",
    "EndpointState",
    "WorkerOutput",
    "delete",
    "exit_code_for",
    "list_endpoints",
    "run_agent",
    "start_detached",
    "status",
    "stop",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
