"""Which publishes of a channel are confirmed, told with the fewest frames."""

from __future__ import annotations

from collections.abc import Callable

from .frames import ack_frame, nack_frame


class Confirms:
    """The publishes of one channel in confirm mode; tags count 1, 2, 3, ...

    The unbroken run at the low end goes out as one frame with `multiple`; what is ahead of a gap, one by one.

    Args:
        number: of the channel.
        changed: called when there are frames to send.
    """

    def __init__(self, number: int, changed: Callable[[], None]) -> None:
        self._number = number
        self._changed = changed
        self._last = 0
        self._low = 1
        self._fresh: set[int] = set()
        self._ahead: set[int] = set()
        self._refused: list[int] = []

    def next_tag(self) -> int:
        """Give the tag of the publish that just came."""
        self._last += 1
        return self._last

    def confirm(self, tag: int) -> None:
        """Note that a publish is in the broker's keeping."""
        if not self._fresh:
            self._changed()
        self._fresh.add(tag)

    def refuse(self, tag: int) -> None:
        """Note that a publish got lost on its way: its queue is gone."""
        self._changed()
        self._refused.append(tag)

    def frames(self) -> bytes:
        """Encode what there is to tell, and forget it."""
        parts = [nack_frame(self._number, tag) for tag in self._refused]
        self._ahead.update(self._refused)
        self._refused.clear()
        first, last = self._low, 0
        while self._low in self._fresh or self._low in self._ahead:
            if self._low in self._fresh:
                self._fresh.discard(self._low)
                last = self._low
            else:
                self._ahead.discard(self._low)
            self._low += 1
        if last:
            parts.append(ack_frame(self._number, last, multiple=last > first))
        parts += (ack_frame(self._number, tag, multiple=False) for tag in sorted(self._fresh))
        self._ahead |= self._fresh
        self._fresh.clear()
        return b"".join(parts)


class Ticket:
    """One publish that somebody has still to deal with before it is confirmed.

    Args:
        confirms: of the channel it came on.
        tag: its tag there.
        holders: how many sinks have it.
    """

    __slots__ = ("_confirms", "_holders", "_tag")

    def __init__(self, confirms: Confirms, tag: int, holders: int) -> None:
        self._confirms = confirms
        self._tag = tag
        self._holders = holders

    def done(self) -> None:
        """Say that one holder has dealt with it; the last one confirms it."""
        self._holders -= 1
        if self._holders == 0:
            self._confirms.confirm(self._tag)

    def lost(self) -> None:
        """Say that one holder will never deal with it."""
        if self._holders > 0:
            self._holders = -1
            self._confirms.refuse(self._tag)
