r"""The pipeline: the executor's parts, wired together, and the two threads that drive them.

     caller's threads             thread "submit"                          thread "results"
     put(task)
       Settlement.begin
       Batcher  ================> Dispatch: Batcher.take
          ^                       Service.pace
          '----- a fault -------- Submitter.send  --REST-->               ResultStreams <== AMQP
                                    Settlement.accepted                     Settlement.deliver
                                                                              value, error or another attempt

A pipeline knows no executor: it goes on without one until its last future is settled.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from ...amqp import Loop, Patience
from ...errors import AccessDenied, RateLimited, ServiceRefused, StreamError, TaskUncertain
from ...wire.messages import Result
from ...wire.rest import SubmitReply, TaskDocument
from ..future import Future
from ..journal import NO_JOURNAL, NoJournal
from .batcher import Batcher
from .dispatch import Desk, Dispatch
from .moves import Moves
from .presence import Presence
from .service import Service
from .settlement import Settlement
from .stats import Stats
from .streams import ResultStreams
from .task import Task
from .threads import start

log = logging.getLogger(__name__)


class Pipeline:
    """From packed tasks to settled futures.

    Args:
        service: the web service.
        deserialize: reads a value.
        batch_size, batch_bytes: bounds of a batch: tasks, and characters of payload.
        amqp_port: overrides the port of the result stream.
        patience: how long to keep trying to submit, and to open the result streams.
        ended: called in the results thread when everything is over, with whether it is to be quick.
        fatal: says whether the failure of a task breaks the pipeline: gives what it breaks for, or None.
        journal: what is submitted and what comes of it is written there; ends with the pipeline.
        on_exit: what becomes of tasks when the interpreter exits: see `exits`.
    """

    def __init__(
        self,
        service: Service,
        *,
        deserialize: Callable[[str], Any],
        batch_size: int,
        batch_bytes: int,
        amqp_port: int | None = None,
        patience: Patience,
        ended: Callable[[bool], None],
        fatal: Callable[[BaseException], BaseException | None] | None = None,
        journal: NoJournal = NO_JOURNAL,
        on_exit: str = "wait",
    ) -> None:
        self.journal = journal
        self.on_exit = on_exit
        self._service = service
        self._ended = ended
        self._fatal = fatal
        self._pid = os.getpid()
        self._task_group_id: str | None = None
        self._closing = threading.Event()
        self._is_ending = self._is_detached = self._is_hurried = False
        self._broken: BaseException | None = None
        self._batcher = Batcher(max_tasks=batch_size, max_bytes=batch_bytes)
        self._loop = Loop()
        self._settlement = Settlement(
            self._loop,
            deserialize=deserialize,
            cancel=service.cancel,
            again=self._put_again,
            settled=self._settled,
            breaking=self._breaking,
            moving=self._is_moving,
            journal=journal,
        )
        table = self._settlement.table
        self._moves = Moves(
            self._loop,
            get_status=service.get_endpoint_status,
            strand=service.strand,
            forget=table.forget,
            call_off=self._settlement.call_off,
            again=self._again,
            journal=journal,
            paced=service.paced,
        )
        self._streams = ResultStreams(
            self._loop,
            find_queue=service.find_queue,
            attach=service.attach,
            reconnected=self._settlement.meter.reconnected,
            get_status=service.get_status,
            outstanding=table.outstanding,
            deliver=self._deliver,
            failed=self._stream_failed,
            amqp_port=amqp_port,
            patience=patience,
        )
        self._presence = Presence(
            self._loop,
            owed=table.owed,
            delivered=lambda: self._settlement.delivered,
            get_status=service.get_endpoint_status,
            reconcile=self._streams.ask,
        )
        desk = Desk(
            submit=service.submit,
            repeats=service.repeats,
            pace=self.pace,
            request_of=lambda batch: batch.request(
                self._task_group_id, service.user_runtime, extended=service.cancel is not None
            ),
            sendable=self._moves.sendable,
            key_of=journal.sending,
            accepted=self._accepted,
            failed=self._refused,
            is_broken=lambda: self._broken is not None,
        )
        self._dispatch = Dispatch(self._batcher, self._settlement, desk, patience_s=patience.away_s)
        self._threads = [
            start("submit", self._run_submit, self.fail),
            start("results", self._run_results, self.fail),
        ]

    @property
    def task_group_id(self) -> str | None:
        """The task group the service made for tasks that name none; None before the first was accepted."""
        return self._task_group_id

    def adopt(self, task_group_id: str | None) -> None:
        """Have tasks that name no group join one that the service made for an earlier pipeline, if there is one."""
        self._task_group_id = self._task_group_id or task_group_id

    def stats(self) -> Stats:
        """Give the figures of what was done so far."""
        figures = self._settlement.stats(retries=self._service.retries())
        return replace(figures, moved=self._moves.moved, throttled_s=self._service.throttled_s())

    def registered(self) -> None:
        """Let one more registration keep the pace, and count it."""
        self.pace()
        self._settlement.meter.registered()

    def pace(self) -> None:
        """Let what can wait gather before one more request, such as a registration; the client counts what is sent."""
        self._service.pace(self._closing.wait)

    def called_off(self, future: Future[Any]) -> None:
        """Take note that a future of this pipeline was cancelled. Thread-safe."""
        if os.getpid() == self._pid:
            self._settlement.called_off(future)
            self._batcher.hurry(unwanted=True)

    def give_up_on(self, futures: Sequence[Future[Any]]) -> None:
        """Cancel what no worker has begun, as nobody wants it any more. Thread-safe; sends from the results thread."""
        if os.getpid() == self._pid:
            self._settlement.give_up_on(futures)

    def abandon(self, futures: Sequence[Future[Any]]) -> None:
        """Do as `give_up_on`, a little later. Takes no lock: may be called by the garbage collector, at any time."""
        if os.getpid() == self._pid:
            self._loop.call_from_anywhere(lambda: self._settlement.give_up_on(futures))

    def put(self, task: Task) -> None:
        """Have a task sent.

        Raises:
            RuntimeError: the pipeline is closed, broken (`BrokenExecutor`), or was made before a fork.
        """
        self.check()
        task = self._moves.place(task)
        self.journal.put(task)
        self._settlement.begin(task)
        if not self._batcher.put(task):
            task.future.cancel()
            self.check()
            raise RuntimeError("cannot schedule new futures after shutdown")

    def check(self) -> None:
        """Raise what `put` would raise for a broken pipeline."""
        if self._broken is not None:
            raise BrokenExecutor(f"this executor is broken and takes no more tasks: {self._broken}") from self._broken
        if os.getpid() != self._pid:
            raise RuntimeError(
                "this Executor was made before the process forked: its connections belong to the parent. "
                "Make a new Executor in the child"
            )

    def attach(
        self,
        task_group_id: str,
        futures: Sequence[tuple[str, Future[Any]]],
        documents: Sequence[TaskDocument] | None = None,
    ) -> None:
        """Have futures wait for tasks that are at the service already, and settle those that are finished.

        Args:
            task_group_id: the group of the tasks.
            futures: pairs of a task id and the future that stands for it.
            documents: what the service says of those that are finished; None: it is asked.
        """
        self.check()
        self._settlement.attach(futures)
        self._streams.open(task_group_id)
        if documents is None:
            self._loop.call(lambda: self._streams.reconcile([task_id for task_id, _ in futures]))
        for document in documents or ():
            self._loop.call(partial(self._deliver, document))
        self._loop.call(self._presence.watch)

    def close(self, *, cancel_futures: bool = False, running: bool = False) -> None:
        """Take no more tasks; end when every future is settled. Returns at once.

        Args:
            cancel_futures: cancel what no worker has begun.
            running: cancel what runs, too.
        """
        if os.getpid() != self._pid:
            return
        self._batcher.close()
        if cancel_futures or running:
            self._moves.stop()
            for task in self._batcher.drain(spare_next=not running):
                task.future.cancel()
            self._settlement.cancel_rest(running=running)
            self._batcher.hurry()  # what has met a fault has one more try
        self._closing.set()
        self._loop.call(self._end_if_done)

    def interrupt(self) -> None:
        """Cancel everything, also what runs, and end as soon as possible. Returns at once."""
        self._is_hurried = True
        self.close(running=True)

    def detach(self) -> None:
        """Take no more tasks, and end when all are sent: whoever takes up their task group gets the results."""
        self._is_detached = True
        self.close()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until everything is over. In a thread of the pipeline itself (a callback): does not wait.

        Returns:
            False when it is not over, after `timeout` seconds.
        """
        if os.getpid() != self._pid:
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def is_broken(self) -> bool:
        """Whether something has happened that no task survives."""
        return self._broken is not None

    @property
    def pending(self) -> int:
        """How many tasks have no outcome."""
        return self.stats().in_flight

    def fail(self, error: BaseException) -> None:
        """Break: every future that waits gets the cause, and nobody waits for ever. Thread-safe."""
        self._broken = error
        self._batcher.end()
        self._closing.set()
        unsent = [*self._batcher.drain(), *self._batcher.drain_held()]
        for future in [*(task.future for task in unsent), *self._settlement.drain()]:
            self._settlement.fail(future, self._cause(error))
        self._loop.call(self._end)

    @staticmethod
    def _cause(error: BaseException) -> BrokenExecutor:
        broken = BrokenExecutor(f"the executor broke before this task's result came: {error}")
        broken.__cause__ = error
        return broken

    def _breaking(self, error: BaseException) -> BaseException | None:
        cause = None if self._fatal is None else self._fatal(error)
        if cause is None:
            return None
        if self._broken is None:
            self._settlement.call_off(self._settlement.table.outstanding())
            self.fail(cause)
        return self._cause(cause)

    # ---- thread "submit"

    def _run_submit(self) -> None:
        while self._dispatch.next(self._cause) or self._is_more():
            pass

    def _is_more(self) -> bool:
        self._loop.call(self._end_if_done)
        return self._batcher.wait()  # closed: what is on its way may still come back for another attempt

    def _is_moving(self, future: Future[Any], error: BaseException) -> bool:
        return self._moves.takes(future, error)

    def _put_again(self, task: Task) -> bool:
        return self._batcher.put(self._moves.placed_again(task), again=True)

    def _again(self, task: Task) -> None:
        if not self._batcher.put(task, again=True):
            self._settlement.fail(task.future, self._cause(self._broken or RuntimeError("it is shut down")))

    def _refused(self, task: Task, error: BaseException) -> None:
        # Where the whole executor broke meanwhile (the embedded stack died), that is the cause, and the rest follows.
        if self._broken is None:
            # What another login or another day may change is not the end of a task that is in the journal.
            if isinstance(error, (ServiceRefused, TaskUncertain)) and not isinstance(
                error, (AccessDenied, RateLimited)
            ):
                self.journal.refused(task.future, error)
            self._settlement.failed(task.future, error)
        else:
            self._settlement.fail(task.future, self._cause(self._broken))

    def _accepted(self, pairs: Sequence[tuple[Task, str]], reply: SubmitReply) -> None:
        group = reply.task_group_id
        if self._task_group_id is None and pairs[0][0].route.task_group_id is None:
            self._task_group_id = group
        self.journal.accepted(pairs, group, is_own=group == self._task_group_id)
        deliver_early = self._settlement.accepted(pairs, group)
        self._streams.open(group)
        self._loop.call(self._presence.watch)
        deliver_early()
        if self._broken is not None:  # broke while this batch was in flight
            self.fail(self._broken)

    # ---- thread "results"

    def _run_results(self) -> None:
        try:
            self._loop.run()
        finally:
            try:
                self.journal.close(ended=self._broken is None and not self._is_detached)
            finally:
                self._ended(self._is_hurried)

    def _deliver(self, result: Result | TaskDocument) -> None:
        self._settlement.deliver(result)
        if self._closing.is_set():
            self._end_if_done()

    def _stream_failed(self, task_group_id: str, error: StreamError) -> None:
        self._settlement.give_up(task_group_id, error)
        self._end_if_done()

    def _settled(self) -> None:
        if self._closing.is_set():
            self._loop.call(self._end_if_done)

    def _end_if_done(self) -> None:
        is_done = self._settlement.is_empty or self._is_detached
        if self._closing.is_set() and is_done and self._batcher.is_idle:
            self._end()

    def _end(self) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self._batcher.end()
        self._settlement.flush()
        self._streams.close(self._loop.stop)
