"""The declaring half-sister of a channel: exchanges, queues and bindings, made, looked at and removed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pamqp import commands

from .access import Operation
from .errors import ChannelRefusal, access_refused, not_implemented
from .frames import declare_ok_frame
from .queue import Queue

if TYPE_CHECKING:
    from .channel import Channel


def _refuse_arguments(arguments: Mapping[str, Any] | None, what: str, allowed: Mapping[str, Any]) -> None:
    for name, value in (arguments or {}).items():
        if name in allowed and value == allowed[name]:
            continue
        if name.startswith("x-") or name == "alternate-exchange":
            raise not_implemented(f"{what} argument '{name}' = {value!r}")


class Declaring:
    """What a channel declares, binds, purges and deletes.

    Args:
        channel: it belongs to.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._connection = channel.connection
        self._writer = channel.connection.writer
        self._vhost = channel.connection.vhost
        self._last_queue = ""

    def queue_name(self, name: str) -> str:
        """Give a queue's name; an empty one means the queue this channel declared last."""
        if name:
            return name
        if not self._last_queue:
            raise ChannelRefusal(404, "no previously declared queue")
        return self._last_queue

    # Exchanges.

    def declare_exchange(self, method: commands.Exchange.Declare) -> None:
        """Make an exchange, or look whether it is there."""
        name = method.exchange
        if method.passive:
            self._channel.require(Operation.INSPECT_EXCHANGE, name)
            self._vhost.exchange(name)
        else:
            self._channel.require(Operation.DECLARE_EXCHANGE, name)
            _refuse_arguments(method.arguments, "exchange", {})
            if method.internal:
                raise not_implemented("internal exchanges")
            self._vhost.declare_exchange(
                name, method.exchange_type, durable=bool(method.durable), auto_delete=bool(method.auto_delete)
            )
        if not method.nowait:
            self._channel.send(commands.Exchange.DeclareOk())

    def delete_exchange(self, method: commands.Exchange.Delete) -> None:
        """Delete an exchange."""
        self._channel.require(Operation.DELETE_EXCHANGE, method.exchange)
        self._vhost.delete_exchange(method.exchange, if_unused=bool(method.if_unused))
        if not method.nowait:
            self._channel.send(commands.Exchange.DeleteOk())

    # Queues.

    def declare_queue(self, method: commands.Queue.Declare) -> None:
        """Make a queue, or look whether it is there."""
        if method.passive:
            name = self.queue_name(method.queue)
            self._channel.require(Operation.INSPECT_QUEUE, name)
            queue = self._vhost.queue(name, self._connection)
        else:
            queue = self._make_queue(method)
        self._last_queue = queue.name
        if not method.nowait:
            self._writer.write(declare_ok_frame(self._channel.number, queue.name, len(queue), len(queue.consumers)))

    def _make_queue(self, method: commands.Queue.Declare) -> Queue:
        name = method.queue
        if name:
            self._channel.require(Operation.DECLARE_QUEUE, name)
            if name.startswith("amq.") and name not in self._vhost.queues:
                raise access_refused(f"queue name '{name}' contains reserved prefix 'amq.*'")
        else:
            name = f"amq.gen-{secrets.token_urlsafe(16)}"
            self._channel.require(Operation.DECLARE_QUEUE, name)
        _refuse_arguments(method.arguments, "queue", {"x-queue-type": "classic"})
        return self._vhost.declare_queue(
            name,
            self._connection,
            durable=bool(method.durable),
            exclusive=bool(method.exclusive),
            auto_delete=bool(method.auto_delete),
        )

    def purge_queue(self, method: commands.Queue.Purge) -> None:
        """Drop what waits in a queue."""
        name = self.queue_name(method.queue)
        self._channel.require(Operation.PURGE_QUEUE, name)
        count = self._vhost.queue(name, self._connection).purge()
        if not method.nowait:
            self._channel.send(commands.Queue.PurgeOk(count))

    def delete_queue(self, method: commands.Queue.Delete) -> None:
        """Delete a queue; one that is not there is deleted already."""
        name = self.queue_name(method.queue)
        self._channel.require(Operation.DELETE_QUEUE, name)
        count = 0
        if name in self._vhost.queues:
            queue = self._vhost.queue(name, self._connection)
            count = self._vhost.delete_queue(queue, if_unused=bool(method.if_unused), if_empty=bool(method.if_empty))
        if not method.nowait:
            self._channel.send(commands.Queue.DeleteOk(count))

    # Bindings.

    def bind_queue(self, method: commands.Queue.Bind) -> None:
        """Bind a queue to an exchange."""
        name = self.queue_name(method.queue)
        self._channel.require(Operation.BIND_QUEUE, name, method.routing_key)
        _refuse_arguments(method.arguments, "binding", {})
        self._vhost.bind(self._vhost.queue(name, self._connection), method.exchange, method.routing_key)
        if not method.nowait:
            self._channel.send(commands.Queue.BindOk())

    def unbind_queue(self, method: commands.Queue.Unbind) -> None:
        """Take a binding away."""
        name = self.queue_name(method.queue)
        self._channel.require(Operation.BIND_QUEUE, name, method.routing_key)
        self._vhost.unbind(self._vhost.queue(name, self._connection), method.exchange, method.routing_key)
        self._channel.send(commands.Queue.UnbindOk())
