"""A snapshot of what a broker holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a broker holds at one moment.

    Attributes:
        connections, channels, consumers: of peers, open ones.
        exchanges, queues: that exist; the predeclared exchanges count, the default one does not.
        ready: messages that wait for a consumer.
        unacked: messages that are out, at consumers or at handlers of this process.
        bytes: what all messages count for.
        is_blocking: whether publishing connections are not read for want of memory.
    """

    connections: int
    channels: int
    consumers: int
    exchanges: int
    queues: int
    ready: int
    unacked: int
    bytes: int
    is_blocking: bool
