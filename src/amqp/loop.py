"""The loop: one thread's I/O, timers and calls. Owns no thread: whoever calls `run` lends its own."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def _quieten(name: str) -> None:
    """Keep pika from printing a stack of warnings at every refused connection: `Link` reports those itself.

    A level that the user has set stays.
    """
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


class Timer:
    """A call that is to come; `cancel` takes it back."""

    def __init__(self, ioloop: Any, seconds: float, fn: Callable[[], None]) -> None:
        self._ioloop = ioloop
        self._handle: Any = ioloop.call_later(seconds, self._fire)
        self._fn: Callable[[], None] | None = fn

    def _fire(self) -> None:
        fn, self._fn = self._fn, None
        if fn is not None:
            fn()

    def cancel(self) -> None:
        """Take the call back; nothing happens when it has been made. Loop thread only."""
        if self._fn is not None:
            self._fn = None
            self._ioloop.remove_timeout(self._handle)


class Loop:
    """One thread's event loop.

    Everything that lives on the loop is touched by its thread only; `call` and `stop` are for the others.
    """

    def __init__(self) -> None:
        # pika costs 40 ms to import: who never opens a stream does not pay it.
        from pika.adapters.select_connection import IOLoop  # noqa: PLC0415

        _quieten("pika")
        self.ioloop: Any = IOLoop()
        self._lock = threading.Lock()
        self._calls: deque[Callable[[], None]] = deque()
        self._woken = False
        self._stopped = False
        self._dropped: deque[Callable[[], None]] = deque()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self.ioloop.add_handler(self._ear.fileno(), self._rung, self.ioloop.READ)

    def run(self) -> None:
        """Serve until `stop`; returns when the loop is closed. What is called after that is dropped."""
        if not self._stopped:
            self.ioloop.start()
        with self._lock:
            self._stopped = True
            self._calls.clear()
        self.ioloop.close()
        self._bell.close()
        self._ear.close()
        self._dropped.clear()

    def call(self, fn: Callable[[], None]) -> bool:
        """Have `fn()` run in the loop's thread, soon, in the order of the calls. Thread-safe.

        Many calls between two turns of the loop cost one wake-up.

        Returns:
            False when the loop has stopped: `fn` will not run.
        """
        with self._lock:
            if self._stopped:
                return False
            self._calls.append(fn)
            woken, self._woken = self._woken, True
        if not woken:
            self.ioloop.add_callback_threadsafe(self._drain)
        return True

    def call_from_anywhere(self, fn: Callable[[], None]) -> None:
        """Have `fn()` run in the loop's thread, soon, without taking a lock: `call` for finalizers.

        The garbage collector may run one in the middle of anything, also of `call`. Dropped when the loop has stopped.
        """
        self._dropped.append(fn)
        with contextlib.suppress(OSError):  # full: it will be heard anyway; closed: nobody is there
            self._bell.send(b"!")

    def _rung(self, _fd: object, _events: object) -> None:
        with contextlib.suppress(OSError):
            self._ear.recv(4096)
        while self._dropped:
            self._dropped.popleft()()

    def _drain(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, deque()
            self._woken = False
        for fn in calls:
            fn()

    def call_later(self, seconds: float, fn: Callable[[], None]) -> Timer:
        """Have `fn()` run in `seconds`. Loop thread only."""
        return Timer(self.ioloop, seconds, fn)

    def stop(self) -> None:
        """Have `run` return after the calls made so far. Thread-safe; the second call does nothing."""
        self.call(self._stop)

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
        self.ioloop.stop()
