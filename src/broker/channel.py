"""A channel: which part takes which method, and how the channel ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pamqp import commands

from .access import Operation
from .consuming import Consuming
from .declaring import Declaring
from .errors import AmqpError, ChannelRefusal, ConnectionRefusal, access_refused, not_implemented
from .frames import ACK, BODY, METHOD, NACK, PUBLISH, REJECT, method_frame, read_method, unpack_index
from .publishing import Publishing

if TYPE_CHECKING:
    from pamqp.base import Frame

    from .connection import Connection

log = logging.getLogger(__name__)

#: Refused by name, with what a peer may do instead.
_NOT_IMPLEMENTED: dict[int, str] = {
    commands.Tx.Select.index: "transactions: use publisher confirms",
    commands.Tx.Commit.index: "transactions: use publisher confirms",
    commands.Tx.Rollback.index: "transactions: use publisher confirms",
    commands.Exchange.Bind.index: "bindings between exchanges: bind the queue to each",
    commands.Exchange.Unbind.index: "bindings between exchanges: bind the queue to each",
}


class Channel:
    """One channel of a connection.

    Args:
        connection: it belongs to.
        number: on that connection.

    Attributes:
        is_closing: whether it was refused; all but the peer's answer is ignored then.
    """

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.number = number
        self.is_closing = False
        self.consuming = Consuming(self)
        self._publishing = Publishing(self)
        self._declaring = Declaring(self)
        self._by_hand: dict[int, Callable[[bytes], None]] = {
            PUBLISH: self._publishing.begin,
            ACK: self.consuming.ack,
            NACK: self.consuming.nack,
            REJECT: self.consuming.reject,
        }
        self._handlers: dict[int, Callable[[Any], None]] = {
            commands.Channel.Flow.index: self._flow,
            commands.Channel.Close.index: self._close_asked,
            commands.Exchange.Declare.index: self._declaring.declare_exchange,
            commands.Exchange.Delete.index: self._declaring.delete_exchange,
            commands.Queue.Declare.index: self._declaring.declare_queue,
            commands.Queue.Bind.index: self._declaring.bind_queue,
            commands.Queue.Unbind.index: self._declaring.unbind_queue,
            commands.Queue.Purge.index: self._declaring.purge_queue,
            commands.Queue.Delete.index: self._declaring.delete_queue,
            commands.Basic.Qos.index: self.consuming.set_prefetch,
            commands.Basic.Consume.index: self.consuming.consume,
            commands.Basic.Cancel.index: self.consuming.cancel,
            commands.Basic.Get.index: self.consuming.get,
            commands.Basic.Recover.index: self.consuming.recover,
            commands.Basic.RecoverAsync.index: self.consuming.recover,
            commands.Confirm.Select.index: self._publishing.select_confirms,
        }

    # What the parts ask of it.

    def send(self, method: Frame) -> None:
        """Send a method."""
        self.connection.writer.write(method_frame(self.number, method))

    def queue_name(self, name: str) -> str:
        """Give a queue's name; an empty one means the queue this channel declared last."""
        return self._declaring.queue_name(name)

    def require(self, operation: Operation, resource: str, routing_key: str = "") -> None:
        """Ask whether the user may.

        Raises:
            ChannelRefusal: 403, no.
        """
        user = self.connection.user
        if self.connection.permit(user, operation, resource, routing_key):
            return
        what = "exchange" if operation.is_on_exchange else "queue"
        if routing_key:
            raise access_refused(f"access to topic '{routing_key}' in {what} '{resource}' refused for user '{user}'")
        raise access_refused(f"access to {what} '{resource}' in vhost '/' refused for user '{user}'")

    # What comes in.

    def take(self, kind: int, data: bytes, start: int, end: int) -> None:
        """Take a frame.

        Args:
            kind: its type.
            data: bytes that hold it.
            start: where in them its payload begins.
            end: where its payload ends.

        Raises:
            ConnectionRefusal: the whole connection must close.
        """
        index = PUBLISH
        try:
            if kind == METHOD:
                index = unpack_index(data, start)[0]
                if self.is_closing:
                    self._await_close(index)
                else:
                    self._take_method(index, data, start, end)
            elif self.is_closing:
                return
            elif kind == BODY:
                self._publishing.take_body(data[start:end])
            else:
                self._publishing.take_header(data[start:end])
        except ChannelRefusal as error:
            error.index = index
            self._refuse(error)
        except ConnectionRefusal as error:
            error.index = error.index or index
            raise

    def _take_method(self, index: int, data: bytes, start: int, end: int) -> None:
        if self._publishing.is_assembling:
            raise self._publishing.unexpected_method()
        by_hand = self._by_hand.get(index)
        if by_hand is not None:
            by_hand(data[start + 4 : end])
            return
        handler = self._handlers.get(index)
        if handler is not None:
            handler(read_method(data[start - 7 : end + 1]))
            return
        if index in _NOT_IMPLEMENTED:
            raise not_implemented(_NOT_IMPLEMENTED[index])
        if index == commands.Channel.Open.index:
            raise ConnectionRefusal(504, "second 'channel.open' seen")
        method = read_method(data[start - 7 : end + 1])
        raise ConnectionRefusal(503, f"{method.name} is not for a client to send on a channel")

    def _flow(self, method: commands.Channel.Flow) -> None:
        if not method.active:
            raise not_implemented("active=false")
        self.send(commands.Channel.FlowOk(active=True))

    # How it ends.

    def _close_asked(self, _method: commands.Channel.Close) -> None:
        self.close()
        self.connection.forget_channel(self.number)
        self.send(commands.Channel.CloseOk())

    def _refuse(self, error: AmqpError) -> None:
        log.info("%s, channel %d: closed with %s", self.connection.name, self.number, error)
        self.close()
        self.send(commands.Channel.Close(error.code, error.text, error.index >> 16, error.index & 0xFFFF))

    def _await_close(self, index: int) -> None:
        if index == commands.Channel.Close.index:
            self.send(commands.Channel.CloseOk())
        elif index == commands.Channel.CloseOk.index:
            self.connection.forget_channel(self.number)

    def close(self) -> None:
        """Let go of everything: consumers end, what was unacknowledged goes back."""
        self.is_closing = True
        self._publishing.drop()
        self.consuming.close()
