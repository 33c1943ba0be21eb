"""A publisher: what it is given reaches the broker, through every break of the connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import StreamError
from ..wire.queues import QueueInfo
from .backoff import LINK_PATIENCE, Backoff, Patience
from .link import Link
from .loop import Loop

if TYPE_CHECKING:
    from pika import BasicProperties

log = logging.getLogger(__name__)

#: A message that no queue wanted is offered again after this long: the service may be declaring it just now.
UNROUTABLE_RETRY_S = 1.0


def _nothing(*_args: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Parcel:
    body: bytes
    confirmed: Callable[[], None]


class Publisher:
    """Publishes to one exchange with confirms; lives on a `Loop`, whose thread it belongs to.

    A message is kept until the broker confirms it; what is unconfirmed when a connection breaks is published again on
    the next one, so the other side may see a message twice.

    Args:
        locate: gives the credentials, asked again at every (re)connect; may block.
        on_open, on_lost, on_gave_up: as for `Consumer`.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        locate: Callable[[], QueueInfo],
        name: str = "publisher",
        on_open: Callable[[], None] = _nothing,
        on_lost: Callable[[], None] = _nothing,
        on_gave_up: Callable[[StreamError], None] = _nothing,
        patience: Patience = LINK_PATIENCE,
        backoff: Backoff = Backoff(),  # noqa: B008 - a frozen value
    ) -> None:
        self._loop = loop
        self._locate = locate
        self._name = name
        self._on_open = on_open
        self._lost_callback = on_lost
        self._info = QueueInfo("", "")
        self._channel: Any = None
        self._sequence = 0
        self._waiting: list[_Parcel] = []
        self._unconfirmed: dict[int, _Parcel] = {}
        self._returned: set[int] = set()
        self._low = 1
        self._link = Link(
            loop,
            name,
            locate=self._locate_url,
            set_up=self._set_up,
            lost=self._lost,
            gave_up=on_gave_up,
            patience=patience,
            backoff=backoff,
        )

    @property
    def is_open(self) -> bool:
        """Whether messages go straight to the broker now."""
        return self._channel is not None

    @property
    def pending(self) -> int:
        """How many messages the broker has not confirmed yet."""
        return len(self._waiting) + len(self._unconfirmed)

    def open(self) -> None:
        """Begin to connect."""
        self._link.open()

    def publish(self, body: bytes, confirmed: Callable[[], None] = _nothing) -> None:
        """Send a message, now or when the connection is back; `confirmed` is called when the broker has it."""
        parcel = _Parcel(body, confirmed)
        if self._channel is None:
            self._waiting.append(parcel)
        else:
            self._send(parcel)

    def close(self, done: Callable[[], None] | None = None) -> None:
        """Close for good; what is unconfirmed is given up."""
        self._channel = None
        self._link.close(done)

    def _locate_url(self) -> str:
        self._info = self._locate()
        return self._info.connection_url

    def _set_up(self, channel: Any) -> None:
        self._sequence = 0
        self._low = 1
        channel.add_on_return_callback(self._on_return)
        # Passive: whether we may publish there, before anything is published into the void.
        channel.queue_declare(self._info.queue, passive=True, callback=partial(self._confirm, channel))

    def _confirm(self, channel: Any, _ok: object) -> None:
        channel.confirm_delivery(self._on_confirm, callback=partial(self._opened, channel))

    def _opened(self, channel: Any, _ok: object) -> None:
        self._channel = channel
        self._link.ready()
        again = [*self._unconfirmed.values(), *self._waiting]
        self._unconfirmed, self._waiting = {}, []
        self._returned.clear()
        for parcel in again:
            self._send(parcel)
        self._on_open()

    def _lost(self) -> None:
        self._channel = None
        self._lost_callback()

    def _send(self, parcel: _Parcel) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            self._waiting.append(parcel)
            return
        self._sequence += 1
        self._unconfirmed[self._sequence] = parcel
        channel.basic_publish(
            self._info.exchange or "",
            self._info.routing_key or self._info.queue,
            parcel.body,
            _properties(self._sequence),
            mandatory=True,
        )

    def _on_confirm(self, frame: Any) -> None:
        from pika.spec import Basic  # noqa: PLC0415 - see Loop

        tag: int = frame.method.delivery_tag
        tags = range(self._low, tag + 1) if frame.method.multiple else (tag,)
        if frame.method.multiple:
            self._low = tag + 1
        accepted = isinstance(frame.method, Basic.Ack)
        for one in tags:
            parcel = self._unconfirmed.pop(one, None)
            if parcel is None:
                continue
            if accepted and one not in self._returned:
                parcel.confirmed()
            else:
                self._returned.discard(one)
                self._loop.call_later(UNROUTABLE_RETRY_S, partial(self._send, parcel))

    def _on_return(self, _channel: Any, method: Any, properties: BasicProperties, _body: bytes) -> None:
        log.warning(
            "%s: no queue takes messages for %r (%s); offering it again in %.0f s",
            self._name,
            method.routing_key,
            method.reply_text,
            UNROUTABLE_RETRY_S,
        )
        self._returned.add(int(properties.message_id or 0))


def _properties(sequence: int) -> BasicProperties:
    from pika import BasicProperties  # noqa: PLC0415 - see Loop

    return BasicProperties(delivery_mode=2, message_id=str(sequence))
