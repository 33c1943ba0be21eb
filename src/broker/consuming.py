"""The consuming half of a channel: subscriptions, deliveries and what becomes of them."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from pamqp import commands

from .access import Operation
from .consumer import Consumer
from .errors import ConnectionRefusal, access_refused, not_implemented, precondition_failed
from .frames import content_frames, deliver_frame, get_ok_frame, unpack_settlement
from .message import Message
from .queue import Queue

if TYPE_CHECKING:
    from .channel import Channel

_Held: TypeAlias = "tuple[Queue, Message, Consumer | None]"

#: Arguments of a consumer that change nothing here.
_HARMLESS = frozenset({"x-cancel-on-ha-failover"})


class Consuming:
    """What a channel consumes.

    Args:
        channel: it belongs to.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._number = channel.number
        self._connection = channel.connection
        self._writer = channel.connection.writer
        self._vhost = channel.connection.vhost
        self._consumers: dict[str, Consumer] = {}
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._tag = 0
        self._prefetch = 0  # of new consumers
        self._channel_prefetch = 0  # of all consumers together
        self._out = 0  # messages that consumers hold
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether a message may be sent to one of its consumers now."""
        if self._closed or not self._writer.is_writable:
            return False
        return not self._channel_prefetch or self._out < self._channel_prefetch

    @property
    def consumer_count(self) -> int:
        """How many consumers there are."""
        return len(self._consumers)

    # Subscriptions.

    def set_prefetch(self, method: commands.Basic.Qos) -> None:
        """Bound what may be out unacknowledged."""
        if method.prefetch_size:
            raise not_implemented(f"prefetch_size!=0 ({method.prefetch_size})")
        if method.global_:
            self._channel_prefetch = method.prefetch_count
            self._wake_queues()
        else:
            self._prefetch = method.prefetch_count
        self._channel.send(commands.Basic.QosOk())

    def consume(self, method: commands.Basic.Consume) -> None:
        """Begin to deliver messages of a queue."""
        name = self._channel.queue_name(method.queue)
        tag = method.consumer_tag or f"amq.ctag-{secrets.token_urlsafe(16)}"
        if tag in self._consumers:
            raise ConnectionRefusal(530, f"attempt to reuse consumer tag '{tag}'")
        for argument in method.arguments or {}:
            if argument.startswith("x-") and argument not in _HARMLESS:
                raise not_implemented(f"consumer argument '{argument}'")
        self._channel.require(Operation.CONSUME, name)
        queue = self._vhost.queue(name, self._connection)
        if queue.is_reserved or (method.exclusive and queue.consumers):
            raise access_refused(f"queue '{name}' in vhost '/' in exclusive use")
        consumer = Consumer(
            tag,
            queue,
            self,
            no_ack=bool(method.no_ack),
            exclusive=bool(method.exclusive),
            prefetch=self._prefetch,
        )
        self._consumers[tag] = consumer
        if not method.nowait:
            self._channel.send(commands.Basic.ConsumeOk(tag))
        queue.add_consumer(consumer)

    def cancel(self, method: commands.Basic.Cancel) -> None:
        """Deliver no more to a consumer; what it holds it may still acknowledge."""
        tag = method.consumer_tag or ""
        consumer = self._consumers.pop(tag, None)
        if not method.nowait:
            self._channel.send(commands.Basic.CancelOk(tag))
        if consumer is not None:
            consumer.queue.remove_consumer(consumer)

    def cancelled(self, consumer: Consumer) -> None:
        """Tell the peer that a consumer's queue is gone."""
        self._consumers.pop(consumer.tag, None)
        if not self._closed and "consumer_cancel_notify" in self._connection.capabilities:
            self._channel.send(commands.Basic.Cancel(consumer.tag, nowait=True))

    # Deliveries.

    def deliver(self, consumer: Consumer, message: Message) -> None:
        """Send a message to a consumer."""
        self._tag = tag = self._tag + 1
        self._writer.write_delivery(
            deliver_frame(self._number, consumer.tag_bytes, tag, message.redelivered, message.route.address),
            content_frames(self._number, message.header, message.body, self._connection.body_room),
        )
        if consumer.no_ack:
            consumer.queue.acknowledge(message)
        else:
            self._held[tag] = (consumer.queue, message, consumer)
            consumer.unacked += 1
            self._out += 1

    def get(self, method: commands.Basic.Get) -> None:
        """Send the next message of a queue, if there is one."""
        name = self._channel.queue_name(method.queue)
        self._channel.require(Operation.CONSUME, name)
        queue = self._vhost.queue(name, self._connection)
        if queue.sink is not None:
            raise access_refused(f"queue '{name}' in vhost '/' in exclusive use")
        message = queue.take()
        if message is None:
            self._channel.send(commands.Basic.GetEmpty())
            return
        self._tag = tag = self._tag + 1
        self._writer.write(
            get_ok_frame(self._number, tag, message.redelivered, message.route.address, len(queue))
            + content_frames(self._number, message.header, message.body, self._connection.body_room)
        )
        if method.no_ack:
            queue.acknowledge(message)
        else:
            self._held[tag] = (queue, message, None)

    # What becomes of them.

    def ack(self, arguments: bytes) -> None:
        """Take the arguments of a Basic.Ack."""
        tag, multiple = unpack_settlement(arguments)
        for held in self._let_go(tag, multiple=bool(multiple & 1)):
            held[0].acknowledge(held[1])

    def nack(self, arguments: bytes) -> None:
        """Take the arguments of a Basic.Nack."""
        tag, bits = unpack_settlement(arguments)
        self._give_back(self._let_go(tag, multiple=bool(bits & 1)), requeue=bool(bits & 2))

    def reject(self, arguments: bytes) -> None:
        """Take the arguments of a Basic.Reject."""
        tag, requeue = unpack_settlement(arguments)
        self._give_back(self._let_go(tag, multiple=False), requeue=bool(requeue & 1))

    def recover(self, method: commands.Basic.Recover) -> None:
        """Put everything that is unacknowledged back into its queue."""
        if not method.requeue:
            raise not_implemented("requeue=false")
        if self._held:
            self._give_back(self._let_go(0, multiple=True), requeue=True)
        if method.name == "Basic.Recover":
            self._channel.send(commands.Basic.RecoverOk())

    @staticmethod
    def _give_back(messages: Iterable[_Held], *, requeue: bool) -> None:
        for queue, message, _ in messages:
            if requeue:
                queue.put_back(message)
            else:
                queue.settle(message)

    def _let_go(self, tag: int, *, multiple: bool) -> list[_Held]:
        """Strike deliveries off the list: one, or all up to `tag`, or all where that is 0."""
        held = self._held
        messages: list[_Held] = []
        if multiple and tag == 0:
            messages += held.values()
            held.clear()
        elif tag not in held:
            raise precondition_failed(f"unknown delivery tag {tag}")
        elif multiple:
            last = 0
            while last != tag:
                last, message = held.popitem(last=False)
                messages.append(message)
        else:
            messages.append(held.pop(tag))
        for queue, _, consumer in messages:
            if consumer is not None:
                consumer.unacked -= 1
                self._out -= 1
                if consumer.prefetch:
                    queue.wake()
        if self._channel_prefetch:
            self._wake_queues()
        return messages

    # Turns of the connection.

    def wake(self) -> None:
        """Go on after the transport has drained."""
        self._wake_queues()

    def _wake_queues(self) -> None:
        for consumer in self._consumers.values():
            consumer.queue.wake()

    def close(self) -> None:
        """End all subscriptions and put back all that is unacknowledged."""
        self._closed = True
        consumers = list(self._consumers.values())
        self._consumers.clear()
        held, self._held = self._held, OrderedDict()
        for consumer in consumers:
            consumer.queue.remove_consumer(consumer)
        self._give_back(held.values(), requeue=True)
