"""The first process in an environment: keeps a worker, its child, and ends with the agent whatever the worker is doing.

    agent --- socket in a directory that both see ---> keeper --- fork ---> worker
                `- with the descriptors to print to

Commands that make containers stand between the agent and this process: to kill them need not end it. So it listens to
the connection: when the agent closes it, or is gone, the worker and what its tasks started are killed. It is the first
process of a container with process ids of its own, and takes in the orphans there.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys

from ..local.parent import die_with_parent
from .worker_output import WorkerOutput

#: An exit code that tells of a signal is that much higher than its number, as shells have it.
SIGNALLED = 128


def main(link: str) -> None:
    """Be the keeper, and in its child the worker.

    Args:
        link: the socket to connect to.
    """
    agent = socket.socket(socket.AF_UNIX)
    agent.connect(link)
    _, descriptors, _, _ = socket.recv_fds(agent, 1, 2)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _noted)
    keeper = os.getpid()
    worker = os.fork()
    if worker:
        for descriptor in descriptors:
            os.close(descriptor)
        os._exit(_keep(agent, woken, worker))
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(woken)
    os.close(waker)
    die_with_parent()
    if os.getppid() != keeper:
        os._exit(1)
    from .worker_process import work_for  # noqa: PLC0415 - the keeper has no need of it

    work_for(agent, WorkerOutput(*descriptors))
    sys.exit()


def _noted(_number: int, _frame: object) -> None:
    pass


def _keep(agent: socket.socket, woken: int, worker: int) -> int:
    """Wait for the end of the agent or of the worker; give the exit code."""
    poll = select.poll()
    poll.register(agent, 0)  # no data: only that the other side has closed it for good
    poll.register(woken, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == woken:
                os.read(woken, 4096)
                continue
            for kill in (os.killpg, os.kill):  # it may be so young that it has no group yet
                with contextlib.suppress(ProcessLookupError):
                    kill(worker, signal.SIGKILL)
            return SIGNALLED + signal.SIGKILL
        code = _reap(worker)
        if code is not None:
            return code


def _reap(worker: int) -> int | None:
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 1
        if not process:
            return None
        if process == worker:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else SIGNALLED - code
