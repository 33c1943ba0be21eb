"""Which delivery tags to acknowledge, with the fewest frames: pure bookkeeping of one channel."""

from __future__ import annotations


class AckWindow:
    """Collects acknowledgements and turns them into as few frames as the broker understands.

    Tags count 1, 2, 3, ... per channel. The unbroken run at the low end goes out as one frame with `multiple`; the
    rest, which would hold a prefetch window hostage, one by one.
    """

    def __init__(self) -> None:
        self._low = 1
        self._fresh: set[int] = set()
        self._settled: set[int] = set()

    def ack(self, tag: int) -> None:
        """Note that the delivery of this tag is dealt with."""
        self._fresh.add(tag)

    def settle(self, tag: int) -> None:
        """Note that the broker has already been told of this tag (by a nack)."""
        self._settled.add(tag)

    def flush(self) -> list[tuple[int, bool]]:
        """Give the frames to send now, as (tag, multiple), and forget them."""
        frames: list[tuple[int, bool]] = []
        last = 0
        while self._low in self._fresh or self._low in self._settled:
            if self._low in self._fresh:
                self._fresh.discard(self._low)
                last = self._low
            else:
                self._settled.discard(self._low)
            self._low += 1
        if last:
            frames.append((last, True))
        for tag in sorted(self._fresh):
            frames.append((tag, False))
            self._settled.add(tag)
        self._fresh.clear()
        return frames
