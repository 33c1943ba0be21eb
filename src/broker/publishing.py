"""The publishing half of a channel: puts messages together from frames, routes, returns and confirms them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pamqp import commands

from .access import Operation
from .confirms import Confirms, Ticket
from .errors import ConnectionRefusal, not_implemented, precondition_failed
from .frames import PUBLISH, content_frames, frame, read_method, return_frame
from .message import Message, Route
from .properties import body_size, names_user, read_properties

if TYPE_CHECKING:
    from .channel import Channel

#: Publishes are told apart by the bytes of their arguments; so many are remembered per channel, with their permission.
_REMEMBERED = 1024


class Publishing:
    """What a channel publishes.

    Args:
        channel: it belongs to.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._connection = channel.connection
        self._writer = channel.connection.writer
        self._intake = channel.connection.intake
        self._vhost = channel.connection.vhost
        self._confirms: Confirms | None = None
        self._routes: dict[bytes, Route] = {}
        # The message that is coming in: a route without a header waits for the header, with one for the body.
        self._route: Route | None = None
        self._header: bytes | None = None
        self._missing = 0
        self._size = 0
        self._parts: list[bytes] = []

    @property
    def is_assembling(self) -> bool:
        """Whether a message has come in part."""
        return self._route is not None

    def unexpected_method(self) -> ConnectionRefusal:
        """Say what is wrong with a method in the middle of a message."""
        what = "content header for class 60" if self._header is None else "content body"
        kind = "non content header" if self._header is None else "non content body"
        return ConnectionRefusal(505, f"expected {what}, got {kind} frame instead")

    def select_confirms(self, method: commands.Confirm.Select) -> None:
        """Confirm publishes from now on."""
        if self._confirms is None:
            self._confirms = Confirms(self._channel.number, self._changed)
        if not method.nowait:
            self._channel.send(commands.Confirm.SelectOk())

    def _changed(self) -> None:
        if self._confirms is not None and not self._channel.is_closing:
            self._writer.confirm_soon(self._confirms)

    # The three kinds of frames of a message.

    def begin(self, arguments: bytes) -> None:
        """Take the arguments of a Basic.Publish."""
        route = self._routes.get(arguments)
        if route is None:
            route = self._read_route(arguments)
        self._route = route
        self._intake.note_publish()

    def _read_route(self, arguments: bytes) -> Route:
        method: commands.Basic.Publish = read_method(frame(1, 0, PUBLISH.to_bytes(4, "big") + arguments))
        if method.immediate:
            raise not_implemented("immediate=true")
        self._channel.require(Operation.PUBLISH, method.exchange, method.routing_key)
        if len(self._routes) >= _REMEMBERED:
            self._routes.clear()
        route = Route(method.exchange, method.routing_key, mandatory=bool(method.mandatory))
        self._routes[arguments] = route
        return route

    def take_header(self, payload: bytes) -> None:
        """Take the payload of a content header frame."""
        if self._route is None:
            raise ConnectionRefusal(505, "expected method frame, got header frame instead")
        if self._header is not None:
            raise ConnectionRefusal(505, "expected content body, got non content body frame instead")
        size = body_size(payload)
        limit = self._connection.limits.message_bytes
        if size > limit:
            self.drop()
            raise precondition_failed(f"message size {size} is larger than configured max size {limit}")
        if names_user(payload):
            self._check_user(payload)
        self._intake.reserve(size)
        self._header = payload
        self._missing = self._size = size
        if size == 0:
            self._finish(b"")

    def _check_user(self, payload: bytes) -> None:
        named, user = read_properties(payload).user_id, self._connection.user
        if named != user:
            self.drop()
            raise precondition_failed(f"user_id property set to '{named}' but authenticated user was '{user}'")

    def take_body(self, payload: bytes) -> None:
        """Take the payload of a content body frame."""
        if self._header is None:
            what = "method frame" if self._route is None else "content header for class 60"
            raise ConnectionRefusal(505, f"expected {what}, got body frame instead")
        self._missing -= len(payload)
        if self._missing == 0:
            if self._parts:
                payload = b"".join((*self._parts, payload))
            self._finish(payload)
        elif self._missing < 0:
            raise ConnectionRefusal(501, f"a message body is {-self._missing} bytes longer than its header said")
        else:
            self._parts.append(payload)

    def drop(self) -> None:
        """Forget a message that has come in part."""
        if self._header is not None:
            self._intake.reserve(-self._size)
        self._route = self._header = None
        self._parts = []
        self._missing = self._size = 0

    def _finish(self, body: bytes) -> None:
        route, header = self._route, self._header
        self.drop()
        if route is not None and header is not None:
            self._publish(Message(route, header, body))

    # Whole messages.

    def _publish(self, message: Message) -> None:
        confirms = self._confirms
        tag = 0 if confirms is None else confirms.next_tag()
        queues = self._vhost.route(message.route)
        if not queues:
            if message.route.mandatory:
                self._return(message)
        elif len(queues) == 1 and queues[0].sink is None:
            queues[0].put(message)
        else:
            ticket = None
            holders = sum(queue.sink is not None for queue in queues)
            if confirms is not None and holders:
                ticket = Ticket(confirms, tag, holders)
            for queue in queues:
                queue.put(message, ticket if queue.sink is not None else None)
                message = message.twin()
            if ticket is not None:
                return
        if confirms is not None:
            confirms.confirm(tag)

    def _return(self, message: Message) -> None:
        number = self._channel.number
        self._writer.write(return_frame(number, 312, "NO_ROUTE", message.route.address))
        self._writer.write(content_frames(number, message.header, message.body, self._connection.body_room))
