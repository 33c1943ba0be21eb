"""AMQP as a client speaks it: one loop per thread, and on it consumers and publishers that mend themselves.

          the thread that lends itself by Loop.run()
        +---------------------------------------------+
        |  Loop (pika's IOLoop)                       |
        |    Consumer -- Link -- connection, channel  |----- AMQP ----- broker
        |    Publisher - Link -- connection, channel  |
        +---------------------------------------------+
          ^ Loop.call(fn): the one door for other threads

A `Link` keeps a connection open; `Consumer` and `Publisher` say what is done with it. Nothing here starts a thread.
"""

from .backoff import LINK_PATIENCE, ONE_TRY, Backoff, Patience, Spell
from .consumer import Address, Consumer, Delivery
from .link import Link
from .loop import Loop, Timer
from .publisher import Publisher

__all__ = [
    "LINK_PATIENCE",
    "ONE_TRY",
    "Address",
    "Backoff",
    "Consumer",
    "Delivery",
    "Link",
    "Loop",
    "Patience",
    "Publisher",
    "Spell",
    "Timer",
]
