"""One child process of the embedded stack: started, announced, watched, stopped.

A child says in one JSON line on its standard output that it serves; its standard error goes to a log file. One thread
per child reads that line and then waits for the end of the process: no polling, and whoever cares is told by a future.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ..errors import StackError
from .output import duplicates
from .session import end_session

log = logging.getLogger(__name__)

#: From the start of a process to its announcement; a loaded machine may take its time over the imports.
START_TIMEOUT_S = 60.0
#: From the request to end until the process is killed.
STOP_TIMEOUT_S = 5.0
#: How much of the log an error quotes.
TAIL_LINES = 15
TAIL_BYTES = 4096


class Child:
    """A process that announces itself, and the thread that waits for its end.

    Args:
        name: what it is, for messages: ``"the embedded service"``.
        command: the program and its arguments.
        log_file: where its standard error goes.
        lends_output: whether it gets descriptors of the program's standard output and error, as the options
            ``--worker-stdout`` and ``--worker-stderr``.

    Attributes:
        announced: what the process said when it was ready; fails with `StackError` when it ended before.
        ended: None after `stop`, or the `StackError` that tells how it ended by itself. Callbacks of both futures are
            called in the thread that waits for the process.
    """

    def __init__(self, name: str, command: Sequence[str], log_file: Path, *, lends_output: bool = False) -> None:
        self.name = name
        self.log_file = log_file
        self.announced: Future[Mapping[str, Any]] = Future()
        self.ended: Future[StackError | None] = Future()
        self._command = list(command)
        self._lends_output = lends_output
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopping = False

    @property
    def pid(self) -> int | None:
        """The process id; None before `start`."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, and the thread that waits for it; a failure to do so is told by `announced`."""
        try:
            with self.log_file.open("ab") as errors, self._output() as output:
                options = [text for option, number in output.items() for text in (option, str(number))]
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                    [*self._command, *options],
                    pass_fds=tuple(output.values()),
                    stdin=subprocess.PIPE,  # open until its end: where there is no pidfd, end-of-file says that we died
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    # A session of its own: Ctrl-C in the terminal is for the program, which may well go on.
                    start_new_session=True,
                )
            threading.Thread(target=self._watch, name=f"farpool wait {self._process.pid}", daemon=True).start()
        except (OSError, RuntimeError) as error:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._finish(StackError(f"{self.name} could not be started with {self._command[0]!r}: {error}"))

    def feed(self, line: str) -> None:
        """Give the process one line on its standard input."""
        stdin = None if self._process is None else self._process.stdin
        if stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it died meanwhile, or is reaped: `ended` says so
                stdin.write(f"{line}\n".encode())
                stdin.flush()

    def wait_announced(self) -> Mapping[str, Any]:
        """Wait until the process serves; return its announcement.

        Raises:
            StackError: it ended before, or took too long; quotes its log and names the file.
        """
        try:
            return self.announced.result(START_TIMEOUT_S)
        except FutureTimeout:
            raise StackError(
                self._with_log(f"{self.name} (pid {self.pid}) said nothing for {START_TIMEOUT_S:.0f} s after its start")
            ) from None

    def begin_stop(self) -> None:
        """Ask the process to end; it has not when this returns."""
        self._is_stopping = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once, and wait for that."""
        self._is_stopping = True
        self._signal(signal.SIGKILL)
        self.finish_stop()

    def finish_stop(self) -> None:
        """Wait for the end after `begin_stop`; kill the process when it takes too long."""
        if self._process is None or sys.is_finalizing():  # then the thread that waits is gone already
            return
        try:
            self.ended.result(STOP_TIMEOUT_S)
        except FutureTimeout:
            log.warning("%s (pid %s) did not end within %s s: killing it", self.name, self.pid, STOP_TIMEOUT_S)
            self._signal(signal.SIGKILL)
            self.ended.result()

    def _output(self) -> AbstractContextManager[Mapping[str, int]]:
        return duplicates() if self._lends_output else contextlib.nullcontext({})

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _watch(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            raise AssertionError("started before it is watched")
        with process.stdout as stdout:
            line = stdout.readline()
        if line:
            try:
                self.announced.set_result(json.loads(line))
            except ValueError:
                self.announced.set_exception(
                    StackError(self._with_log(f"{self.name} announced itself unreadably: {line[:200]!r}"))
                )
        exit_code = _reap(process)
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        when = "after it had started" if line else "while it was starting"
        died = StackError(self._with_log(f"{self.name} (pid {process.pid}) {_ending(exit_code)} {when}"))
        self._finish(None if self._is_stopping else died)

    def _finish(self, error: StackError | None) -> None:
        if not self.announced.done():
            self.announced.set_exception(error or StackError(f"{self.name} was stopped while it was starting"))
        self.ended.set_result(error)

    def _with_log(self, message: str) -> str:
        tail = _tail(self.log_file)
        quote = f"its last words:\n{tail}\n" if tail else "it left no message. "
        return f"{message}; {quote}Its log is {self.log_file}"


def _reap(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process, end what is left of its session, and return the exit code."""
    if sys.platform == "linux":
        # Not reaped yet, its pid still names the session and nothing else: now is the time to end what it left behind.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        end_session(process.pid)
    return process.wait()


def _ending(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was killed by signal {-exit_code}"


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
