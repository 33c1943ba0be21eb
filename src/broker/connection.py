"""A connection: from bytes to frames and from frames to channels, and how it begins and ends."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from pamqp import commands

from .channel import Channel
from .errors import AmqpError, ConnectionRefusal, frame_error
from .frames import (
    BODY,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    METHOD,
    OVERHEAD,
    PROTOCOL_HEADER,
    method_frame,
    read_method,
    unpack_index,
)
from .handshake import FIRST_FRAME_BYTES, Agreement, Handshake
from .heartbeat import Heartbeat
from .intake import Intake
from .reader import Reader
from .valve import Reason, Valve
from .writer import Writer

if TYPE_CHECKING:
    from pamqp.base import Frame

    from .hub import Hub

log = logging.getLogger(__name__)

_OPEN: int = commands.Channel.Open.index
_CLOSE_OK: int = commands.Channel.CloseOk.index


class Connection(asyncio.Protocol):
    """One peer.

    Args:
        hub: what all connections share.

    Attributes:
        user: who the peer is, once that is known.
        name: address and user, for the log.
        capabilities: what the peer says it can do.
        writer: the way out.
        intake: what it may bring in.
        body_room: how many bytes of a body fit into one frame.
    """

    writer: Writer
    intake: Intake
    _transport: asyncio.Transport
    _valve: Valve
    _handshake: Handshake

    def __init__(self, hub: Hub) -> None:
        self.vhost = hub.vhost
        self.limits = hub.limits
        self.permit = hub.permit
        self.user = ""
        self.name = ""
        self.capabilities: frozenset[str] = frozenset()
        self.body_room = 0
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._channels: dict[int, Channel] = {}
        self._channel_max = 0
        self._reader = Reader(self._channels, frame_bytes=FIRST_FRAME_BYTES, greet=self._greet, take=self._take)
        self._heartbeat: Heartbeat | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._opened = self._closing = False

    # The transport's side.

    def connection_made(self, transport: Any) -> None:
        """Begin: the peer has to speak first."""
        self._transport = transport
        self._valve = Valve(transport)
        self.writer = Writer(transport, self._choked)
        self.intake = Intake(self._hub, self._valve, self._send)
        self._handshake = Handshake(self.limits, self._hub.authenticate, send=self._send, hang_up=self._hang_up)
        transport.set_write_buffer_limits(high=self.limits.write_buffer_bytes)
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.name = f"{host}:{port}"
        if len(self._hub.connections) >= self.limits.connections:
            self._cut(f"there are {len(self._hub.connections)} connections already")
            return
        self._hub.connections.add(self)
        self._timer = self._loop.call_later(
            self.limits.handshake_s, self._cut, f"its handshake took longer than {self.limits.handshake_s} s"
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """End: everything goes back."""
        if not self._closing:
            log.info("%s: lost without a goodbye%s", self.name, f": {exc}" if exc else "")
        self._closing = True
        self._release()
        self._hub.lost(self)
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        """Stop deliveries: the peer does not keep up."""
        self.writer.pause()

    def resume_writing(self) -> None:
        """Go on."""
        self.writer.resume()
        self._valve.open(Reason.DEAF)
        for channel in self._channels.values():
            channel.consuming.wake()

    def _choked(self) -> None:
        if not self._closing:
            self._valve.shut(Reason.DEAF)

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come."""
        if self._heartbeat is not None:
            self._heartbeat.has_received = True
        try:
            self._reader.feed(data)
        except ConnectionRefusal as error:
            self._refuse(error)
        except Exception:
            log.exception("%s: the broker failed on what it sent", self.name)
            self._refuse(ConnectionRefusal(541, "the broker failed on this: see its log"))

    # Frames that are for no open channel.

    def _greet(self, first: bytes, is_right: bool) -> None:
        if is_right:
            self._handshake.start()
        elif not self._closing:
            log.info("%s: speaks another protocol, begins with %r", self.name, first)
            self.writer.write(PROTOCOL_HEADER)
            self._hang_up()

    def _take(self, kind: int, number: int, data: bytes) -> None:
        if self._closing:
            if kind == METHOD and number == 0:
                self._take_last(read_method(data))
        elif kind == HEARTBEAT:
            if number:
                raise ConnectionRefusal(503, f"a heartbeat on channel {number}")
        elif not METHOD <= kind <= BODY:
            raise frame_error(f"unknown frame type {kind}")
        elif number:
            self._take_unopened(kind, number, data)
        elif kind != METHOD:
            raise ConnectionRefusal(505, "expected method frame, got content on channel 0 instead")
        else:
            self._take_own(read_method(data))

    def _take_unopened(self, kind: int, number: int, data: bytes) -> None:
        index: int = unpack_index(data, 7)[0] if kind == METHOD else 0
        if not self._opened or index not in {_OPEN, _CLOSE_OK}:
            raise ConnectionRefusal(504, "expected 'channel.open'")
        if index == _CLOSE_OK:
            return  # both sides closed at once
        if len(self._channels) >= self._channel_max or number > self._channel_max:
            raise ConnectionRefusal(
                530,
                f"number of channels opened ({len(self._channels)}) has reached the negotiated channel_max "
                f"({self._channel_max})",
            )
        channel = self._channels[number] = Channel(self, number)
        channel.send(commands.Channel.OpenOk())

    def _take_own(self, method: Frame) -> None:
        if isinstance(method, commands.Connection.Close):
            self._closing = True
            self._release()
            self._send(commands.Connection.CloseOk())
            self._hang_up()
        elif self._opened:
            raise ConnectionRefusal(503, f"{method.name} is not for a client to send on an open connection")
        else:
            agreement = self._handshake.take(method)
            if agreement is not None:
                self._agree(agreement)

    def _agree(self, agreement: Agreement) -> None:
        self._opened = True
        if self._timer is not None:
            self._timer.cancel()
        self.user = agreement.user
        self.name = f"{self.name} ({agreement.user})"
        self.capabilities = agreement.capabilities
        self._channel_max = agreement.channels
        self._reader.frame_bytes = agreement.frame_bytes
        self.body_room = agreement.frame_bytes - OVERHEAD
        self.intake.tells = "connection.blocked" in agreement.capabilities
        self.writer.open()
        if agreement.heartbeat_s:
            self._heartbeat = Heartbeat(
                agreement.heartbeat_s,
                beat=self._beat,
                lost=partial(self._cut, "nothing came from it for two heartbeat intervals"),
            )
        log.debug("%s: open", self.name)

    # What the hub and the channels ask of it.

    @property
    def channel_count(self) -> int:
        """How many channels are open."""
        return len(self._channels)

    def forget_channel(self, number: int) -> None:
        """A channel is closed on both sides."""
        self._channels.pop(number, None)

    def _send(self, method: Frame) -> None:
        self.writer.write(method_frame(0, method))

    def _beat(self) -> None:
        if self._heartbeat is not None and self._valve.is_shut:
            self._heartbeat.has_received = True
        if not self.writer.has_written and self.writer.is_writable:
            self.writer.write(HEARTBEAT_FRAME)
            self.writer.flush()
        self.writer.has_written = False

    # How it ends.

    def _refuse(self, error: AmqpError) -> None:
        if self._closing:
            self._transport.abort()
            return
        log.info("%s: closed with %s", self.name, error)
        self._say_goodbye(commands.Connection.Close(error.code, error.text, error.index >> 16, error.index & 0xFFFF))

    def shut(self) -> None:
        """Close it: the broker stops."""
        if self._opened and not self._closing:
            reason = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
            self._say_goodbye(commands.Connection.Close(320, reason, 0, 0))
        else:
            self._hang_up()

    def _say_goodbye(self, close: Frame) -> None:
        self._closing = True
        self._release()
        self.intake.close()
        self._send(close)
        self._set_deadline()

    def _take_last(self, method: Frame) -> None:
        """Take what comes on channel 0 after a goodbye."""
        if isinstance(method, commands.Connection.Close):
            self._send(commands.Connection.CloseOk())
            self._hang_up()
        elif isinstance(method, commands.Connection.CloseOk):
            self._hang_up()

    def _hang_up(self) -> None:
        self._closing = True
        self.writer.flush()
        self._transport.close()
        self._set_deadline()

    def _set_deadline(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self.limits.goodbye_s, self._transport.abort)

    def _cut(self, why: str) -> None:
        log.warning("%s: cut, %s", self.name, why)
        self._closing = True
        self._transport.abort()

    def _release(self) -> None:
        """Let go of everything; deliveries end here."""
        self.writer.shut()
        if self._heartbeat is not None:
            self._heartbeat.stop()
            self._heartbeat = None
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self.vhost.delete_owned(self)
