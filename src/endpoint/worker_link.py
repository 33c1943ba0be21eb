"""One worker process as the agent sees it: started, spoken to without blocking, and its end noticed and explained."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from ..amqp import Loop
from . import worker_process
from .frames import Frame, FrameReader, pieces
from .pump import Outlet
from .worker_output import WorkerOutput

log = logging.getLogger(__name__)

#: A worker that closed its connection and lives on (its task closed every descriptor) is killed after this long.
DEAF_TIMEOUT_S = 1.0


class WorkerLink:
    """A worker process and the connection to it; belongs to the loop's thread.

    Args:
        loop: where it lives.
        received: called with each frame.
        ended: called once with the exit code (negative: the signal), when the process is gone and all it said was
            received; not called after `dismiss` and `kill`. After `end` nothing more is received.
        outlet: what the process prints goes there.

    Attributes:
        key: type and location of the environment that it runs in; None: the agent's own Python.
        ready_at, idle_at: when it was ready, and last had nothing to do, on the monotonic clock; its engine notes it.
    """

    key: tuple[str, str] | None = None
    ready_at: float = 0.0
    idle_at: float = 0.0

    _deaf_timeout_s = DEAF_TIMEOUT_S

    def __init__(
        self,
        loop: Loop,
        *,
        received: Callable[[WorkerLink, Frame], None],
        ended: Callable[[WorkerLink, int], None],
        outlet: Outlet,
    ) -> None:
        self._loop = loop
        self._ioloop: Any = loop.ioloop
        self._received = received
        self._ended = ended
        self._reader = FrameReader()
        self._unsent: list[memoryview] = []
        self.outlet = outlet
        self._is_open = False
        self._has_exited = False
        self._left_some = False
        self._process = self._launch()
        self._pidfd = _pidfd_of(self._process.pid)
        if self._pidfd is not None:
            self._ioloop.add_handler(self._pidfd, self._on_exit, select.POLLIN)

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the process, and a connection to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = _start(theirs, self.outlet.output)
            except OSError:
                ours.close()
                raise
        self._attach(ours)
        return process

    def _attach(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setblocking(False)
        self._is_open = True
        self._ioloop.add_handler(self._socket.fileno(), self._on_socket, select.POLLIN)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        """Whether the process is gone, though there may be something to receive of it yet."""
        return self._has_exited

    @property
    def left_some(self) -> bool:
        """Whether the process ended without having read all that was sent to it: then it never began the last job."""
        return self._left_some

    def send(self, frame: Frame) -> None:
        """Send a frame; what the worker does not take at once is sent as it reads."""
        was_idle = not self._unsent
        self._unsent += map(memoryview, pieces(frame))
        if was_idle:
            self._write()
            if self._unsent:
                self._ioloop.update_handler(self._socket.fileno(), select.POLLIN | select.POLLOUT)

    def dismiss(self) -> None:
        """Close the connection: an idle worker ends by itself, with its exit handlers. `finish` is to follow."""
        self._release()

    def retire(self) -> None:
        """Close the connection: an idle worker ends by itself; `ended` tells when it is gone."""
        self._closed()

    def kill(self) -> None:
        """Close the connection and end the process at once, with what it started. `finish` is to follow."""
        self._release()
        self._kill_group()

    def end(self) -> None:
        """End the process at once, with what it started; `ended` tells when it is gone."""
        self._close_socket()
        self._kill_group()
        if self._pidfd is None:
            self._reap()

    def finish(self, timeout_s: float) -> None:
        """Wait for the end of the process after `dismiss` or `kill`; kill it when it takes too long."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _on_socket(self, _descriptor: int, events: int) -> None:
        if self._unsent and events & select.POLLOUT:
            self._write()
            if not self._unsent and self._is_open:
                self._ioloop.update_handler(self._socket.fileno(), select.POLLIN)
        if events & ~select.POLLOUT and self._is_open and not self._read(once=True):
            self._closed()

    def _on_exit(self, _descriptor: int, _events: int) -> None:
        self._has_exited = True
        if self._is_open:
            self._read(once=False)
        self._reap()

    def _write(self) -> None:
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent[0])
                if sent == len(self._unsent[0]):
                    del self._unsent[0]
                else:
                    self._unsent[0] = self._unsent[0][sent:]
        except BlockingIOError:
            pass
        except OSError:  # it is gone: its exit will be told of
            self._left_some = True
            self._unsent.clear()

    def _read(self, *, once: bool) -> bool:
        """Take what there is, or one piece of it; False when no more will come."""
        try:
            while self._is_open:
                frame = self._reader.receive(self._socket)
                if frame is not None:
                    self._received(self, frame)
                if once:
                    break
        except BlockingIOError:
            pass
        except EOFError:
            return False
        except ConnectionError:
            # Not end-of-file: the kernel has thrown away what the process had not read.
            self._left_some = True
            return False
        return True

    def _kill_group(self) -> None:
        # Not reaped yet, its pid still names its group and nothing else.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it is so young that it has no group yet
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _closed(self) -> None:
        self._close_socket()
        if self._pidfd is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(DEAF_TIMEOUT_S)
            self._reap()
        else:
            self._loop.call_later(self._deaf_timeout_s, self._kill_if_deaf)

    def _kill_if_deaf(self) -> None:
        if self._pidfd is not None:
            self._process.kill()

    def _reap(self) -> None:
        self._release()
        self._process.kill()  # does nothing to one that has ended
        self._ended(self, self._told(self._process.wait()))

    def _told(self, exit_code: int) -> int:
        """Give the exit code of the worker: its process's own."""
        return exit_code

    def _release(self) -> None:
        self._close_socket()
        if self._pidfd is not None:
            self._ioloop.remove_handler(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _close_socket(self) -> None:
        if self._is_open:
            self._is_open = False
            self._left_some |= bool(self._unsent)
            self._unsent.clear()
            self._ioloop.remove_handler(self._socket.fileno())
            self._socket.close()


def _start(theirs: socket.socket, output: WorkerOutput) -> subprocess.Popen[bytes]:
    # What goes wrong before it prints to its pipes belongs to standard error, which is the terminal or the log.
    return subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        worker_process.command(theirs.fileno(), output),
        stdin=subprocess.DEVNULL,
        stdout=2,
        pass_fds=(theirs.fileno(), *output.descriptors),
    )


def _pidfd_of(pid: int) -> int | None:
    opener: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
    if opener is None:
        return None
    with contextlib.suppress(OSError):  # a kernel without it
        return opener(pid)
    return None
