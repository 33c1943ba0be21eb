"""The submitter: sends a batch and tells the table which tasks came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import FarpoolError, PayloadTooLarge, ServiceRefused, WireError
from ..wire.rest import SubmitReply, SubmitRequest
from .renewal import renew
from .task import Batch, Task

log = logging.getLogger(__name__)


class Submitter:
    """Sends batches, one after the other; a batch that fails takes nobody with it but its own tasks.

    Args:
        submit: sends the request of a batch; blocks; raises a `FarpoolError`.
        request_of: builds the request of a batch.
        accepted: called with the tasks, their ids (in the same order) and the answer.
        failed: called with a task and its error.
    """

    def __init__(
        self,
        *,
        submit: Callable[[Batch, SubmitRequest], SubmitReply],
        request_of: Callable[[Batch], SubmitRequest],
        accepted: Callable[[Sequence[tuple[Task, str]], SubmitReply], None],
        failed: Callable[[Task, BaseException], None],
    ) -> None:
        self._submit = submit
        self._request_of = request_of
        self._accepted = accepted
        self._failed = failed

    def send(self, batch: Batch) -> None:
        """Send a batch. Blocks until the service has answered; never raises for what the service says.

        A refusal may concern one function or the size only: the batch is then split and its parts sent on their own, so
        that tasks which did nothing wrong are not lost. A function that the service has forgotten is registered anew.
        """
        try:
            reply = self._submit(batch, self._request_of(batch))
            pairs = _pair(batch, reply)
        except ServiceRefused as error:
            parts = _split(batch, error)
            if len(parts) > 1:
                log.info(
                    "batch of %d tasks was refused (%s): sending it in %d parts", len(batch.tasks), error, len(parts)
                )
                for part in parts:
                    self.send(part)
            else:
                self._send_renewed(batch, error)
        except FarpoolError as error:
            self._fail(batch, error)
        else:
            self._accepted(pairs, reply)

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


def _split(batch: Batch, error: ServiceRefused) -> list[Batch]:
    if isinstance(error, PayloadTooLarge):
        middle = len(batch.tasks) // 2
        parts: list[Sequence[Task]] = [batch.tasks[:middle], batch.tasks[middle:]]
    else:
        parts = list(batch.by_function().values())
    return [Batch(batch.route, part) for part in parts if part]
