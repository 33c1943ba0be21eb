"""Frames on the socket between agent and worker: two lengths, a head, a body. Pure but for the reads and writes.

The head is a short text, the body bytes that nobody here looks into.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_LENGTHS = struct.Struct("!II")
#: What is read in one go; small frames come whole.
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One message between agent and worker."""

    head: str
    body: bytes = b""


def pieces(frame: Frame) -> list[bytes]:
    """Write a frame as what is to be sent, one after the other; a large body is not copied."""
    head = frame.head.encode()
    start = _LENGTHS.pack(len(head), len(frame.body)) + head
    return [start + frame.body] if len(frame.body) <= CHUNK else [start, frame.body]


class FrameReader:
    """Puts frames together from what a socket gives, blocking or not."""

    def __init__(self) -> None:
        self._buffer = bytearray(CHUNK)
        self._filled = 0

    def receive(self, source: socket.socket) -> Frame | None:
        """Give the next frame, reading once if need be; None while it is not complete.

        Raises:
            EOFError: the other side has closed.
            BlockingIOError: the socket does not block, and there is nothing to read.
        """
        frame = self._take()
        if frame is not None:
            return frame
        with memoryview(self._buffer) as view:
            count = source.recv_into(view[self._filled :])
        if not count:
            raise EOFError
        self._filled += count
        return self._take()

    def _take(self) -> Frame | None:
        if self._filled < _LENGTHS.size:
            return None
        head_size, body_size = _LENGTHS.unpack_from(self._buffer)
        middle = _LENGTHS.size + head_size
        end = middle + body_size
        if self._filled < end:
            if len(self._buffer) < end:
                larger = bytearray(end)
                larger[: self._filled] = memoryview(self._buffer)[: self._filled]
                self._buffer = larger
            return None
        with memoryview(self._buffer) as view:
            frame = Frame(str(view[_LENGTHS.size : middle], "utf-8"), bytes(view[middle:end]))
            rest = bytes(view[end : self._filled])
        if len(self._buffer) > CHUNK:
            self._buffer = bytearray(CHUNK)
        self._buffer[: len(rest)] = rest
        self._filled = len(rest)
        return frame
