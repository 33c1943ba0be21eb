from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farpool.endpoint.frames import CHUNK, Frame, FrameReader, pieces

FRAMES = st.builds(
    Frame,
    st.text(max_size=60),
    st.one_of(st.binary(max_size=200), st.integers(0, 3 * CHUNK).map(lambda size: b"x" * size)),
)


def send(frames: Sequence[Frame], to: socket.socket) -> None:
    for frame in frames:
        for piece in pieces(frame):
            to.sendall(piece)
    to.close()


@settings(max_examples=50, deadline=None)
@given(st.lists(FRAMES, max_size=6))
def test_frames_arrive_as_they_were_sent_however_they_are_cut(frames: list[Frame]) -> None:
    ours, theirs = socket.socketpair()
    sender = threading.Thread(target=send, args=(frames, theirs))
    sender.start()
    reader = FrameReader()
    received: list[Frame] = []

    with ours, contextlib.suppress(EOFError):
        while True:
            frame = reader.receive(ours)
            if frame is not None:
                received.append(frame)
    sender.join()

    assert received == frames


def test_a_frame_that_comes_byte_by_byte_is_put_together() -> None:
    ours, theirs = socket.socketpair()
    reader = FrameReader()
    whole = b"".join(pieces(Frame("head", b"body")))

    with ours, theirs:
        seen: list[Frame | None] = []
        for at in range(len(whole)):
            theirs.sendall(whole[at : at + 1])
            seen.append(reader.receive(ours))

    assert seen == [None] * (len(whole) - 1) + [Frame("head", b"body")]


def test_a_socket_that_does_not_block_says_that_there_is_nothing() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    with ours, theirs, pytest.raises(BlockingIOError):
        FrameReader().receive(ours)


def test_a_large_body_is_not_copied_into_its_frame() -> None:
    body = b"x" * (CHUNK + 1)

    assert pieces(Frame("head", body))[1] is body
