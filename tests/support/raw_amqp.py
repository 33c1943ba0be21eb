"""AMQP by hand: a socket, frames and nothing else, for what a well-behaved client never does."""

from __future__ import annotations

import socket
import struct
from typing import Any
from urllib.parse import unquote, urlsplit

from pamqp import body, commands, frame, header, heartbeat

HEADER = b"AMQP\x00\x00\x09\x01"


class RawConnection:
    """A socket to a broker."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        assert self._parts.hostname
        assert self._parts.port
        self.socket = socket.create_connection((self._parts.hostname, self._parts.port), timeout=10)
        self._buffer = b""

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, method: Any, channel: int = 0) -> None:
        self.send_bytes(frame.marshal(method, channel))

    def send_message(
        self, exchange: str, routing_key: str, content: bytes, *, channel: int = 1, **properties: Any
    ) -> None:
        self.send(commands.Basic.Publish(exchange=exchange, routing_key=routing_key), channel)
        self.send(header.ContentHeader(0, len(content), commands.Basic.Properties(**properties)), channel)
        if content:
            self.send(body.ContentBody(content), channel)

    def read_bytes(self, count: int) -> bytes:
        while len(self._buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"closed by the broker with {self._buffer!r} unread")
            self._buffer += more
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def read_frame(self) -> tuple[int, int, bytes]:
        """Give type, channel and payload of the next frame."""
        kind, channel, size = struct.unpack(">BHI", self.read_bytes(7))
        payload = self.read_bytes(size + 1)
        assert payload[-1] == 0xCE
        return kind, channel, payload[:-1]

    def read(self) -> Any:
        """Give the next frame that is not a heartbeat, decoded."""
        while True:
            kind, channel, payload = self.read_frame()
            decoded = frame.unmarshal(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")[2]
            if not isinstance(decoded, heartbeat.Heartbeat):
                return decoded

    def expect(self, kind: type[Any]) -> Any:
        got = self.read()
        assert isinstance(got, kind), (
            f"expected {kind.__qualname__}, got {got} {dict(got) if hasattr(got, '__iter__') else ''}"
        )
        return got

    def expect_end(self) -> None:
        """See that the broker closes the socket, whatever it still sends."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass

    def refusal(self) -> tuple[int, str] | None:
        """Give the reply code and text with which the broker closes the connection; None where it only hangs up."""
        try:
            while not isinstance(got := self.read(), commands.Connection.Close):
                pass
        except (EOFError, ConnectionError):
            return None
        return int(got.reply_code or 0), got.reply_text

    # Steps of a handshake.

    def start(self) -> Any:
        self.send_bytes(HEADER)
        return self.expect(commands.Connection.Start)

    def log_in(self, **capabilities: bool) -> Any:
        user, password = unquote(self._parts.username or ""), unquote(self._parts.password or "")
        properties: dict[str, Any] = {"capabilities": capabilities}
        self.send(commands.Connection.StartOk(properties, "PLAIN", f"\0{user}\0{password}", "en_US"))
        return self.expect(commands.Connection.Tune)

    def open(self, *, heartbeat_s: int = 0, frame_max: int = 131_072, channel: int = 1, **capabilities: bool) -> None:
        """Do the whole handshake, and open a channel (unless it is 0)."""
        self.start()
        self.log_in(**capabilities)
        self.send(commands.Connection.TuneOk(2047, frame_max, heartbeat_s))
        self.send(commands.Connection.Open(self.vhost))
        self.expect(commands.Connection.OpenOk)
        if channel:
            self.open_channel(channel)

    def open_channel(self, channel: int) -> None:
        self.send(commands.Channel.Open(), channel)
        self.expect(commands.Channel.OpenOk)

    @property
    def vhost(self) -> str:
        return unquote(self._parts.path[1:]) or "/"
