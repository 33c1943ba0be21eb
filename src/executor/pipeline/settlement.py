r"""The settlement: how futures come to their outcome. Takes what the pipeline's two threads bring, starts none.

begin(task) --> accepted(pairs) --> deliver(result) --> value -----------------------> Future
|                   |
|                   '-----------> error --> Attempts -- no ----> Future
|                                              '-- again(task), in a while
Alarms (deadline) ----+--> error        Future.cancel* --> called_off --> Cancels --> service
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...amqp import Loop
from ...client import VersionWatch
from ...errors import FarpoolError, TaskCancelled, TaskTimeout
from ...wire.blobs import blobs_in, is_referenced
from ...wire.messages import Result
from ...wire.rest import TaskDocument
from ..future import Future
from ..journal import NO_JOURNAL, NoJournal
from ..timings import told_in
from .alarms import Alarms
from .attempts import Attempts
from .cancels import Cancels
from .downloads import Downloads
from .outcome import outcome_of
from .stats import Meter, Stats
from .table import FutureTable
from .task import Task

log = logging.getLogger(__name__)


class Settlement:
    """Brings each future to its one outcome: a value, an error, or cancelled.

    Args:
        loop: where timers and requests live.
        deserialize: reads a value.
        cancel: asks the service to cancel tasks, running ones too or not; None where it cannot.
        again: sends a task once more; False when no more is sent.
        settled: called after something was settled that may have been the last.
        breaking: called with the failure of an attempt; gives what to tell of it when that breaks everything.
        moving: called with the failure of an attempt; True when its task is on its way to another endpoint.
        journal: outcomes are written there.

    Attributes:
        table: the futures that wait for a result.
        meter: counts.
        delivered: how many results have come.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        deserialize: Callable[[str], Any],
        cancel: Callable[[Sequence[str], bool], object] | None,
        again: Callable[[Task], bool],
        settled: Callable[[], None],
        breaking: Callable[[BaseException], BaseException | None] = lambda _error: None,
        moving: Callable[[Future[Any], BaseException], bool] = lambda _future, _error: False,
        journal: NoJournal = NO_JOURNAL,
    ) -> None:
        self._journal = journal
        self._loop = loop
        self._deserialize = deserialize
        self._again = again
        self._settled = settled
        self._breaking = breaking
        self._moving = moving
        self._can_cancel = cancel is not None
        self._versions = VersionWatch()
        self._calling_off = self._with_running = False
        self._attempts = Attempts()
        self._alarms = Alarms(loop)
        self._cancels = Cancels(loop, cancel, self._not_told)
        self.table: FutureTable[Result | TaskDocument] = FutureTable()
        self.meter = Meter()
        self._reading: set[Future[Any]] = set()  # their results are being fetched
        self._downloads = Downloads(settled)
        self.delivered = 0

    @property
    def is_empty(self) -> bool:
        """Whether no future waits: neither for a result, or the rest of it, nor for another attempt."""
        is_reading = any(not future.done() for future in tuple(self._reading))
        return not len(self.table) and not self._attempts.waiting() and not is_reading

    @property
    def is_calling_off(self) -> bool:
        """Whether everything that is not done is being cancelled."""
        return self._calling_off

    def stats(self, *, retries: int = 0) -> Stats:
        """Give the figures; `retries`: requests beside those that submit tasks that were sent again."""
        return self.meter.read(retried=self._attempts.made, retries=retries)

    # ---- the way of a task

    def begin(self, task: Task) -> None:
        """Take note of a task that is about to be sent for the first time."""
        self.meter.submitted(len(task.payload))
        self._attempts.keep(task)
        if task.due is not None:
            self._loop.call(partial(self._alarms.set, task.future, task.due, self._overdue))

    def accepted(self, pairs: Sequence[tuple[Task, str]], task_group_id: str) -> Callable[[], None]:
        """Have the futures of tasks wait for the results of their task ids.

        Returns:
            What is to be called when the stream of the task group is being opened.
        """
        for task, task_id in pairs:
            task.future.task_id = task_id
            task.future.task_group_id = task_group_id
        early = self.table.expect([(task_id, task.future) for task, task_id in pairs])
        gone = [task_id for task, task_id in pairs if task.future.done() and self.table.forget(task_id)]
        self._cancels.add(gone)  # cancelled while the request was under way
        unwanted = [task.future for task, _ in pairs if self._calling_off or task.future.is_unwanted]
        if unwanted:
            self._cancel_sent(unwanted)
        if not self._can_cancel:
            self._loop.call(partial(self._limit, [(task, task_id) for task, task_id in pairs if task.route.timeout_s]))

        def deliver() -> None:
            for future, result in early:
                self._settle(future, result)

        return deliver

    def attach(self, futures: Sequence[tuple[str, Future[Any]]]) -> None:
        """Have futures wait for tasks that are at the service already."""
        for _ in futures:
            self.meter.submitted(0)
        for future, result in self.table.expect(futures):
            self._settle(future, result)

    def deliver(self, result: Result | TaskDocument) -> None:
        """Settle the future that waits for a result."""
        future = self.table.match(result.task_id, result)
        if future is None:
            log.debug("result of task %s: nobody waits for it (yet)", result.task_id)
            return
        self.delivered += 1
        self._settle(future, result)

    def give_up(self, task_group_id: str, error: FarpoolError) -> None:
        """Fail every future that waits for a result of a task group."""
        for future in self.table.futures():
            if future.task_group_id == task_group_id and self.table.forget(future.task_id):
                self.fail(future, error)

    def failed(self, future: Future[Any], error: BaseException) -> None:
        """Take the failure of an attempt: another one follows, or the future has its outcome."""
        unwanted = self._calling_off or future.is_unwanted
        if unwanted and isinstance(error, TaskCancelled):
            future.cancel_remote()
            return
        if self._moving(future, error):
            return
        broken = self._breaking(error)
        if broken is not None:
            self.fail(future, broken)
            return
        following = None if future.done() or future.is_unwanted else self._attempts.next(future, error)
        if following is None:
            self.fail(future, error)
        else:
            task, wait_s = following
            self._loop.call(lambda: self._later(task, wait_s, error))

    def fail(self, future: Future[Any], error: BaseException) -> None:
        """Give a future an error for good."""
        self._attempts.drop(future)
        self._end(future, None, error)

    # ---- cancelling

    def called_off(self, future: Future[Any]) -> None:
        """Take note that somebody cancelled a future. Thread-safe."""
        self.meter.cancelled()
        self._journal.cancelled(future)
        self._attempts.drop(future)
        task_id = future.task_id
        if task_id is not None and self.table.forget(task_id):
            self._cancels.add([task_id])
        self._settled()

    def cancel_rest(self, *, running: bool) -> None:
        """Cancel what has been sent or is being sent.

        Args:
            running: also what runs already. Where the service cannot tell, everything is cancelled on this side.
        """
        self._calling_off = True
        self._with_running |= running
        with self._cancels.held():
            self._cancel_sent(self.table.futures())
            for future in (*self._attempts.waiting(), *(tuple(self._reading) if running else ())):
                future.cancel_remote()

    def call_off(self, task_ids: Sequence[str]) -> None:
        """Have the service cancel tasks; the futures are not touched."""
        self._cancels.add(task_ids)

    def give_up_on(self, futures: Sequence[Future[Any]]) -> None:
        """Cancel, of these futures, what no worker has begun; nobody waits for what runs. Thread-safe."""
        for future in futures:
            future.is_unwanted = True
        self._cancel_sent([future for future in futures if not future.cancel() and not future.done()])
        for future in set(futures).intersection(self._attempts.waiting()):
            future.cancel_remote()

    def flush(self) -> None:
        """Send the cancels that were gathered, and forget the alarms. Loop thread only."""
        self._cancels.flush(last=True)
        self._alarms.clear()

    def drain(self) -> list[Future[Any]]:
        """Take out every future that waits, for a failure that none of them can survive."""
        return [*self.table.drain(), *self._attempts.waiting(), *tuple(self._reading)]

    # ---- inside

    def _not_told(self, task_ids: Sequence[str]) -> None:
        gone = set(task_ids)
        for future in [one for one in self.table.futures() if one.task_id in gone]:
            future.cancel_remote()

    def _settle(self, future: Future[Any], result: Result | TaskDocument) -> None:
        future.was_told(told_in(result), time.time())
        self._versions.look(result, future.endpoint_id)
        if is_referenced(_text_of(result)):
            self._reading.add(future)
            self._downloads.put(partial(self._fetch, future, result))
        else:
            self._read(future, result)

    def _fetch(self, future: Future[Any], result: Result | TaskDocument) -> None:
        try:
            if not future.done():  # cancelled, or failed with all others, while it waited
                self._read(future, result)
        finally:
            self._reading.discard(future)

    def _read(self, future: Future[Any], result: Result | TaskDocument) -> None:
        value, error = outcome_of(future, result, self._deserialize)
        self._journal.result(future, result, failed=error is not None)
        if error is None:
            self._attempts.drop(future)
            self._end(future, value, None, _size_of(result))
        else:
            self.failed(future, error)

    def _end(self, future: Future[Any], value: Any, error: BaseException | None, size_bytes: int = 0) -> None:
        # Counted first: who has the result and looks at the figures finds it there.
        latency_s = future.age_s
        future.size_bytes = max(future.size_bytes, size_bytes)
        self.meter.settled(latency_s, size_bytes, failed=error is not None)
        if not future.settle(value, error):
            self.meter.take_back(failed=error is not None)

    def _cancel_sent(self, futures: Sequence[Future[Any]]) -> None:
        if self._can_cancel and not self._with_running:
            self._cancels.add([one.task_id for one in futures if one.task_id is not None], running=False)
        else:
            for future in futures:
                future.cancel_remote()

    def _later(self, task: Task, wait_s: float, error: BaseException) -> None:
        def begin() -> None:
            if self._attempts.begin(task.future) and not self._again(task):
                self.fail(task.future, error)
            self._settled()

        self._loop.call_later(wait_s, begin)

    def _overdue(self, future: Future[Any]) -> None:
        self.table.forget(future.task_id)
        message = f"no outcome {future.age_s:.1f} s after it was submitted, which is past the deadline set for it"
        error = TaskTimeout(message, **_facts(future))
        self._journal.refused(future, error)
        self.fail(future, error)
        if future.task_id is not None:
            self._cancels.add([future.task_id])
        self._settled()

    def _limit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        """Set the time-outs of tasks that only this side can watch over: they count from when the service took them."""
        for task, task_id in tasks:
            limit_s = task.route.timeout_s or 0.0
            self._alarms.set(task.future, time.monotonic() + limit_s, partial(self._too_slow, task_id, limit_s))

    def _too_slow(self, task_id: str, limit_s: float, future: Future[Any]) -> None:
        if self.table.forget(task_id):
            message = f"no result {limit_s:g} s after the service took it, which is the time-out; it may still run"
            self.failed(future, TaskTimeout(message, **_facts(future)))
            self._settled()


def _facts(future: Future[Any]) -> dict[str, str | None]:
    return {"task_id": future.task_id, "endpoint_id": future.endpoint_id, "function_id": future.function_id}


def _text_of(result: Result | TaskDocument) -> str:
    return result.data if isinstance(result, Result) else result.result or ""


def _size_of(result: Result | TaskDocument) -> int:
    text = _text_of(result)
    return len(text) + sum(blobs_in(text).values())
