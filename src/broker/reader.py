"""The way in of a connection: from bytes to frames, whole ones, each to its channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .errors import frame_error
from .frames import BODY, END, METHOD, OVERHEAD, PROTOCOL_HEADER, unpack_frame

if TYPE_CHECKING:
    from .channel import Channel


class Reader:
    """Splits what comes into frames.

    Args:
        channels: by number, the open ones; they take their frames themselves.
        greet: called with the first eight bytes (fewer, where they are wrong already), and whether they are the
            header of this protocol.
        take: called with type, channel and bytes of each frame that is for no open channel.

    Attributes:
        frame_bytes: the largest frame that is taken.
    """

    def __init__(
        self,
        channels: Mapping[int, Channel],
        *,
        frame_bytes: int,
        greet: Callable[[bytes, bool], None],
        take: Callable[[int, int, bytes], None],
    ) -> None:
        self.frame_bytes = frame_bytes
        self._channels = channels
        self._greet = greet
        self._take = take
        self._greeted = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take bytes as they come.

        Raises:
            ConnectionRefusal: 501 for what is no frame or too large a one; whatever the takers raise.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0 if self._greeted else self._read_greeting(data)
        size = len(data)
        channels = self._channels
        while size - at >= OVERHEAD:
            kind, number, length = unpack_frame(data, at)
            start = at + 7
            end = start + length
            if length + OVERHEAD > self.frame_bytes:
                raise frame_error(f"a frame of {length + OVERHEAD} bytes, where {self.frame_bytes} are agreed on")
            if end >= size:
                break
            if data[end] != END or (kind == METHOD and length < 4):
                raise frame_error("what came is not a frame of AMQP 0-9-1")
            channel = channels.get(number)
            if channel is not None and METHOD <= kind <= BODY:
                channel.take(kind, data, start, end)
            else:
                self._take(kind, number, data[at : end + 1])
            at = end + 1
        self._rest = data[at:]

    def _read_greeting(self, data: bytes) -> int:
        """Read the protocol header; gives how many bytes are done with."""
        first = data[: len(PROTOCOL_HEADER)]
        if not PROTOCOL_HEADER.startswith(first):
            self._greet(first, False)
            return len(data)
        if len(first) < len(PROTOCOL_HEADER):
            return 0
        self._greeted = True
        self._greet(first, True)
        return len(first)
