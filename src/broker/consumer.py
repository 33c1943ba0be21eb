"""A consumer: one subscription of a channel to a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frames import short_string

if TYPE_CHECKING:
    from .consuming import Consuming
    from .message import Message
    from .queue import Queue


class Consumer:
    """A subscription.

    Args:
        tag: its name on its channel.
        queue: what it takes from.
        outlet: the consuming half of its channel.
        no_ack: messages are done with when they are sent.
        exclusive: it shares the queue with no other.
        prefetch: how many messages it may hold unacknowledged; 0 means no limit.

    Attributes:
        tag_bytes: the tag as it stands in a delivery.
        unacked: how many messages it holds unacknowledged.
    """

    __slots__ = ("exclusive", "no_ack", "outlet", "prefetch", "queue", "tag", "tag_bytes", "unacked")

    def __init__(
        self, tag: str, queue: Queue, outlet: Consuming, *, no_ack: bool, exclusive: bool, prefetch: int
    ) -> None:
        self.tag = tag
        self.tag_bytes = short_string(tag)
        self.queue = queue
        self.outlet = outlet
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = prefetch
        self.unacked = 0

    def is_ready(self) -> bool:
        """Whether a message may be sent to it now."""
        return self.outlet.is_open and not (self.prefetch and self.unacked >= self.prefetch)

    def deliver(self, message: Message) -> None:
        """Send it a message."""
        self.outlet.deliver(self, message)
