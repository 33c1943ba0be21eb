"""The self-hosted web service: REST on one side, AMQP on the other, a store in between.

    client --REST--> routes --> Submissions ---- store ----> Outbox --> Feeder --> Broker --AMQP--> endpoint
                       |          Registry         |            ^                     |
                       `-------> Groups            |            |                     v
    client <------------------AMQP---- Broker <-- Feeder <-- Outbox <-- ResultIntake, HeartbeatIntake

`House` puts the parts together, `Server` gives them a process; the modules say what each owns. `Server` and `run` are
imported when they are first used: `farpool users` and its like change the store and need no web.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .globus import GlobusOptions
from .options import ServiceAddress, ServiceOptions
from .people import People
from .users import issue_token

if TYPE_CHECKING:
    from .server import Server, run

__all__ = ["GlobusOptions", "People", "Server", "ServiceAddress", "ServiceOptions", "issue_token", "run"]

if not TYPE_CHECKING:  # a type checker that saw this would believe in any name

    def __getattr__(name):
        if name not in {"Server", "run"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(".server", __name__), name)
