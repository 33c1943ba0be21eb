"""A queue: messages in order, handed to consumers in turn."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import UnknownQueue
from .limits import Limits
from .memory import Memory
from .message import Message

if TYPE_CHECKING:
    from .confirms import Ticket
    from .consumer import Consumer
    from .sink import Sink

#: Messages handed out per turn of the loop and queue: the others have their turns too.
_TURN = 500


class Queue:
    """Messages in order.

    What has never been handed out waits in a deque; what came back waits in a heap by its old position and goes first:
    it is older than all that wait in the deque.

    Args:
        name: its name.
        limits: holds the bound of bytes above which publishers of this process wait.
        memory: the account of all queues.
        durable, auto_delete: as declared.
        owner: the connection an exclusive queue belongs to, or None.
        taken: called with the queue's name and the id of each message that a consumer has acknowledged.
        unused: called when the last consumer of an auto-delete queue is gone.

    Attributes:
        sink: the handler in this process that takes all its messages, or None.
        unacked: how many messages are out, at consumers or at the sink.
        used_bytes: what its messages count for, those that are out included.
        is_deleted: whether it is gone; what comes back to it then is dropped.
    """

    def __init__(
        self,
        name: str,
        *,
        limits: Limits,
        memory: Memory,
        durable: bool,
        auto_delete: bool,
        owner: object | None,
        taken: Callable[[str, str], None],
        unused: Callable[[Queue], None],
    ) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.owner = owner
        self.sink: Sink | None = None
        self.consumers: deque[Consumer] = deque()
        self.unacked = 0
        self.used_bytes = 0
        self.is_deleted = False
        self._limits = limits
        self._memory = memory
        self._taken = taken
        self._unused = unused
        self._fresh: deque[Message] = deque()
        self._returned: list[tuple[int, Message]] = []
        self._position = 0
        self._awake = False
        self._waiting: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        """Count the messages that wait for a consumer."""
        return len(self._fresh) + len(self._returned)

    @property
    def is_reserved(self) -> bool:
        """Whether nobody else may consume from it: it has a sink or an exclusive consumer."""
        return self.sink is not None or any(consumer.exclusive for consumer in self.consumers)

    # Messages in and out.

    def put(self, message: Message, ticket: Ticket | None = None) -> None:
        """Put a message at the end; `ticket` is for the sink, if there is one."""
        self._position += 1
        message.position = self._position
        self.used_bytes += message.size
        self._memory.add(message.size)
        if self.sink is not None:
            self.unacked += 1
            self.sink.put(message, ticket)
            return
        self._fresh.append(message)
        if self.consumers and not self._awake:
            self.wake()

    def take(self) -> Message | None:
        """Take the next message out; it stays on the account until it is settled or comes back."""
        if self._returned:
            message = heapq.heappop(self._returned)[1]
        elif self._fresh:
            message = self._fresh.popleft()
        else:
            return None
        self.unacked += 1
        return message

    def settle(self, message: Message) -> None:
        """Be done with a message that was taken out."""
        self.unacked -= 1
        self._release(message.size)

    def acknowledge(self, message: Message) -> None:
        """Be done with a message that a consumer has dealt with."""
        self.unacked -= 1
        self._release(message.size)
        if message.message_id:
            self._taken(self.name, message.message_id)

    def put_back(self, message: Message) -> None:
        """Put a message that was taken out back to its place."""
        if self.is_deleted:
            self.settle(message)
            return
        self.unacked -= 1
        message.redelivered = True
        heapq.heappush(self._returned, (message.position, message))
        self.wake()

    def purge(self) -> int:
        """Drop all that wait; gives how many."""
        count = len(self)
        size = sum(message.size for message in self._fresh) + sum(message.size for _, message in self._returned)
        self._fresh.clear()
        self._returned.clear()
        self._release(size)
        return count

    def _release(self, size: int) -> None:
        self.used_bytes -= size
        self._memory.remove(size)
        if self._waiting and self.has_room:
            self._wake_publishers()

    # Room for publishers of this process.

    @property
    def has_room(self) -> bool:
        """Whether a publisher of this process need not wait."""
        limits = self._limits
        return self.used_bytes < (limits.crowded_queue_bytes if self._memory.is_crowded else limits.queue_bytes)

    async def wait_for_room(self) -> None:
        """Wait until there is room.

        Raises:
            UnknownQueue: the queue was deleted.
        """
        while not self.has_room and not self.is_deleted:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(waiter)
            self._memory.when_relieved(self._wake_publishers)
            await waiter
        if self.is_deleted:
            raise UnknownQueue(self.name)

    def _wake_publishers(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    # Consumers.

    def attach(self, sink: Sink) -> None:
        """Have a handler of this process take all messages, those that wait already first."""
        self.sink = sink
        while (message := self.take()) is not None:
            sink.put(message, None)

    def add_consumer(self, consumer: Consumer) -> None:
        """Begin to hand messages to a consumer."""
        self.consumers.append(consumer)
        self.wake()

    def remove_consumer(self, consumer: Consumer) -> None:
        """Hand it no more; what it holds stays with its channel."""
        if consumer not in self.consumers:
            return
        self.consumers.remove(consumer)
        if self.auto_delete and not self.consumers:
            self._unused(self)

    def wake(self) -> None:
        """Hand out what can be handed out, in the loop's next turn."""
        if not self._awake:
            self._awake = True
            self._loop.call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._awake = False
        for _ in range(_TURN):
            if not self._fresh and not self._returned:
                return
            consumer = self._next_consumer()
            if consumer is None:
                return  # an ack, a drained transport or a new consumer wakes the queue
            message = self.take()
            if message is not None:
                consumer.deliver(message)
        self.wake()

    def _next_consumer(self) -> Consumer | None:
        consumers = self.consumers
        for _ in range(len(consumers)):
            consumer = consumers[0]
            consumers.rotate(-1)
            if consumer.is_ready():
                return consumer
        return None

    # The end.

    def delete(self) -> list[Consumer]:
        """Drop all that wait; gives the consumers that are to be told."""
        self.is_deleted = True
        self.purge()
        consumers = list(self.consumers)
        self.consumers.clear()
        if self.sink is not None:
            self.sink.give_up()
        self._wake_publishers()
        return consumers
