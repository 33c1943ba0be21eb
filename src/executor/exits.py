"""Exits: what becomes of tasks when the interpreter exits, or when somebody presses Ctrl-C.

    the main thread is done --> ExitHook --- "wait" ----> let them finish; Ctrl-C: as "cancel"
                                         |-- "cancel" --> cancel them
                                         '-- "detach" --> send what is not sent, and leave them at the service

A program that Ctrl-C is ending does not wait, whatever it is set to.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterable
from typing import Protocol

#: Until somebody who looks at a terminal is told what it waits for.
NOTICE_S = 3.0

#: After Ctrl-C: what takes longer, as where the service does not answer, goes on without being waited for.
HURRY_S = 0.7

#: For `on_exit="cancel"` and cancelled asyncio code: as above, but perhaps nobody is waiting at the keyboard.
CANCEL_S = 5.0

POLICIES = ("wait", "cancel", "detach")


def policy(value: object) -> str:
    """Check what is to become of tasks at exit."""
    if value not in POLICIES:
        raise ValueError(f"on_exit must be 'wait', 'cancel' or 'detach', not {value!r}")
    return str(value)


class Closable(Protocol):
    """What the exit hook closes."""

    @property
    def on_exit(self) -> str:
        """One of `POLICIES`."""
        ...

    @property
    def pending(self) -> int:
        """How many tasks have no outcome."""
        ...

    def close(self) -> None:
        """Take no more tasks; end when all are done. Returns at once, as the others do."""
        ...

    def detach(self) -> None:
        """Take no more tasks; end when all are sent."""
        ...

    def interrupt(self) -> None:
        """Cancel everything, and end as soon as possible."""
        ...

    def join(self, timeout: float | None = None) -> bool:
        """Wait until everything is over; False when it is not, after `timeout` seconds."""
        ...


class ExitHook:
    """Closes what is still open when the interpreter exits, while threads can still work.

    The standard library's executors arrange their exit the same way: before the interpreter waits for its threads, and
    before `atexit` callbacks run.
    """

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # In a forked child: what the parent opened is its own.
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Closable] = weakref.WeakSet()
        self._pid: int | None = None
        self.exiting = False

    def arm(self) -> None:
        """Arrange to be called at exit; nothing happens the second time. Called while threads can still be started."""
        with self._lock:
            if self._pid is None:
                self._pid = os.getpid()
                # Private, and the only way to be called before the threads are joined; atexit is second best.
                getattr(threading, "_register_atexit", atexit.register)(self._run)

    def add(self, closable: Closable) -> None:
        """Have `closable` closed at exit, unless it is gone by then."""
        self.arm()
        with self._lock:
            self._open.add(closable)

    def _run(self) -> None:
        if os.getpid() != self._pid:
            return
        self.exiting = True
        with self._lock:
            still_open = list(self._open)
        try:
            if _is_interrupted():
                raise KeyboardInterrupt  # noqa: TRY301 - it is the same to us
            _close(still_open)
        except KeyboardInterrupt:
            with contextlib.suppress(KeyboardInterrupt):  # a second one: at once, then
                interrupt(still_open)


#: Of this process.
exit_hook = ExitHook()


def interrupt(closables: Iterable[Closable]) -> None:
    """Cancel everything, and wait for the end, but not for long."""
    hurried = list(closables)
    for closable in hurried:
        closable.interrupt()
    _join(hurried, HURRY_S)


def _close(closables: Iterable[Closable]) -> None:
    by_policy: dict[str, list[Closable]] = {name: [] for name in POLICIES}
    for closable in closables:
        by_policy[closable.on_exit].append(closable)
    for closable in by_policy["cancel"]:
        closable.interrupt()
    for closable in by_policy["detach"]:
        closable.detach()
    for closable in by_policy["wait"]:
        closable.close()
    _join(by_policy["cancel"], CANCEL_S)
    if _join(by_policy["wait"], NOTICE_S):
        _say_what_for(by_policy["wait"])
    _join([*by_policy["wait"], *by_policy["detach"]], None)


def _join(closables: Iterable[Closable], timeout: float | None) -> list[Closable]:
    """Wait for the end of all, for `timeout` seconds; give those that have not ended."""
    deadline = None if timeout is None else time.monotonic() + timeout
    return [
        one for one in closables if not one.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
    ]


def _say_what_for(closables: Iterable[Closable]) -> None:
    pending = sum(closable.pending for closable in closables)
    if pending and sys.stderr is not None:
        tasks = "1 task" if pending == 1 else f"{pending:,} tasks"
        with contextlib.suppress(OSError, ValueError):  # nobody is there to read it
            sys.stderr.write(f"farpool: waiting for {tasks} before the program exits; Ctrl-C cancels\n")
            sys.stderr.flush()


def _is_interrupted() -> bool:
    """Whether the program ends because of a Ctrl-C that nobody has caught."""
    # In an interactive session it may be that of a line typed long ago.
    return getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1")
