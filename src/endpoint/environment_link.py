"""A worker in an environment, as the agent sees it: a link whose other end a `worker_keeper` has.

    listen in a directory of its own -- the command starts -- the keeper connects, is given what to print to -- "ready"

To end the worker is to close the connection. The command in between gets time to clear up, and is killed after that.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..amqp import Loop
from .frames import Frame
from .pump import Outlet
from .runtimes import SOCKET, Command
from .worker_keeper import SIGNALLED
from .worker_link import WorkerLink

#: What a command has to clear up after its worker has ended: it removes a container, unmounts an image.
CLEAR_UP_S = 20.0

#: What a keeper has at least to end a worker when the connection is closed: to kill it first would leave orphans.
KEEPER_S = 5.0

#: The path of a socket is that long at most, with its end.
_SOCKET_PATH_BYTES = 107

#: The highest number of a signal.
_SIGNALS = 64


class EnvironmentLink(WorkerLink):
    """A worker process in an environment, and the connection to it; otherwise as `WorkerLink`.

    Args:
        key: type and location of what it runs in.
        command: gives the command, for the directory with the socket.
    """

    _deaf_timeout_s = CLEAR_UP_S

    def __init__(
        self,
        loop: Loop,
        *,
        key: tuple[str, str],
        command: Callable[[str], Command],
        received: Callable[[WorkerLink, Frame], None],
        ended: Callable[[WorkerLink, int], None],
        outlet: Outlet,
    ) -> None:
        self.key = key
        self._command = command
        self._listener: socket.socket | None = None
        super().__init__(loop, received=received, ended=ended, outlet=outlet)

    def dismiss(self) -> None:
        """Tell an idle worker to end: its keeper stays for that. `finish` is to follow."""
        self.retire()
        if self._pidfd is not None:
            self._ioloop.remove_handler(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def retire(self) -> None:
        """Tell an idle worker to end; `ended` tells when it is gone."""
        if self._is_open:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        else:
            self._kill_command()
        self._loop.call_later(self._deaf_timeout_s, self._kill_if_deaf)

    def kill(self) -> None:
        """End the worker at once, with what it started. `finish` is to follow."""
        was_there = self._is_open
        self._release()
        if not was_there:
            self._kill_command()

    def end(self) -> None:
        """End the worker at once, with what it started; `ended` tells when its command is gone."""
        was_there = self._is_open
        self._close_socket()
        if not was_there:
            self._kill_command()
        self._loop.call_later(self._deaf_timeout_s, self._kill_if_deaf)
        if self._pidfd is None:
            self._reap()

    def finish(self, timeout_s: float) -> None:
        """Wait for the end of the command after `dismiss` or `kill`; kill it when it takes too long."""
        try:
            self._process.wait(timeout_s if self._is_open else max(timeout_s, KEEPER_S))
        except subprocess.TimeoutExpired:
            self._close_socket()  # for good: its keeper ends the worker, with what it started
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(KEEPER_S)
            self._kill_command()
            self._process.wait()
        self._close_socket()

    def _launch(self) -> subprocess.Popen[bytes]:
        self._is_watched = False
        self._directory = Path(tempfile.mkdtemp(prefix="farpool-", dir=_short_place()))
        output = self.outlet.output
        # Kept until they are handed over: whoever made them closes them when the process is started.
        self._lent = [os.dup(descriptor) for descriptor in output.descriptors]
        try:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._directory / SOCKET))
            self._listener.listen(1)
            command = self._command(str(self._directory))
            process = subprocess.Popen(  # noqa: S603 - a command of `runtimes`, whose arguments are checked
                command.line,
                stdin=subprocess.DEVNULL,
                stdout=output.stdout,
                stderr=output.stderr,
                env={name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
                | dict(command.variables),
                start_new_session=True,
            )
        except OSError:
            self._close_socket()
            raise
        self._listener.setblocking(False)
        self._ioloop.add_handler(self._listener.fileno(), self._on_connect, select.POLLIN)
        self._is_watched = True
        return process

    def _on_connect(self, _descriptor: int, _events: int) -> None:
        if self._listener is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it went away again
            return
        with contextlib.suppress(OSError):
            socket.send_fds(connection, [b"x"], self._lent)
        self._close_listener()
        self._attach(connection)

    def _close_listener(self) -> None:
        if self._listener is not None:
            if self._is_watched:
                self._ioloop.remove_handler(self._listener.fileno())
            self._listener.close()
            self._listener = None
        for descriptor in self._lent:
            os.close(descriptor)
        self._lent = []
        shutil.rmtree(self._directory, ignore_errors=True)

    def _close_socket(self) -> None:
        super()._close_socket()
        self._close_listener()

    def _told(self, exit_code: int) -> int:
        """Give the exit code of the worker: its keeper tells of signals as shells do."""
        return SIGNALLED - exit_code if SIGNALLED < exit_code <= SIGNALLED + _SIGNALS else exit_code

    def _kill_command(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _kill_if_deaf(self) -> None:
        if self._pidfd is None:
            return
        if self._is_open:  # first the worker, by its keeper
            self._close_socket()
            self._loop.call_later(self._deaf_timeout_s, self._kill_if_deaf)
        else:
            self._kill_command()


#: Variables that are meant for the Python of the agent.
_NOT_PASSED_ON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE", "VIRTUAL_ENV", "CONDA_PREFIX"})


def _short_place() -> str | None:
    """Give the directory for directories with sockets: where temporary files are, if the path is not too long."""
    usual = os.fsencode(tempfile.gettempdir())
    return None if len(usual) + len("/farpool-12345678/") + len(SOCKET) <= _SOCKET_PATH_BYTES else "/tmp"  # noqa: S108
