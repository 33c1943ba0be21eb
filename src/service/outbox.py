"""The outbox: what leaves the service, tasks to endpoints and outcomes to clients.

tasks(endpoint)   --> Feeder "<endpoint>.tasks"    --> broker      then noted: waiting-for-ep
cancels(endpoint) --> Feeder "<endpoint>.cancels"  --> broker
results(queue)    --> Feeder "<prefix><group>"     --> broker      noted when a client took them
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..wire import Task, TaskCancel, encode
from ..wire.blobs import blobs_of
from ..wire.queues import cancel_headers, cancel_queue, task_headers, task_queue
from .broker import Broker, Outgoing
from .feeder import Feeders, Parcel, Source
from .marks import Marks
from .store import Database, cancels, outcomes, tasks
from .store.cancels import Cancel
from .store.functions import Code


@dataclass(frozen=True, slots=True)
class TaskParcel:
    """A task for an endpoint.

    Attributes:
        options: what `wire.queues.task_headers` takes besides ids, where the submission had it.
    """

    seq: int
    task_id: str
    function_id: str
    code: Code
    payload: str
    options: Mapping[str, Any]

    @property
    def size_bytes(self) -> int:
        """About how large the message will be."""
        return len(self.code.packed) + len(self.payload)

    def message(self) -> Outgoing:
        """Make the message: the service joins code and arguments, and looks into neither."""
        environment = self.code.environment
        container = None if environment is None else environment.message()
        container_id = None if environment is None else environment.container_id
        return Outgoing(
            body=encode(Task(self.task_id, self.code.packed + self.payload, container_id, container)),
            message_id=self.task_id,
            headers=task_headers(
                self.task_id,
                self.function_id,
                blobs=blobs_of(self.payload),
                container=environment,
                **self.options,
            ),
        )


@dataclass(frozen=True, slots=True)
class ResultParcel:
    """An outcome for a client: the endpoint's message, unchanged."""

    seq: int
    task_id: str
    body: bytes

    @property
    def size_bytes(self) -> int:
        """How large the message is."""
        return len(self.body)

    def message(self) -> Outgoing:
        """Make the message."""
        return Outgoing(body=self.body, message_id=self.task_id, timestamp=int(time.time()))


@dataclass(frozen=True, slots=True)
class CancelParcel:
    """For an endpoint: that a task is no longer wanted."""

    seq: int
    task_id: str
    running: bool

    size_bytes = 100

    def message(self) -> Outgoing:
        """Make the message."""
        return Outgoing(encode(TaskCancel(self.task_id)), self.task_id, cancel_headers(running=self.running))


class Outbox:
    """What leaves the service. Every method belongs to the event loop's thread.

    Args:
        broker: takes the messages. One that survives a restart is trusted with outcomes; one that does not is owed
            them until a client has taken them.
    """

    def __init__(self, database: Database, broker: Broker, marks: Marks) -> None:
        self._database = database
        self._feeders = Feeders(broker)
        self._tasks = Source(self._load_tasks, self._tasks_published)
        self._results = Source(self._load_results, self._results_published)
        self._cancels = Source(self._load_cancels, lambda _parcels: None)
        self._marks = marks
        self._is_trusted = broker.survives_restart

    async def declare(self, queue: str, *, anew: bool = False) -> None:
        """Make a queue; nothing happens when it is there. `anew`: it may have been deleted behind our back."""
        await self._feeders.declare(queue, anew=anew)

    async def drop(self, queue: str) -> None:
        """Delete a queue, with what is in it and on its way to it."""
        await self._feeders.drop(queue)

    def tasks(self, endpoint_id: str, parcels: Iterable[Parcel | int]) -> None:
        """Send tasks, or tasks of the store by number, to an endpoint's queue."""
        self._feeders.put(task_queue(endpoint_id), self._tasks, parcels)

    def take_back(self, endpoint_id: str, seqs: Collection[int]) -> set[int]:
        """Send some tasks no further; return the numbers of those that had not left: they never will."""
        return self._feeders.take_back(task_queue(endpoint_id), seqs)

    def forget(self, seqs: Iterable[int]) -> None:
        """Note no more of these tasks that their broker has them: it is to lose them."""
        self._marks.settled(seqs)

    def cancels(self, endpoint_id: str, cancelled: Iterable[Cancel]) -> None:
        """Tell an endpoint which tasks are no longer wanted."""
        parcels = [CancelParcel(one.seq, one.task_id, one.running) for one in cancelled]
        self._feeders.put(cancel_queue(endpoint_id), self._cancels, parcels)

    async def wait_told(self, endpoint_id: str, timeout_s: float) -> None:
        """Wait until what an endpoint is to be told is in its queue, or the time is over."""
        await self._feeders.wait_empty(cancel_queue(endpoint_id), timeout_s)

    def results(self, queue: str, parcels: Iterable[Parcel | int]) -> None:
        """Send outcomes, or outcomes of the store by number, to a task group's queue."""
        self._feeders.put(queue, self._results, parcels)

    async def stop(self) -> None:
        """Stop sending; what was not sent is in the store."""
        await self._feeders.stop()

    async def _load_tasks(self, seqs: Sequence[int], max_bytes: int) -> tuple[list[TaskParcel], int]:
        loaded, looked_at = await self._database.read(lambda connection: tasks.publishable(connection, seqs, max_bytes))
        return [
            TaskParcel(
                task.seq,
                task.task_id,
                task.function_id,
                task.code,
                task.payload,
                {} if task.options is None else json.loads(task.options),
            )
            for task in loaded
        ], looked_at

    def _tasks_published(self, parcels: Sequence[Parcel]) -> None:
        self._marks.published(parcel.seq for parcel in parcels)

    def _results_published(self, parcels: Sequence[Parcel]) -> None:
        if self._is_trusted:
            self._marks.taken(parcel.task_id for parcel in parcels)

    async def _load_cancels(self, seqs: Sequence[int], _max_bytes: int) -> tuple[list[CancelParcel], int]:
        found = await self._database.read(lambda connection: cancels.some(connection, seqs))
        return [CancelParcel(one.seq, one.task_id, one.running) for one in found], len(seqs)

    async def _load_results(self, seqs: Sequence[int], max_bytes: int) -> tuple[list[ResultParcel], int]:
        owed, looked_at = await self._database.read(lambda connection: outcomes.owed(connection, seqs, max_bytes))
        return [ResultParcel(one.seq, one.task_id, one.message) for one in owed], looked_at
