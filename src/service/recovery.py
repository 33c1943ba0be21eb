"""Recovery: taking up the work where a service left it, however that ended.

What a broker without memory had is in the store: every unfinished task is published again, and every outcome that no
client has taken. A broker that remembers is given only what it had not confirmed. Endpoints may so be given a task
twice; the first outcome stands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from ..wire import TaskState
from ..wire.queues import cancel_queue, command_queue, result_queue, task_queue
from .broker import Broker
from .outbox import Outbox
from .store import Database, cancels, endpoints, outcomes, task_groups, tasks
from .store.cancels import Cancel
from .task_state import Event, sources

log = logging.getLogger(__name__)

#: So long an endpoint that lives on may be cut off, and still be told what was called off before a broker
#: without memory lost its queues (seconds).
FORGET_CANCELS_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Left:
    """What was left: all queues, and by endpoint and by queue what is to be published."""

    queues: list[str]
    cancels: dict[str, list[Cancel]]
    tasks: dict[str, list[int]]
    outcomes: dict[str, list[int]]


class Recovery:
    """Starts the broker with what the store says it should have.

    Args:
        keep_finished_s: outcomes older than that are no longer owed to anybody, in seconds.
    """

    def __init__(
        self,
        database: Database,
        broker: Broker,
        outbox: Outbox,
        *,
        keep_finished_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._broker = broker
        self._outbox = outbox
        self._keep_finished_s = keep_finished_s
        self._clock = clock

    async def run(self) -> None:
        """Start the broker; make its queues, and send what they are owed."""
        left = await self._database.write(self._look)
        await self._broker.start()
        # Before anybody who reconnects has got as far as asking for them.
        for queue in left.queues:
            await self._outbox.declare(queue)
        # Before the tasks; whether the broker still has these or not, an endpoint may hear of them twice.
        for endpoint_id, called_off in left.cancels.items():
            self._outbox.cancels(endpoint_id, called_off)
        for endpoint_id, numbers in left.tasks.items():
            self._outbox.tasks(endpoint_id, numbers)
        for queue, numbers in left.outcomes.items():
            self._outbox.results(queue, numbers)
        if left.tasks or left.outcomes:
            log.info(
                "taken up again: %d unfinished tasks of %d endpoints, %d results for %d task groups",
                sum(map(len, left.tasks.values())),
                len(left.tasks),
                sum(map(len, left.outcomes.values())),
                len(left.outcomes),
            )

    def _look(self, connection: Connection) -> _Left:
        if not self._broker.survives_restart:
            # The tasks are in no queue any more; only an endpoint that has lived on since may still have one.
            cancels.drop_old(connection, self._clock() - FORGET_CANCELS_S)
        left = _Left([], {}, {}, outcomes.owed_numbers(connection, self._clock() - self._keep_finished_s))
        for endpoint in endpoints.everything(connection):
            if not endpoint.is_attached:
                continue
            endpoint_id = endpoint.endpoint_id
            left.queues.append((command_queue if endpoint.is_manager else task_queue)(endpoint_id))
            if endpoints.takes_cancels(connection, endpoint_id):
                left.queues.append(cancel_queue(endpoint_id))
                called_off = cancels.to_tell(connection, endpoint_id, self._clock())
                if called_off:
                    left.cancels[endpoint_id] = called_off
            numbers = self._unpublished(connection, endpoint_id)
            if numbers:
                left.tasks[endpoint_id] = numbers
        left.queues.extend(result_queue(prefix, group_id) for group_id, prefix in task_groups.with_queue(connection))
        return left

    def _unpublished(self, connection: Connection, endpoint_id: str) -> list[int]:
        if not self._broker.survives_restart:
            forgotten = tasks.open_numbers(connection, endpoint_id)
            tasks.move(connection, forgotten, sources(Event.FORGOTTEN), TaskState.RECEIVED)
            return forgotten
        return tasks.numbers_in(connection, endpoint_id, TaskState.RECEIVED)
