"""SIGTERM and SIGINT, brought to a loop: the handler itself runs anywhere, also where a lock is held."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

from ..amqp import Loop


def _let_pass(_number: int, _frame: FrameType | None) -> None:
    pass


@contextlib.contextmanager
def stopping_on_signals(loop: Loop, stop: Callable[[], None]) -> Generator[None]:
    """Have `stop()` called in the loop's thread at each SIGTERM and SIGINT while the body runs.

    Does nothing in a thread other than the main one, to which Python gives no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.setblocking(False)

        def woken(_descriptor: int, _events: int) -> None:
            for _number in ours.recv(64):
                stop()

        ioloop: Any = loop.ioloop
        ioloop.add_handler(ours.fileno(), woken, select.POLLIN)
        previous = {number: signal.signal(number, _let_pass) for number in (signal.SIGTERM, signal.SIGINT)}
        # Python writes each signal's number there at once, before any handler, without taking a lock.
        wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
