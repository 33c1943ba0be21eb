"""The program's share of its embedded stack: `acquire` and `release`, from any thread, also around a fork.

A stack belongs to the process that started it. A forked child may use what it inherited, but never stops it: letting go
of it does nothing. What the child acquires itself is a stack of its own.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ..errors import StackError
from .parent import watch_parent
from .stack import Agent, Stack


class StackLease:
    """One user's hold on the embedded stack. Thread-safe.

    Attributes:
        service_url: where the service answers, on loopback.
        token: the bearer token it takes.
        endpoint_id: the endpoint whose workers run the tasks.
        max_workers: how many workers it has.
    """

    def __init__(self, stack: Stack, agent: Agent, *, service_url: str, endpoint_id: str) -> None:
        self.service_url = service_url
        self.token = stack.token
        self.endpoint_id = endpoint_id
        self.max_workers = agent.max_workers
        self._stack = stack
        self._agent = agent
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._is_released = False

    def __repr__(self) -> str:
        return f"StackLease(service_url={self.service_url!r}, endpoint_id={self.endpoint_id!r})"

    def check(self) -> None:
        """Do nothing while service and endpoint run.

        Raises:
            StackError: one of them died.
        """
        for child in (self._stack.service, self._agent.child):
            error = child.ended.result() if child.ended.done() else None
            if error is not None:
                raise error

    def on_death(self, callback: Callable[[StackError], None]) -> None:
        """Have `callback(error)` called once if service or endpoint dies before this lease is released.

        It is called in the thread that waits for the process; at once, in this thread, if that has happened already. In
        a forked child, also when the parent has let go of the stack.
        """
        told = threading.Lock()
        if self._pid != os.getpid():
            self._watch_from_child(lambda error: callback(error) if told.acquire(blocking=False) else None)
            return

        def tell(ended: Future[StackError | None]) -> None:
            error = ended.result()
            if error is not None and not self._is_released and told.acquire(blocking=False):
                callback(error)

        for child in (self._stack.service, self._agent.child):
            child.ended.add_done_callback(tell)

    def _watch_from_child(self, callback: Callable[[StackError], None]) -> None:
        for child in (self._stack.service, self._agent.child):
            error = StackError(
                f"{child.name} has ended: this process is a forked child, and its parent, which started the stack, has "
                "ended or let go of it"
            )
            if child.pid is not None:
                watch_parent(functools.partial(callback, error), pid=child.pid)

    def release(self, *, at_once: bool = False) -> None:
        """Let go; the last lease of the program stops the processes and removes their directory, and waits for that.

        Nothing happens the second time, or in a forked child.

        Args:
            at_once: end the processes without giving them the time to tidy up.
        """
        if self._pid != os.getpid():
            return
        with self._lock:
            is_first, self._is_released = not self._is_released, True
        if is_first:
            self._stack.leave(self._agent, at_once=at_once)


def acquire(max_workers: int | None = None) -> StackLease:
    """Share the program's embedded stack; start what of it is not running.

    Blocks until the endpoint takes tasks: about a second the first time.

    Args:
        max_workers: worker processes; as many as there are CPUs for this process when left out. Each value has an
            endpoint of its own.

    Raises:
        StackError: a process could not be started, or died at its start; quotes its log.
        ValueError: `max_workers` is not positive.
    """
    workers = default_workers() if max_workers is None else max_workers
    if workers <= 0:
        raise ValueError(f"max_workers must be greater than 0, not {workers}")
    entered: Future[tuple[Stack, Agent]] = Future()
    # In a thread, which Ctrl-C does not interrupt: what has been started is known, and can be stopped.
    entering = threading.Thread(target=_settle, args=(entered, workers), name="farpool stack", daemon=True)
    try:
        entering.start()
        stack, agent = entered.result()
        # The service first: an agent that got no service to work for is not the fault to tell of.
        service_url = stack.service.wait_announced()["service_url"]
        endpoint_id = agent.child.wait_announced()["endpoint_id"]
        return StackLease(stack, agent, service_url=service_url, endpoint_id=endpoint_id)
    except BaseException as error:
        if entering.ident is not None:
            entering.join()
        if entered.done() and entered.exception() is None:
            stack, agent = entered.result()
            stack.leave(agent, at_once=not isinstance(error, Exception))
        raise


def default_workers() -> int:
    """Count the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Slot:
    """The stack that a process has at present."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stack: Stack | None = None


#: By process id: the one thing that leases of a program must share. A forked child finds nothing under its own id,
#: and never the lock that another thread of its parent held.
_slots: dict[int, _Slot] = {}


def _settle(entered: Future[tuple[Stack, Agent]], workers: int) -> None:
    try:
        entered.set_result(_enter(workers))
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        entered.set_exception(error)


def _enter(workers: int) -> tuple[Stack, Agent]:
    slot = _slots.setdefault(os.getpid(), _Slot())
    while True:
        with slot.lock:
            stack = slot.stack = slot.stack or Stack()
        agent = stack.enter(workers)
        if agent is not None:
            return stack, agent
        with slot.lock:
            if slot.stack is stack:
                slot.stack = None
