"""Endings: tasks that the service itself gives up, because their endpoint will never run them.

A client is told in the same way as by an endpoint: with a result that holds an error.
"""

from __future__ import annotations

import logging

from ..wire import ErrorDetails, Result, encode
from ..wire.queues import task_queue
from .outbox import Outbox
from .results import ResultIntake, Returned
from .store import Database, tasks

log = logging.getLogger(__name__)

#: The code of a task whose endpoint could not start, or is no more.
ENDPOINT_OFFLINE = "ENDPOINT_OFFLINE"
#: The code of a task that was called off.
TASK_CANCELLED = "TASK_CANCELLED"

#: Tasks given up in one transaction.
_CHUNK = 200


class Endings:
    """Gives tasks up. Every method belongs to the event loop's thread."""

    def __init__(self, database: Database, outbox: Outbox, results: ResultIntake) -> None:
        self._database = database
        self._outbox = outbox
        self._results = results

    async def could_not_start(self, endpoint_id: str, reason: str) -> None:
        """Fail the unfinished tasks of an endpoint that reports that it cannot start."""
        log.warning("endpoint %s could not start: %s", endpoint_id, reason)
        await self._fail(endpoint_id, f"endpoint {endpoint_id} could not start: {reason}", keep_queue=True)

    async def was_deleted(self, endpoint_id: str) -> None:
        """Fail the unfinished tasks of an endpoint that was deleted, and delete its queue."""
        text = f"endpoint {endpoint_id} was deleted before it ran the task; submit it to another endpoint"
        await self._fail(endpoint_id, text, keep_queue=False)

    async def _fail(self, endpoint_id: str, text: str, *, keep_queue: bool) -> None:
        queue = task_queue(endpoint_id)
        # What is failed here must not be run later, when the endpoint starts after all.
        await self._outbox.drop(queue)
        if keep_queue:
            await self._outbox.declare(queue)
        open_ids = await self._database.read(lambda connection: tasks.open_ids(connection, endpoint_id))
        for start in range(0, len(open_ids), _CHUNK):
            await self._results.settle(
                [_ended(task_id, ENDPOINT_OFFLINE, text) for task_id in open_ids[start : start + _CHUNK]]
            )


def called_off(task_id: str, *, unless_begun: bool = False, reason: str | None = None) -> Returned:
    """Make the outcome of a task that was called off, and whose endpoint is not waited for.

    Args:
        task_id: the task.
        unless_begun: it does not count for a task that runs.
        reason: why, where nobody asked for it.
    """
    text = f"task {task_id} was cancelled before its endpoint returned a result"
    if reason is not None:
        text = f"task {task_id} was given up: {reason}"
    return _ended(task_id, TASK_CANCELLED, text, unless_begun=unless_begun)


def _ended(task_id: str, code: str, text: str, *, unless_begun: bool = False) -> Returned:
    message = encode(Result(task_id, text, error_details=ErrorDetails(code, text)))
    return Returned(task_id, None, code, message, unless_begun=unless_begun)
