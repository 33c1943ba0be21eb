"""A message in a queue, and the route that brought it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .frames import short_string
from .properties import encode_header, read_headers

#: What a message takes besides its bytes, about: the objects around them.
OVERHEAD_BYTES = 500


class Route:
    """Where a message was published to; shared by all messages that were published there.

    Attributes:
        exchange, routing_key: as in the publish.
        mandatory: whether a message that no queue takes is returned.
        address: exchange and routing key as they stand in a delivery.
    """

    __slots__ = ("address", "exchange", "mandatory", "routing_key")

    def __init__(self, exchange: str, routing_key: str, *, mandatory: bool = False) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.mandatory = mandatory
        self.address = short_string(exchange) + short_string(routing_key)


class Message:
    """A message in one queue. A message that goes to several queues is one of these in each, around the same bytes.

    Attributes:
        route: where it was published to.
        header: the payload of its content header frame.
        body: its body.
        message_id: what `on_taken` is told; empty for what came over the network.
        size: what it counts for in the accounts, in bytes.
        position: its place in its queue; a message that comes back goes there again.
        redelivered: whether it was handed out before.
    """

    __slots__ = ("body", "header", "message_id", "position", "redelivered", "route", "size")

    def __init__(self, route: Route, header: bytes, body: bytes, message_id: str = "") -> None:
        self.route = route
        self.header = header
        self.body = body
        self.message_id = message_id
        self.size = len(body) + len(header) + OVERHEAD_BYTES
        self.position = 0
        self.redelivered = False

    def twin(self) -> Message:
        """Make the same message for another queue."""
        return Message(self.route, self.header, self.body, self.message_id)

    @property
    def headers(self) -> Mapping[str, Any]:
        """The AMQP headers, decoded."""
        return read_headers(self.header)


def make_message(
    route: Route,
    body: bytes,
    *,
    message_id: str,
    headers: Mapping[str, Any],
    content_type: str,
    timestamp: int | None,
) -> Message:
    """Make a message in process; the arguments are those of `properties.encode_header`."""
    header = encode_header(
        len(body), headers=headers, content_type=content_type, message_id=message_id, timestamp=timestamp
    )
    return Message(route, header, body, message_id)
