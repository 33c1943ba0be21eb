"""What to do when the process that started this one is gone: the helper of every child process of farpool.

`watch_parent` calls a function from a thread; `die_with_parent` has the kernel end this process, also while a task
keeps the interpreter lock. Neither polls.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

#: Exit status of a process that ended because its parent was gone.
ORPHANED = 1

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def exit_now() -> None:
    """End this process at once: no clean-up, no exit handlers, nobody is left to see them."""
    os._exit(ORPHANED)


def watch_parent(gone: Callable[[], None] = exit_now, *, pid: int | None = None) -> None:
    """Have `gone()` called, in a thread of its own, when the process that started this one has ended.

    Uses a pidfd (Linux) or kqueue (macOS, BSD). Where there is neither, the parent must keep a pipe to this process's
    standard input open and write nothing into it: end-of-file says that the parent is gone.

    Args:
        gone: what to call; ends this process when left out.
        pid: the parent's process id, as the parent told it: then one that ended before this call is noticed as well.
            `os.getppid()` when left out.
    """
    parent = os.getppid() if pid is None else pid
    wait = _pidfd_waiter(parent) or _kqueue_waiter(parent) or _stdin_waiter()

    def watch() -> None:
        wait()
        gone()

    threading.Thread(target=watch, name="farpool parent watch", daemon=True).start()


def die_with_parent() -> bool:
    """Have the kernel kill this process (SIGKILL) when the thread that started it ends.

    Returns:
        False where the kernel cannot (anything but Linux): use `watch_parent`.
    """
    if sys.platform != "linux":
        return False
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):  # a libc without it
        return False
    return bool(prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0)


def _pidfd_waiter(pid: int) -> Callable[[], None] | None:
    opener: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
    if opener is None or not hasattr(select, "poll"):
        return None
    try:
        descriptor = opener(pid)
    except ProcessLookupError:
        return lambda: None
    except OSError:  # a kernel without it
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)

    def wait() -> None:
        try:
            poll.poll()
        finally:
            os.close(descriptor)

    return wait


def _kqueue_waiter(pid: int) -> Callable[[], None] | None:
    if sys.platform == "linux" or not hasattr(select, "kqueue"):
        return None
    queue = select.kqueue()
    exits = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT)
    try:
        queue.control([exits], 0)
    except OSError:  # no such process any more
        return lambda: None
    return lambda: _wait_for_event(queue)


def _wait_for_event(queue: Any) -> None:
    try:
        queue.control(None, 1)
    finally:
        queue.close()


def _stdin_waiter() -> Callable[[], None]:
    # Kept out of reach of code that reads or closes sys.stdin.
    descriptor = os.dup(0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)

    def wait() -> None:
        try:
            while os.read(descriptor, 4096):
                pass
        finally:
            os.close(descriptor)

    return wait
