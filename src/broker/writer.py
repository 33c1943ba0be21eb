"""The way out of a connection: frames are collected and written once per turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .confirms import Confirms

#: Deliveries are given to the transport in pieces of this size, so that it says early when it has had enough.
_PIECE_BYTES = 128 * 1024
#: What may pile up for a peer that asks without reading the answers.
_ANSWERS_BYTES = 1024 * 1024


class Writer:
    """Collects what is to be sent.

    Args:
        transport: where it goes.
        choked: called when answers pile up because the peer does not read; it should not be read then, either.

    Attributes:
        is_writable: whether deliveries may be sent: the transport takes more, and the connection is open.
        has_written: set with each write; whoever watches for silence clears it.
    """

    def __init__(self, transport: asyncio.Transport, choked: Callable[[], None]) -> None:
        self.is_writable = False
        self.has_written = False
        self._transport = transport
        self._choked = choked
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._size = 0
        self._confirming: list[Confirms] = []
        self._flush_pending = False
        self._open = self._paused = False
        self._answers = 0

    def open(self) -> None:
        """Let deliveries through."""
        self._open = True
        self.is_writable = not self._paused

    def shut(self) -> None:
        """Let no more deliveries through; answers still go."""
        self._open = self.is_writable = False

    def pause(self) -> None:
        """Hold deliveries: the transport has enough for now."""
        self._paused = True
        self.is_writable = False

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self._answers = 0
        self.is_writable = self._open

    def write(self, data: bytes) -> None:
        """Send an answer."""
        self._out.append(data)
        self._size += len(data)
        if not self._flush_pending:
            self._flush_soon()
        if self._paused:
            self._answers += len(data)
            if self._answers > _ANSWERS_BYTES:
                self._choked()

    def write_delivery(self, head: bytes, content: bytes) -> None:
        """Send a message; only while `is_writable`."""
        self._out += (head, content)
        self._size += len(head) + len(content)
        if self._size > _PIECE_BYTES:
            self.flush()
        elif not self._flush_pending:
            self._flush_soon()

    def confirm_soon(self, confirms: Confirms) -> None:
        """Send the confirms of a channel with the next write."""
        self._confirming.append(confirms)
        if not self._flush_pending:
            self._flush_soon()

    def _flush_soon(self) -> None:
        self._flush_pending = True
        self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flush_pending = False
        self.flush()

    def flush(self) -> None:
        """Write everything now."""
        if self._confirming:
            for confirms in self._confirming:
                self._out.append(confirms.frames())
            self._confirming.clear()
        if not self._out:
            return
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        self._size = 0
        self.has_written = True
        if not self._transport.is_closing():
            self._transport.write(data)
