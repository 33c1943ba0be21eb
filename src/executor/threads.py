"""Threads: the one place that starts them, and the one hook that ends them at exit."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)


class Closable(Protocol):
    """What the exit hook closes: it finishes its work and joins its threads."""

    def close_at_exit(self) -> None:
        """Finish and join; called in the main thread, once."""
        ...


def start(name: str, target: Callable[[], None], crashed: Callable[[BaseException], None]) -> threading.Thread:
    """Start a thread.

    Args:
        name: shown in debuggers.
        target: a loop that returns when its source closes.
        crashed: called in the thread when `target` raises: nobody may be left waiting for it.
    """

    def guarded() -> None:
        try:
            target()
        except BaseException as error:  # a dead loop must fail its futures, whatever killed it
            log.exception("thread %s died", name)
            crashed(error)

    thread = threading.Thread(target=guarded, name=f"farpool-{name}", daemon=True)
    thread.start()
    return thread


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
        for closable in still_open:
            closable.close_at_exit()


exit_hook = ExitHook()
