"""An outbox: publishes to RabbitMQ, many at a time, and keeps at it until each is confirmed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...errors import FarpoolError
from ..broker import Outgoing, QueueMissing

if TYPE_CHECKING:
    from aio_pika import Message
    from aio_pika.abc import AbstractRobustChannel

log = logging.getLogger(__name__)

#: Publishes under way at a time.
_WINDOW = 500
#: A publish that was refused, or lost with its connection, is offered again after this long, in seconds.
RETRY_S = 1.0


def aio_pika() -> ModuleType:
    """Import aio-pika, an extra: only who uses RabbitMQ needs it.

    Raises:
        FarpoolError: it is not installed; says how it is.
    """
    try:
        import aio_pika  # noqa: PLC0415
    except ImportError as error:
        raise FarpoolError(
            "RabbitMQ needs the package aio-pika, which is not installed: pip install 'farpool[rabbitmq]'"
        ) from error
    return aio_pika


def lost(pika: ModuleType) -> tuple[type[BaseException], ...]:
    """Give the errors that say that the connection went, not that the request was wrong."""
    errors = pika.exceptions
    return (*errors.CONNECTION_EXCEPTIONS, errors.ChannelInvalidStateError, asyncio.TimeoutError)


async def publish(channel: AbstractRobustChannel, queue: str, messages: Sequence[Outgoing]) -> None:
    """Put messages at the end of a queue, in order; returns when RabbitMQ has confirmed them all.

    Args:
        channel: one that raises on returned messages.
        queue: the queue's name.
        messages: what to publish; what a lost connection leaves unconfirmed is published again.

    Raises:
        QueueMissing: there is no such queue.
    """
    pika = aio_pika()
    for start in range(0, len(messages), _WINDOW):
        unconfirmed = [_message(pika, one) for one in messages[start : start + _WINDOW]]
        while unconfirmed:
            await channel.ready()
            try:
                outcomes = await _attempt(channel, queue, unconfirmed)
            except lost(pika):
                outcomes = [asyncio.CancelledError()] * len(unconfirmed)
            unconfirmed = _refused(pika, queue, unconfirmed, outcomes)
            if unconfirmed:
                log.info("%d messages for queue %s were not confirmed: offering them again", len(unconfirmed), queue)
                await asyncio.sleep(RETRY_S)


def _message(pika: ModuleType, one: Outgoing) -> Message:
    message: Message = pika.Message(
        one.body,
        headers=dict(one.headers),
        content_type=one.content_type,
        delivery_mode=pika.DeliveryMode.PERSISTENT,
        message_id=one.message_id,
        timestamp=one.timestamp,
    )
    return message


async def _attempt(channel: AbstractRobustChannel, queue: str, messages: Sequence[Message]) -> list[object]:
    """Publish once; gives what became of each: a confirm, or an exception."""
    # The channel under the robust one: publishes must not wander to its successor, and its end has to be noticed here,
    # since not every version of aiormq tells those who wait for a confirm.
    underlay: Any = await channel.get_underlay_channel()
    tasks = [
        asyncio.ensure_future(
            underlay.basic_publish(one.body, routing_key=queue, properties=one.properties, mandatory=True)
        )
        for one in messages
    ]
    everything = asyncio.gather(*tasks, return_exceptions=True)
    try:
        await asyncio.wait((everything, underlay.closing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()  # those that are done do not mind
    return list(await everything)


def _refused(pika: ModuleType, queue: str, messages: Sequence[Message], outcomes: Sequence[object]) -> list[Message]:
    """Give the messages that are to be published again."""
    again: list[Message] = []
    for message, outcome in zip(messages, outcomes, strict=True):
        if isinstance(outcome, pika.exceptions.PublishError):
            raise QueueMissing(queue)
        if isinstance(outcome, (*lost(pika), pika.exceptions.DeliveryError, asyncio.CancelledError)):
            again.append(message)
        elif isinstance(outcome, BaseException):
            raise outcome
    return again
