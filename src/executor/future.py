"""The Future of a task that runs somewhere else."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import _base as standard  # pyright: ignore[reportPrivateUsage]  # the states, see `_cancel`
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from ..serialize import Staying
from .forks import generation
from .timings import UNTOLD, Timings, Told

T = TypeVar("T")


def _nothing(_future: Future[Any]) -> None:
    pass


class _OfTheParent(RuntimeError):
    """The outcome goes to the process that forked this one."""


class Future(Staying, concurrent.futures.Future[T]):
    """A standard `concurrent.futures.Future` that knows which task it stands for, and can be awaited.

    Attributes:
        task_id: the task's id, once the service has taken it; None before. A task that is tried again has a new one.
        task_group_id: the task group it belongs to, once it is known.
        endpoint_id: the endpoint it was sent to.
        function_id: the function it runs.
        label: the label it was submitted with.
        size_bytes: the packed size of its arguments, or of its result once that is there and larger.
        is_unwanted: whether nobody waits for it any more: what no worker has begun is cancelled, and nothing is tried
            again. Set by the executor.
        function_name, arguments: the function's name and what the arguments look like, shortened: for people. Only of
            tasks that are in the journal, else they are empty.
        number: its place among the tasks of its campaign in the journal, from 1 on; None for one that is not in it.
    """

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        function_id: str | None = None,
        label: str = "",
        size_bytes: int = 0,
        submitted_at: float | None = None,
        called_off: Callable[[Future[Any]], None] = _nothing,
    ) -> None:
        """Make a future.

        Args:
            endpoint_id: as the attribute.
            function_id: as the attribute.
            label: as the attribute.
            size_bytes: as the attribute.
            submitted_at: when it was submitted, in seconds since 1970; None: that is not known.
            called_off: called once, when this future has been cancelled, in the thread that did it.
        """
        self._born = generation.number
        super().__init__()
        self.task_id: str | None = None
        self.task_group_id: str | None = None
        self.endpoint_id = endpoint_id
        self.function_id = function_id
        self.label = label
        self.size_bytes = size_bytes
        self.is_unwanted = False
        self.function_name = self.arguments = ""
        self.number: int | None = None
        self._called_off = called_off
        self._made_at = time.monotonic()
        self._submitted_at = submitted_at
        self._sent_at: float | None = None
        self._received_at: float | None = None
        self._told = UNTOLD

    @property
    def call(self) -> str:
        """The call it stands for, as text: ``"simulate(3, mode='fast')"``; empty for one that is not in the journal."""
        return f"{self.function_name}({self.arguments})" if self.function_name else ""

    @property
    def age_s(self) -> float:
        """Seconds since it was submitted."""
        return time.monotonic() - self._made_at

    @property
    def timings(self) -> Timings:
        """When the task was where, as far as that is known by now; a snapshot."""
        told = self._told
        return Timings(
            self._submitted_at, self._sent_at, told.started, told.ended, self._received_at, worker=told.worker
        )

    @property
    def stdout(self) -> str | None:
        """What the task printed to standard output, with what it started: the end of it, where it was much.

        None while there is no outcome, and where the endpoint does not tell: that of a task that printed nothing is
        empty.
        """
        return self._told.stdout

    @property
    def stderr(self) -> str | None:
        """What the task printed to standard error; as `stdout`."""
        return self._told.stderr

    def was_sent(self, at: float) -> None:
        """Take note that the task's request was sent. For the executor alone."""
        self._sent_at = at

    def was_told(self, told: Told, at: float) -> None:
        """Take note of what came with an outcome, and when, in seconds since 1970. For the executor alone."""
        self._told, self._received_at = told, at

    def cancel(self) -> bool:
        """Cancel the call if it has not been sent: no request is made. What has been sent is not disturbed.

        Returns:
            True when it is cancelled, now or before; False when it has been sent: see `cancel_remote`.
        """
        return self._cancel(standard.PENDING)

    def cancel_remote(self) -> bool:
        """Cancel the call wherever it is, also while it runs. Returns at once.

        The future is cancelled from here on, whatever becomes of the task. On a farpool service the task is called
        off: what no worker has begun never runs, and the worker that runs it is stopped. The hosted service has no way
        to stop a task: it runs on there, and its result is dropped. Cancels made at the same time share one request.

        Returns:
            True when it is cancelled, now or before; False when it was done already.
        """
        return self._cancel(standard.PENDING, standard.RUNNING)

    # The standard library has no public way to cancel what runs, and its `cancel` leaves a future that `wait` does not
    # count as done until its executor comes across it. The states and names used here are the same from 3.10 to 3.14.

    def _cancel(self, *states: str) -> bool:
        with self._condition:
            if self._state in {standard.CANCELLED, standard.CANCELLED_AND_NOTIFIED}:
                return True
            if self._state not in states:
                return False
            self._state = standard.CANCELLED_AND_NOTIFIED
            for waiter in self._waiters:
                waiter.add_cancelled(self)
            self._condition.notify_all()
        called_off, self._called_off = self._called_off, _nothing
        called_off(self)
        self._invoke_callbacks()  # type: ignore[attr-defined]  # typeshed leaves it out
        return True

    def set_running_or_notify_cancel(self) -> bool:
        """Say that the task is being sent; also when it is sent again. For the executor alone.

        Returns:
            False when it has been cancelled: it is not to be sent.
        """
        with self._condition:
            if self._state == standard.PENDING:
                self._state = standard.RUNNING
            return self._state == standard.RUNNING

    def settle(self, value: T | None, error: BaseException | None = None) -> bool:
        """Give the future its value or its error, unless it has been cancelled or settled. For the executor alone.

        Returns:
            Whether it took it.
        """
        try:
            if error is None:
                self.set_result(value)  # type: ignore[arg-type]  # None stands for itself here
            else:
                self.set_exception(error)
        except standard.InvalidStateError:
            return False
        self._called_off = _nothing
        return True

    @override
    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the outcome, and give its error, or None; as the standard library's."""
        error = super().exception(timeout)
        if isinstance(error, _OfTheParent):  # no outcome of the task
            raise error
        return error

    def _instead(self) -> str:
        return (
            "its outcome arrives in this process; pass its result(), or keep its task_id and task_group_id "
            "(`Executor.reload_tasks` makes new ones from these)"
        )

    # What follows is asked for by every method that waits, and by `wait` and `as_completed`, before they do so.

    def _own(self) -> threading.Condition:
        if self._born != generation.number:
            self._inherit()
        return self._own_condition

    def _have(self, condition: threading.Condition) -> None:
        self._own_condition = condition

    if TYPE_CHECKING:
        _condition: threading.Condition  # as in the base class, for whoever passes futures to `as_completed`
    else:
        _condition = property(_own, _have)

    def _inherit(self) -> None:
        """Make this future fit for a forked child: its outcome, if it has none yet, goes to the parent alone."""
        with generation.lock:
            if self._born == generation.number:
                return
            self._own_condition = threading.Condition()
            self._waiters: list[Any] = []
            self._done_callbacks: list[Any] = []
            self._called_off = _nothing
            if self._state in {standard.PENDING, standard.RUNNING}:
                self._exception = _OfTheParent(
                    "this Future was made before the process forked, and its result goes to the parent: wait for it "
                    "there. In the child, submit again and wait for the new Future"
                )
                self._state = standard.FINISHED
            self._born = generation.number

    def __await__(self) -> Generator[Any, None, T]:
        """Wait in asyncio code. Cancelling the asyncio task that waits cancels the call, as `cancel_remote` does."""
        return _bridge(self).__await__()


def _bridge(future: Future[T]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[T] = loop.create_future()

    def copy() -> None:
        if waiting.done():
            return
        if future.cancelled():
            waiting.cancel()
            return
        error = future.exception()
        if error is None:
            waiting.set_result(future.result())
        elif isinstance(error, StopIteration):  # asyncio cannot carry it: it would end the coroutine in silence
            told = RuntimeError(f"the task raised {error!r}, which cannot be raised in a coroutine")
            told.__cause__ = error
            waiting.set_exception(told)
        else:
            waiting.set_exception(error)

    def settled(_future: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(copy)

    def given_up(waiting: asyncio.Future[T]) -> None:
        if waiting.cancelled():
            future.cancel_remote()

    waiting.add_done_callback(given_up)
    future.add_done_callback(settled)
    return waiting
