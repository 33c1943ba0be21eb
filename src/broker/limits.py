"""The bounds of a broker: one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a broker allows; bytes, seconds and counts.

    Attributes:
        frame_bytes: the largest frame, offered to every peer (4096 at least).
        channels: channels per connection.
        connections: connections at one time; one more is closed at once.
        heartbeat_s: the heartbeat offered to every peer; 0 offers none.
        handshake_s: how long a peer may take until its connection is open.
        goodbye_s: how long a peer may take to answer a close.
        message_bytes: the largest body; a larger one closes its channel with 406.
        queue_bytes: what a queue may hold before publishers of this process wait.
        memory_bytes: what all queues may hold before publishing connections are no longer read. From half of it on,
            publishers of this process wait for every queue that holds more than `crowded_queue_bytes`, so that a
            backlog nobody takes cannot shut out those who publish over the network.
        crowded_queue_bytes: see `memory_bytes`.
        write_buffer_bytes: what may wait in a connection's transport before deliveries to it stop.
    """

    frame_bytes: int = 131_072
    channels: int = 2047
    connections: int = 1000
    heartbeat_s: int = 60
    handshake_s: float = 10.0
    goodbye_s: float = 2.0
    message_bytes: int = 128 * _MIB
    queue_bytes: int = 64 * _MIB
    memory_bytes: int = 512 * _MIB
    crowded_queue_bytes: int = 256 * 1024
    write_buffer_bytes: int = 256 * 1024

    def __post_init__(self) -> None:
        if self.frame_bytes < 4096:
            raise ValueError(f"frame_bytes is {self.frame_bytes}: the protocol asks for 4096 at least")
        if not 0 < self.channels <= 65_535:
            raise ValueError(f"channels is {self.channels}: it must be within 1 and 65535")
        if self.memory_bytes < self.crowded_queue_bytes:
            raise ValueError(
                f"memory_bytes is {self.memory_bytes}, under crowded_queue_bytes {self.crowded_queue_bytes}"
            )
