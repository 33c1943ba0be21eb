"""The result intake: what endpoints return is judged, stored, and sent on to whoever waits for it.

    broker --batch--> read --> judge (task_state) --> store, one transaction --> outbox --> the task group's queue
                                                      `-- then the batch is acknowledged: nothing gets lost

A result is believed only from the endpoint that was given the task: the routing key says whose it is, and the broker
lets no endpoint use another's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from ..errors import WireError
from ..wire import Result, TaskState, decode
from ..wire.blobs import blobs_in
from ..wire.messages import TASK_DELIVERED
from ..wire.queues import results_routing_key
from .broker import Incoming
from .marks import Marks
from .outbox import Outbox, ResultParcel
from .store import Database, blobs, cancels, outcomes, tasks
from .store.tasks import Standing
from .task_state import Action, advance, outcome_event

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Returned:
    """A result as it came in.

    Attributes:
        routing_key: whose it is; None for one that the service made itself.
        error_code: what went wrong, or None when nothing did.
        message: the envelope, as it is stored and sent on.
        is_answer: whether it says that the endpoint knows now that the task is no longer wanted, and has had it.
        unless_begun: it does not count for a task that runs.
        blobs: what its value refers to.
    """

    task_id: str
    routing_key: str | None
    error_code: str | None
    message: bytes
    is_answer: bool = False
    unless_begun: bool = False
    blobs: tuple[str, ...] = ()


class ResultIntake:
    """Takes results in. Every method belongs to the event loop's thread."""

    def __init__(
        self, database: Database, outbox: Outbox, marks: Marks, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._marks = marks
        self._clock = clock

    async def handle(self, batch: Sequence[Incoming]) -> None:
        """Take a batch from the broker; it is safely stored when this returns."""
        read = (_read(incoming) for incoming in batch)
        await self.settle([returned for returned in read if returned is not None])

    async def settle(self, returned: Sequence[Returned]) -> set[str]:
        """Store what became of tasks, the first outcome of each, and send it on.

        Returns:
            The ids of the tasks that had no outcome before.
        """
        if not returned:
            return set()
        now = self._clock()

        def store(connection: Connection) -> list[tuple[Standing, bytes]]:
            standing = tasks.standing(connection, [one.task_id for one in returned])
            answered = _answered(returned, standing)
            if answered:
                cancels.answered(connection, answered, now)
            settled = _judge(returned, standing)
            outcomes.finish(connection, (outcome for _, outcome in settled), now)
            _use_blobs(connection, returned, {task.task_id: task for task, _ in settled}, now)
            return [(task, outcome.message) for task, outcome in settled]

        settled = await self._database.write(store)
        self._marks.settled(task.seq for task, _ in settled)
        self._send_on(settled)
        return {task.task_id for task, _ in settled}

    def _send_on(self, settled: Sequence[tuple[Standing, bytes]]) -> None:
        by_queue: dict[str, list[ResultParcel]] = {}
        for task, message in settled:
            if task.queue is not None:
                by_queue.setdefault(task.queue, []).append(ResultParcel(task.seq, task.task_id, message))
        for queue, parcels in by_queue.items():
            self._outbox.results(queue, parcels)


def _read(incoming: Incoming) -> Returned | None:
    try:
        message = decode(incoming.body)
    except WireError as error:
        log.warning("dropped a result from %s that cannot be read: %s", incoming.routing_key, error)
        return None
    if not isinstance(message, Result):
        log.error("dropped a %s from %s: it is no result", type(message).__name__, incoming.routing_key)
        return None
    code = None if message.error_details is None else message.error_details.code
    is_answer = code is not None and (message.details or {}).get(TASK_DELIVERED) is True
    return Returned(message.task_id, incoming.routing_key, code, incoming.body, is_answer, blobs=_blobs_in(message))


def _blobs_in(message: Result) -> tuple[str, ...]:
    if message.is_error:
        return ()
    try:
        return tuple(blobs_in(message.data))
    except WireError as error:
        log.warning("the result of task %s cannot be read: %s", message.task_id, error)
        return ()


def _use_blobs(
    connection: Connection, returned: Sequence[Returned], settled: Mapping[str, Standing], now: float
) -> None:
    """Note what results refer to: only what their endpoint has sent, or else it could look for what others have."""
    uses: dict[tuple[int, str], blobs.Use] = {}
    for one in returned:
        task = settled.get(one.task_id)
        if task is None or not one.blobs:
            continue
        owner = blobs.owner_of(connection, task.endpoint_id) or ""
        missing = blobs.missing(connection, one.blobs, owner)
        if missing:
            log.warning("the result of task %s refers to what its endpoint has not sent: %s", one.task_id, missing)
        for digest in one.blobs:
            if digest not in missing:
                uses[task.seq, digest] = blobs.Use(task.seq, digest, is_result=True)
    blobs.use(connection, list(uses.values()), now)


def _answered(returned: Sequence[Returned], standing: Mapping[str, Standing]) -> list[int]:
    answers = ((standing.get(one.task_id), one.routing_key) for one in returned if one.is_answer)
    return [task.seq for task, key in answers if task is not None and key == results_routing_key(task.endpoint_id)]


def _judge(returned: Sequence[Returned], standing: dict[str, Standing]) -> list[tuple[Standing, outcomes.Outcome]]:
    settled: list[tuple[Standing, outcomes.Outcome]] = []
    for one in returned:
        task = standing.get(one.task_id)
        if task is None:
            log.debug("dropped a result of task %s: unknown, or a duplicate", one.task_id)
            continue
        if one.routing_key not in {None, results_routing_key(task.endpoint_id)}:
            log.warning("dropped a result of task %s: %s is not its endpoint's", one.task_id, one.routing_key)
            continue
        if one.unless_begun and task.state is TaskState.RUNNING:
            continue
        step = advance(task.state, outcome_event(one.error_code))
        if Action.KEEP_OUTCOME in step.actions:
            is_owed = Action.FORWARD in step.actions and task.queue is not None
            settled.append((task, outcomes.Outcome(task.seq, step.state, is_owed, one.message)))
            del standing[one.task_id]  # of two results in one batch, the first stands
        else:
            log.debug("dropped a result of task %s: it is %s already", one.task_id, task.state.value)
    return settled
