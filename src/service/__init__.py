"""The self-hosted web service: REST on one side, AMQP on the other, a store in between.

    client --REST--> routes --> Submissions ---- store ----> Outbox --> Feeder --> Broker --AMQP--> endpoint
                       |          Registry         |            ^                     |
                       `-------> Groups            |            |                     v
    client <------------------AMQP---- Broker <-- Feeder <-- Outbox <-- ResultIntake, HeartbeatIntake

`House` puts the parts together, `Server` gives them a process; the modules say what each owns.
"""

from .globus import GlobusOptions
from .options import ServiceAddress, ServiceOptions
from .people import People
from .server import Server, run
from .users import issue_token

__all__ = ["GlobusOptions", "People", "Server", "ServiceAddress", "ServiceOptions", "issue_token", "run"]
