"""The embedded AMQP 0-9-1 broker: queues in memory, for the programs of one machine.

     peers (pika, any client)                       this process
       |  bytes                                       |
       v                                              |  Server: declare, bind, publish, attach, statistics
     Connection ---- Handshake, Heartbeat             |
       |  frames                                      |
       v                                              v
     Channel -- Declaring ---------------------> VirtualHost -- Exchange, Queue
       |------- Publishing --- route, put ----------->|            |
       `------- Consuming <--- Consumer <--- deliver -------------'|
                                                      Sink <------'   (an async handler of this process)

A `Hub` holds what all connections share; `Memory` keeps the account that bounds it. All of it lives on one asyncio loop
and nothing outlives the process: `farpool.service` publishes again from its store what was not taken. Beyond one
machine, use RabbitMQ.
"""

from .access import Authenticate, Operation, Permit
from .errors import UnknownQueue
from .limits import Limits
from .message import Message, Route, make_message
from .server import Server
from .statistics import Statistics

__all__ = [
    "Authenticate",
    "Limits",
    "Message",
    "Operation",
    "Permit",
    "Route",
    "Server",
    "Statistics",
    "UnknownQueue",
    "make_message",
]
