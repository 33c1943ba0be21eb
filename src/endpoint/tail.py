"""The end of what was printed: as much as is kept, and how much was left out. Pure."""

from __future__ import annotations

#: Bytes that are kept of each stream of a task. A program that prints more than that is best read from its end.
MAX_BYTES = 32 * 1024


class Tail:
    r"""Keeps the end of a stream.

    Args:
        max_bytes: how much of it.

    >>> tail = Tail(16)
    >>> tail.add(b"one\ntwo\nthree\nfour\nfive\n")
    >>> tail.take()
    '[8 bytes left out]\nthree\nfour\nfive\n'
    >>> tail.take()
    ''
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._left_out = 0

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, data: bytes) -> None:
        """Take in what was printed next."""
        self._kept += data
        # Now and then, so that each byte is moved once; and with more than is given, so that a line can be found.
        if len(self._kept) > 4 * self._max_bytes:
            self._cut(len(self._kept) - 2 * self._max_bytes)

    def take(self) -> str:
        """Give the end of what was printed since the last call, from the beginning of a line on where there is one."""
        excess = len(self._kept) - self._max_bytes
        if excess > 0:
            line_end = self._kept.find(b"\n", excess - 1, -1)
            self._cut(excess if line_end < 0 else line_end + 1)
        text = self._kept.decode("utf-8", "replace")
        if self._left_out:
            text = f"[{self._left_out:,} bytes left out]\n{text}"
        self._kept.clear()
        self._left_out = 0
        return text

    def _cut(self, count: int) -> None:
        del self._kept[:count]
        self._left_out += count
