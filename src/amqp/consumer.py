"""A consumer: takes what comes in at one queue, through every break of the connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import StreamError
from .acks import AckWindow
from .backoff import LINK_PATIENCE, Backoff, Patience
from .link import Link
from .loop import Loop

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a queue is: an AMQP URL with credentials, and the queue's name.

    Attributes:
        before: another queue of the same consumer: all that waits in it is delivered before the first message of
            `queue`, and it goes on beside it. Nothing bounds what it may hand over.
    """

    url: str
    queue: str
    before: str | None = None

    def __repr__(self) -> str:
        return f"Address(queue={self.queue!r})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it was delivered.

    Attributes:
        timestamp: unix time in seconds from the message's properties, or None.
        redelivered: whether it was handed out before.
        tag, epoch: which delivery, on which connection: what `ack` needs.
    """

    body: bytes
    headers: Mapping[str, Any]
    timestamp: int | None
    redelivered: bool
    tag: int
    epoch: int


def _nothing(*_args: object) -> None:
    pass


class Consumer:
    """Takes messages from one queue for as long as it is open; lives on a `Loop`, whose thread it belongs to.

    Acknowledgements are collected and sent once per turn of the loop. One for a delivery of an earlier connection is
    ignored: the broker has taken that message back.

    Args:
        locate: gives the queue's address, asked again at every (re)connect; may block.
        deliver: called with each message.
        prefetch: how many unacknowledged messages the broker may hand over; 0 means no limit.
        exclusive: refuse to share the queue.
        on_open: called at each (re)connect, before the first message.
        on_lost: called when the connection is gone and will be opened again.
        on_refused: called when the broker has refused: the queue is gone, or the credentials are too old.
        on_gave_up: called with a `StreamError` when patience has ended.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        locate: Callable[[], Address],
        deliver: Callable[[Delivery], None],
        name: str = "consumer",
        prefetch: int = 0,
        exclusive: bool = False,
        on_open: Callable[[], None] = _nothing,
        on_lost: Callable[[], None] = _nothing,
        on_refused: Callable[[], None] = _nothing,
        on_gave_up: Callable[[StreamError], None] = _nothing,
        patience: Patience = LINK_PATIENCE,
        backoff: Backoff = Backoff(),  # noqa: B008 - a frozen value
    ) -> None:
        self._loop = loop
        self._locate = locate
        self._deliver = deliver
        self._prefetch = prefetch
        self._exclusive = exclusive
        self._on_open = on_open
        self._name = name
        self._address = Address("", "")
        self._channel: Any = None
        self._epoch = 0
        self._acks = AckWindow()
        self._flush_pending = False
        self._lost_callback = on_lost
        self._link = Link(
            loop,
            name,
            locate=self._locate_url,
            set_up=self._set_up,
            lost=self._lost,
            refused=on_refused,
            gave_up=on_gave_up,
            patience=patience,
            backoff=backoff,
        )

    def open(self) -> None:
        """Begin to consume."""
        self._link.open()

    def ack(self, delivery: Delivery) -> None:
        """Say that a delivery is dealt with."""
        if delivery.epoch == self._epoch and self._channel is not None:
            self._acks.ack(delivery.tag)
            self._flush_soon()

    def nack(self, delivery: Delivery, *, requeue: bool = True) -> None:
        """Hand a delivery back (`requeue`) or have it dropped."""
        if delivery.epoch == self._epoch and self._channel is not None and self._channel.is_open:
            self._channel.basic_nack(delivery.tag, requeue=requeue)
            self._acks.settle(delivery.tag)

    def close(self, done: Callable[[], None] | None = None) -> None:
        """Stop for good: what was acknowledged is told to the broker, what was not goes back to the queue."""
        self._flush()
        self._channel = None
        self._link.close(done)

    def _locate_url(self) -> str:
        self._address = self._locate()
        return self._address.url

    def _set_up(self, channel: Any) -> None:
        self._channel = channel
        self._epoch += 1
        self._acks = AckWindow()
        channel.add_on_cancel_callback(self._cancelled)
        before = self._address.before
        if before is None:
            self._begin(channel)
        else:
            channel.basic_consume(
                before, self._on_message, exclusive=self._exclusive, callback=partial(self._look, channel, before)
            )

    def _look(self, channel: Any, before: str, _ok: object) -> None:
        channel.queue_declare(before, passive=True, callback=partial(self._looked, channel, before))

    def _looked(self, channel: Any, before: str, answer: Any) -> None:
        # What is not counted as waiting was sent to us before this answer, and on the same channel: so it is here.
        if answer.method.message_count:
            self._look(channel, before, answer)
        else:
            self._begin(channel)

    def _begin(self, channel: Any) -> None:
        if self._prefetch:  # of the consumers to come, not of the one before
            channel.basic_qos(prefetch_count=self._prefetch, callback=partial(self._consume, channel))
        else:
            self._consume(channel)

    def _consume(self, channel: Any, _ok: object = None) -> None:
        queue = self._address.queue
        channel.basic_consume(queue, self._on_message, exclusive=self._exclusive, callback=self._consuming)

    def _consuming(self, _ok: object) -> None:
        self._link.ready()
        self._on_open()

    def _cancelled(self, _frame: Any) -> None:
        # The queue was deleted under us: only a new channel can find out whether it is there again.
        if self._channel is not None and self._channel.is_open:
            self._channel.close(404, "consumer cancelled by the broker")

    def _lost(self) -> None:
        self._channel = None
        self._lost_callback()

    def _on_message(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._deliver(
            Delivery(
                body=body,
                headers=properties.headers or {},
                timestamp=properties.timestamp,
                redelivered=method.redelivered,
                tag=method.delivery_tag,
                epoch=self._epoch,
            )
        )

    def _flush_soon(self) -> None:
        if not self._flush_pending:
            self._flush_pending = self._loop.call(self._flush)

    def _flush(self) -> None:
        self._flush_pending = False
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        for tag, multiple in self._acks.flush():
            channel.basic_ack(tag, multiple=multiple)
