"""The dispatch: from the batcher to the service, through every fault, until the service has answered or patience ends.

Batcher ====> take ----> Submitter.send --REST--> answered ----> accepted, or failed for good
   ^                          |
   '--- hold <--- postpone <--' a fault that passes
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import FarpoolError, ServiceError, TaskUncertain
from ...wire.rest import SubmitReply, SubmitRequest
from .batcher import Batcher
from .sending import Outage, Sending
from .settlement import Settlement
from .submitter import Submitter
from .task import Batch, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a dispatch needs of the service and of the pipeline.

    Attributes:
        submit: submits tasks to an endpoint under an idempotency key, trying once; raises a `FarpoolError`.
        repeats: whether a request that may have been taken can be sent again: the service knows it by its key.
        pace: waits for the turn of one more request.
        sendable: says what is to be sent of a batch now, if anything: some of it may have gone elsewhere.
        request_of: builds the request of a batch.
        key_of: notes that a request is about to be sent, and gives its key.
        accepted: called with the tasks, their ids (in the same order) and the answer.
        failed: called with a task and its error.
        is_broken: whether the pipeline is broken: then nothing is sent again.
    """

    submit: Callable[[str, SubmitRequest, str], SubmitReply]
    repeats: bool
    pace: Callable[[], None]
    sendable: Callable[[Batch], Batch | None]
    request_of: Callable[[Batch], SubmitRequest]
    key_of: Callable[[Batch, SubmitRequest], str]
    accepted: Callable[[Sequence[tuple[Task, str]], SubmitReply], None]
    failed: Callable[[Task, BaseException], None]
    is_broken: Callable[[], bool]


class Dispatch:
    """Sends what the batcher gives out, in one thread. Requests that meet a fault that passes are held, and sent again.

    Args:
        batcher: what is to be sent, and what is held.
        settlement: where the futures are.
        patience_s: how long to keep trying.
    """

    def __init__(self, batcher: Batcher, settlement: Settlement, desk: Desk, *, patience_s: float) -> None:
        self._batcher = batcher
        self._settlement = settlement
        self._desk = desk
        self._outage = Outage(patience_s)
        self._submitter = Submitter(
            prepare=self._prepare,
            submit=self._submit,
            postpone=self._postpone,
            accepted=self._accepted,
            failed=self._failed,
            ended=lambda _sending: settlement.table.end(),
        )

    def next(self, cause: Callable[[BaseException], BaseException]) -> bool:
        """Wait for the next and send it.

        Args:
            cause: makes the error of the futures that are left where this raises, which is a bug.

        Returns:
            False when the batcher is closed and nothing waits.
        """
        # A frame of its own: while the next batch is waited for, nothing here refers to the futures of the last.
        work = self._batcher.take()
        if work is None:
            return False
        batch = work.batch if isinstance(work, Sending) else work
        try:
            if isinstance(work, Batch):
                work = self._desk.sendable(work)
            if work is None:
                return True
            if isinstance(work, Sending) and not (self._is_wanted(work) or work.is_uncertain):
                self._settlement.table.end()
                self._call_off(work.batch)
            else:
                self._submitter.send(work)
        except BaseException as error:
            for task in batch.tasks:
                if not task.future.done() and task.future.task_id is None:
                    self._settlement.fail(task.future, cause(error))
            raise
        return True

    def _prepare(self, batch: Batch) -> Sending:
        request = self._desk.request_of(batch)
        sending = Sending(batch, request, self._desk.key_of(batch, request))
        self._settlement.table.begin()
        self._settlement.meter.requested()
        return sending

    def _submit(self, sending: Sending) -> SubmitReply:
        self._desk.pace()
        now = time.time()
        for task in sending.batch.tasks:
            task.future.was_sent(now)
        if sending.tries:
            self._settlement.meter.sent_again(len(sending.batch.tasks))
        return self._desk.submit(sending.batch.route.endpoint_id, sending.request, sending.key)

    def _accepted(self, pairs: Sequence[tuple[Task, str]], reply: SubmitReply) -> None:
        self._outage.end()
        self._desk.accepted(pairs, reply)

    def _postpone(self, sending: Sending, error: FarpoolError) -> bool:
        if not isinstance(error, ServiceError):
            return False
        sending.is_uncertain |= error.perhaps_done
        if not error.is_passing:
            self._outage.end()
            return False
        if self._desk.is_broken() or not self._is_wanted(sending):
            return False
        if sending.is_uncertain and not self._desk.repeats:
            return False
        wait_s = self._outage.next_s(sending, error)
        if wait_s is None:
            return False
        log.debug("request %s, try %d: %s; next in %.2f s", sending.key, sending.tries, error, wait_s)
        return self._batcher.hold(sending, wait_s, all_wait=self._outage.is_for_all(error, self._batcher.held))

    def _failed(self, task: Task, error: BaseException) -> None:
        if self._settlement.is_calling_off and _is_fault(error):
            task.future.cancel_remote()
        else:
            self._desk.failed(task, error)

    def _is_wanted(self, sending: Sending) -> bool:
        return sending.is_wanted and not self._settlement.is_calling_off

    @staticmethod
    def _call_off(batch: Batch) -> None:
        for task in batch.tasks:
            task.future.cancel_remote()


def _is_fault(error: BaseException) -> bool:
    return isinstance(error, TaskUncertain) or (isinstance(error, ServiceError) and error.is_passing)
