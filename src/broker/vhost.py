"""The virtual host: the exchanges and queues there are, by name. There is one, and its name is ``/``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import (
    ChannelRefusal,
    ConnectionRefusal,
    access_refused,
    inequivalent,
    no_exchange,
    no_queue,
    not_implemented,
    precondition_failed,
)
from .exchange import KINDS, Exchange
from .limits import Limits
from .memory import Memory
from .queue import Queue

if TYPE_CHECKING:
    from .message import Route

NAME = "/"
_RESERVED = "amq."


class VirtualHost:
    """The exchanges and queues there are.

    Every refusal is raised as the error that a peer is told; who may do what was asked before.

    Args:
        limits: for new queues.
        memory: for new queues.
        taken: called with the queue's name and the id of each message that a consumer has acknowledged.
    """

    def __init__(self, limits: Limits, memory: Memory, taken: Callable[[str, str], None]) -> None:
        self._limits = limits
        self._memory = memory
        self._taken = taken
        self.queues: dict[str, Queue] = {}
        self.exchanges = {f"{_RESERVED}{kind}": Exchange(f"{_RESERVED}{kind}", kind, durable=True) for kind in KINDS}

    # Exchanges.

    def exchange(self, name: str) -> Exchange:
        """Find an exchange that can be declared, bound to and deleted: not the default one."""
        if not name:
            raise access_refused("operation not permitted on the default exchange")
        if name not in self.exchanges:
            raise no_exchange(name)
        return self.exchanges[name]

    def declare_exchange(self, name: str, kind: str, *, durable: bool, auto_delete: bool) -> None:
        """Make an exchange, or see that it is there as it is asked for."""
        if kind == "headers":
            raise not_implemented("exchange type 'headers': this broker has direct, fanout and topic")
        if kind not in KINDS:
            raise ConnectionRefusal(503, f"unknown exchange type '{kind}'")
        if not name:
            raise access_refused("operation not permitted on the default exchange")
        there = self.exchanges.get(name)
        if there is None:
            if name.startswith(_RESERVED):
                raise access_refused(f"exchange name '{name}' contains reserved prefix 'amq.*'")
            self.exchanges[name] = Exchange(name, kind, durable=durable, auto_delete=auto_delete)
            return
        asked = {"type": (kind, there.kind), "durable": (durable, there.durable)}
        asked["auto_delete"] = (auto_delete, there.auto_delete)
        for argument, (received, current) in asked.items():
            if received != current:
                raise inequivalent(argument, f"exchange '{name}'", received, current)

    def delete_exchange(self, name: str, *, if_unused: bool = False) -> None:
        """Delete an exchange and its bindings; nothing happens when it is not there."""
        if not name:
            raise access_refused("operation not permitted on the default exchange")
        if name.startswith(_RESERVED):
            raise access_refused(f"exchange name '{name}' contains reserved prefix 'amq.*'")
        there = self.exchanges.get(name)
        if there is None:
            return
        if if_unused and there.is_used:
            raise precondition_failed(f"exchange '{name}' in vhost '/' in use")
        del self.exchanges[name]

    def bind(self, queue: Queue, exchange: str, key: str) -> None:
        """Have an exchange send messages for `key` to a queue."""
        self.exchange(exchange).bind(queue, key)

    def unbind(self, queue: Queue, exchange: str, key: str) -> None:
        """Take a binding away; nothing happens when it is not there."""
        there = self.exchange(exchange)
        if there.unbind(queue, key):
            self._tidy(there)

    def _tidy(self, exchange: Exchange) -> None:
        if exchange.auto_delete and not exchange.is_used:
            self.exchanges.pop(exchange.name, None)

    def route(self, route: Route) -> tuple[Queue, ...]:
        """Give the queues that take what is published there."""
        if not route.exchange:
            queue = self.queues.get(route.routing_key)
            return () if queue is None else (queue,)
        exchange = self.exchanges.get(route.exchange)
        if exchange is None:
            raise no_exchange(route.exchange)
        return exchange.route(route.routing_key)

    # Queues.

    def queue(self, name: str, connection: object) -> Queue:
        """Find a queue for a connection: one that is exclusive to another is locked."""
        queue = self.queues.get(name)
        if queue is None:
            raise no_queue(name)
        if queue.owner is not None and queue.owner is not connection:
            raise ChannelRefusal(
                405,
                f"cannot obtain exclusive access to locked queue '{name}' in vhost '/'. It could be originally "
                "declared on another connection or the exclusive property value does not match that of the original "
                "declaration.",
            )
        return queue

    def declare_queue(
        self, name: str, connection: object, *, durable: bool, exclusive: bool, auto_delete: bool
    ) -> Queue:
        """Make a queue, or see that it is there as it is asked for."""
        if name not in self.queues:
            queue = Queue(
                name,
                limits=self._limits,
                memory=self._memory,
                durable=durable,
                auto_delete=auto_delete,
                owner=connection if exclusive else None,
                taken=self._taken,
                unused=self._remove,
            )
            self.queues[name] = queue
            return queue
        there = self.queue(name, connection)
        asked = {"durable": (durable, there.durable), "auto_delete": (auto_delete, there.auto_delete)}
        asked["exclusive"] = (exclusive, there.owner is not None)
        for argument, (received, current) in asked.items():
            if received != current:
                raise inequivalent(argument, f"queue '{name}'", received, current)
        return there

    def delete_queue(self, queue: Queue, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Delete a queue, tell its consumers, and give how many messages were dropped with it."""
        if if_unused and (queue.consumers or queue.sink is not None):
            raise precondition_failed(f"queue '{queue.name}' in vhost '/' in use")
        if if_empty and len(queue):
            raise precondition_failed(f"queue '{queue.name}' in vhost '/' not empty")
        count = len(queue)
        self._remove(queue)
        return count

    def _remove(self, queue: Queue) -> None:
        if self.queues.get(queue.name) is not queue:
            return
        del self.queues[queue.name]
        for exchange in list(self.exchanges.values()):
            if exchange.forget(queue):
                self._tidy(exchange)
        for consumer in queue.delete():
            consumer.outlet.cancelled(consumer)

    def delete_owned(self, connection: object) -> None:
        """Delete the queues that are exclusive to a connection that is gone."""
        for queue in [queue for queue in self.queues.values() if queue.owner is connection]:
            self._remove(queue)
