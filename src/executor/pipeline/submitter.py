"""The submitter: sends a batch and tells the table which tasks came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from ...client import uncertain
from ...errors import FarpoolError, PayloadTooLarge, ServiceError, ServiceRefused, TaskUncertain, WireError
from ...wire.rest import SubmitReply
from .renewal import renew
from .sending import Sending, parts_of
from .task import Batch, Task

log = logging.getLogger(__name__)


class Submitter:
    """Sends batches, one after the other; a batch that fails takes nobody with it but its own tasks.

    Args:
        prepare: makes the request of a batch; whatever it begins, `ended` ends.
        submit: sends a request; blocks; raises a `FarpoolError`.
        postpone: told of a fault; whether the request is sent again later, by `send`.
        accepted: called with the tasks, their ids (in the same order) and the answer.
        failed: called with a task and its error.
        ended: called with a request that is not sent again.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[Batch], Sending],
        submit: Callable[[Sending], SubmitReply],
        postpone: Callable[[Sending, FarpoolError], bool],
        accepted: Callable[[Sequence[tuple[Task, str]], SubmitReply], None],
        failed: Callable[[Task, BaseException], None],
        ended: Callable[[Sending], None],
    ) -> None:
        self._prepare = prepare
        self._submit = submit
        self._postpone = postpone
        self._accepted = accepted
        self._failed = failed
        self._ended = ended

    def send(self, work: Batch | Sending) -> None:
        """Send a batch, or a request that failed, again. Blocks until the service has answered; never raises for that.

        A refusal may concern one function or the size only: the batch is then split and its parts sent on their own, so
        that tasks which did nothing wrong are not lost. A function that the service has forgotten is registered anew.
        """
        sending = work if isinstance(work, Sending) else self._prepare(work)
        batch = sending.batch
        try:
            reply = self._submit(sending)
            pairs = _pair(batch, reply)
        except FarpoolError as error:
            if not self._postpone(sending, error):
                self._ended(sending)
                if sending.is_uncertain and isinstance(error, ServiceError) and not isinstance(error, PayloadTooLarge):
                    self._fail(batch, _caused(uncertain(error, batch.route.endpoint_id), error))
                else:
                    self._refused(batch, error)
        else:
            self._accepted(pairs, reply)
            self._ended(sending)

    def _refused(self, batch: Batch, error: FarpoolError) -> None:
        parts = parts_of(batch, error)
        if len(parts) > 1:
            log.info("batch of %d tasks was refused (%s): sending it in %d parts", len(batch.tasks), error, len(parts))
            for part in parts:
                self.send(part)
        elif isinstance(error, ServiceRefused):
            self._send_renewed(batch, error)
        else:
            self._fail(batch, error)

    def _send_renewed(self, batch: Batch, error: ServiceRefused) -> None:
        try:
            renewed = renew(batch, error)
        except FarpoolError as another:
            self._fail(batch, another)
        else:
            if renewed is None:
                self._fail(batch, error)
            else:
                self.send(renewed)

    def _fail(self, batch: Batch, error: BaseException) -> None:
        log.debug("batch of %d tasks failed: %s", len(batch.tasks), error)
        for task in batch.tasks:
            self._failed(task, error)


def _caused(error: TaskUncertain, cause: ServiceError) -> TaskUncertain:
    error.__cause__ = cause
    return error


def _pair(batch: Batch, reply: SubmitReply) -> list[tuple[Task, str]]:
    pairs: list[tuple[Task, str]] = []
    for function_id, tasks in batch.by_function().items():
        task_ids: Sequence[Any] = reply.tasks.get(function_id, ())
        if len(task_ids) != len(tasks):
            raise WireError(
                f"the service answered {len(task_ids)} task ids for {len(tasks)} tasks of function {function_id}"
                f" (request {reply.request_id}): which is which cannot be told"
            )
        pairs.extend(zip(tasks, task_ids, strict=True))
    return pairs
