"""A session of processes: what a program started, and what that started in turn, in whatever process groups.

Worker processes lead groups of their own, so that a task can be ended with all that it started; they stay in the
session of their agent, whose end must be theirs.
"""

from __future__ import annotations

import contextlib
import os
import signal

#: What is being killed may just be starting another process; then there is another round.
_ROUNDS = 5


def end_session(leader: int) -> None:
    """Kill every process in a session but its leader, which must be there, if only as a zombie; Linux only."""
    for _ in range(_ROUNDS):
        members = [pid for pid in _processes() if pid != leader and _session_of(pid) == leader]
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not members:
            return


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:  # a container without it
        return []


def _session_of(pid: int) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(pid)
    return None
