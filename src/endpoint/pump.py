"""What worker processes print: passed on to where it belongs as it comes, and the end of it kept for the task's result.

    worker, and what it starts --- two pipes each ---> Pump (one thread) ---> the agent's log, or the program's output
                                                          `--- Tail --> taken with the result

In a process of its own the pump is safe from tasks: native code that holds the interpreter lock while it prints, or a
crash, would stop a thread of the worker. A worker that prints more than its readers read waits, as it would without.

Nothing is done for a task that prints nothing, but to see that its pipes are empty.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import selectors
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from .tail import Tail
from .worker_output import WorkerOutput

log = logging.getLogger(__name__)

#: What is read at a time: as much as a pipe holds.
CHUNK = 64 * 1024
#: As much as a pipe can hold that somebody has enlarged. No more is read for one result: somebody may go on printing.
MAX_PIPE_BYTES = 1024 * 1024
#: How long `close` waits for what is left to be passed on: somebody may have stopped the terminal.
CLOSE_TIMEOUT_S = 2.0

#: Whoever read what is printed has gone: the reader of a pipe, a terminal.
_NOBODY_READS = {errno.EPIPE, errno.EIO, errno.EBADF}

#: Called in the pump's thread with what was printed to standard output and to standard error.
Taken: TypeAlias = Callable[[str, str], None]


class _Stream:
    """The pipe of one stream of a worker, under its outlet's lock; the pump's thread alone closes it."""

    def __init__(self, reader: int, target: int) -> None:
        self.reader = reader
        self.target = target
        self.tail = Tail()
        self.unwritten = b""
        self.is_open = True


class Outlet:
    """What one worker prints.

    Attributes:
        output: the descriptors for the worker.
    """

    def __init__(self, targets: tuple[int, int]) -> None:
        pipes = [os.pipe()]
        try:
            pipes.append(os.pipe())
        except OSError:
            os.close(pipes[0][0])
            os.close(pipes[0][1])
            raise
        self.output = WorkerOutput(pipes[0][1], pipes[1][1])
        self.lock = threading.Lock()
        self.streams = [_Stream(pipe[0], target) for pipe, target in zip(pipes, targets, strict=True)]
        self._poll = select.poll()
        for stream in self.streams:
            os.set_blocking(stream.reader, False)
            self._poll.register(stream.reader, select.POLLIN)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was printed since the last `Pump.take`, for sure. Thread-safe; while the worker lives."""
        with self.lock:
            return not (self.streams[0].tail or self.streams[1].tail or self._poll.poll(0))

    def read_now(self) -> tuple[str, str]:
        """Read all that is there without passing it on, and give the end of what was printed. Thread-safe."""
        with self.lock:
            for stream in self.streams:
                while stream.is_open and len(stream.unwritten) < MAX_PIPE_BYTES and (data := _read(stream)):
                    stream.unwritten += data
            stdout, stderr = (stream.tail.take() for stream in self.streams)
        return stdout, stderr

    def close_writers(self) -> None:
        """Close the worker's ends in this process, once the worker has them."""
        for descriptor in self.output.descriptors:
            os.close(descriptor)


class Pump:
    """Passes on what workers print; has one thread, from `start` to `close`.

    Args:
        output: where to; None: the standard error of this process.
    """

    def __init__(self, output: WorkerOutput) -> None:
        self._targets = (_or_stderr(output.stdout), _or_stderr(output.stderr))
        self._requests: deque[Callable[[], None]] = deque()
        self._selector = selectors.DefaultSelector()
        self._woken = self._waker = -1
        self._is_open = self._is_ending = self._has_complained = False
        self._thread = threading.Thread(target=self._run, name="farpool output", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._is_open = True
        self._thread.start()

    def open(self) -> Outlet:
        """Make the pipes of a new worker."""
        outlet = Outlet(self._targets)

        def register() -> None:
            for stream in outlet.streams:
                self._selector.register(stream.reader, selectors.EVENT_READ, (outlet, stream))

        self._ask(register)
        return outlet

    def take(self, outlet: Outlet, taken: Taken) -> None:
        """Pass on what a worker has printed so far, and give the end of it.

        Args:
            outlet: the worker's.
            taken: called in the pump's thread with what was printed since the last call.
        """

        def take() -> None:
            self._pass_all_on(outlet)
            with outlet.lock:
                stdout, stderr = (stream.tail.take() for stream in outlet.streams)
            taken(stdout, stderr)

        self._ask(take)

    def take_now(self, outlet: Outlet) -> tuple[str, str]:
        """Give the end of what a worker printed that is gone or going; it may not have been passed on yet."""
        texts = outlet.read_now()
        self._ask(lambda: self._pass_all_on(outlet))
        return texts

    def close(self) -> None:
        """Pass on what is left, and end; does nothing the second time."""
        if self._is_open:
            self._ask(self._end)
            self._is_open = False
            self._thread.join(CLOSE_TIMEOUT_S)

    # ---- the thread

    def _ask(self, request: Callable[[], None]) -> None:
        if self._is_open:
            self._requests.append(request)
            with contextlib.suppress(BlockingIOError):  # it is being woken already
                os.write(self._waker, b"x")

    def _run(self) -> None:
        while not self._is_ending:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._serve()
                else:
                    self._pass_on(*key.data)
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)

    def _serve(self) -> None:
        os.read(self._woken, CHUNK)
        while self._requests:
            request = self._requests.popleft()
            try:
                request()
            except Exception:  # one worker's trouble must not stop what the others print, and so their results
                log.exception("what a worker prints is not passed on")

    def _pass_all_on(self, outlet: Outlet) -> None:
        """Pass on what is in the pipes of a worker now."""
        for stream in outlet.streams:
            count = 0
            while count < MAX_PIPE_BYTES and (passed := self._pass_on(outlet, stream)):
                count += passed

    def _pass_on(self, outlet: Outlet, stream: _Stream) -> int:
        """Pass on a piece of what is in a pipe; gives its size, 0 when there is nothing (any more)."""
        with outlet.lock:
            data, stream.unwritten = stream.unwritten, b""
            if stream.is_open:
                read = _read(stream)
                data += read or b""
                if read == b"":
                    self._close(stream)
        self._write(stream.target, data)
        return len(data)

    def _write(self, target: int, data: bytes) -> None:
        """Write all of it; to nowhere when nobody reads there: `program | head` must not fail tasks."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(target, view) :]
            except BlockingIOError:  # somebody has made it so
                writable = select.poll()
                writable.register(target, select.POLLOUT)
                writable.poll()
            except OSError as error:
                if error.errno not in _NOBODY_READS and not self._has_complained:
                    self._has_complained = True
                    log.warning("what tasks print cannot be written: %s", error)
                return

    def _close(self, stream: _Stream) -> None:
        stream.is_open = False
        self._selector.unregister(stream.reader)
        os.close(stream.reader)

    def _end(self) -> None:
        self._is_ending = True
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                outlet, stream = key.data
                self._pass_all_on(outlet)
                with outlet.lock:
                    if stream.is_open:
                        self._close(stream)


def _read(stream: _Stream) -> bytes | None:
    """Read a piece of what there is; None: nothing now; empty: nothing any more."""
    try:
        data = os.read(stream.reader, CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        log.exception("what a task prints cannot be read")
        return b""
    stream.tail.add(data)
    return data


def _or_stderr(descriptor: int | None) -> int:
    return 2 if descriptor is None else descriptor
