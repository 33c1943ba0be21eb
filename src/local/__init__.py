"""The embedded stack: a service, a broker and an endpoint on this machine, for the `Executor()` that names no endpoint.

    program                        child processes, loopback only, one private directory
    acquire() ---- starts ------>  farpool serve            service + broker
       |      `--- starts ------>  farpool endpoint start   agent + workers, one per value of max_workers
       |                              | announce: one JSON line on stdout
       |<-----------------------------'
    StackLease .service_url .token .endpoint_id
       release()  the last one stops the children and removes the directory

Leases of one program share one service, and leases that want equally many workers share one agent. What tasks print
comes out where the program prints; service and agent write to logs in the private directory. Nothing is polled:
the children announce themselves on their standard output, and a thread waits for the end of each. Only processes are
started here; the service and the endpoint are never imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lease import StackLease as StackLease
    from .lease import acquire as acquire
    from .lease import default_workers as default_workers

__all__ = ["StackLease", "acquire", "default_workers"]


def __getattr__(name: str) -> Any:
    # Imported when used: every worker process takes `local.parent` from here, and none of them needs the stack.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".lease", __name__), name)
