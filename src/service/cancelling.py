"""Calling tasks off: each either has the outcome at once that it was cancelled, or its endpoint is told.

    not sent yet                         taken back: it never leaves               cancelled
    its endpoint cannot be told          settled here; a late result is dropped    cancelled
    its endpoint is away                 settled here; told when it is back        cancelled
    its endpoint is there                told: it knows whether a worker began     requested

Stranded tasks, which are to run elsewhere while their endpoint is away, are called off only where it is certain that
none of its workers has begun them: it would have said so first.

What an endpoint is to be told is kept in the store until it has said that it knows: it hears of it from a queue of its
own while it is connected, and in the answer to its registration when it comes back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from ..wire import TaskState
from ..wire.rest import CancelRequest
from ..wire.rest.cancels import CANCELLED, FINISHED, REQUESTED, RUNNING, UNKNOWN
from .endings import called_off
from .outbox import Outbox
from .results import ResultIntake
from .store import Database, cancels, endpoints, reports, tasks
from .store.cancels import Cancel
from .store.identities import Identity
from .store.tasks import Standing
from .task_state import OPEN
from .unanswered import Unanswered

#: Tasks settled in one transaction.
CHUNK = 500
#: How long an answer waits for the broker to take what an endpoint is to be told (seconds).
TELL_S = 2.0


@dataclass(frozen=True, slots=True)
class _Place:
    """An endpoint, as it takes to say what to do about its tasks.

    Attributes:
        is_told: whether it can be told at all.
        is_online: whether it would hear of it now.
        tells_begun: whether no worker there begins a movable task before we have heard so.
    """

    is_told: bool
    is_online: bool
    tells_begun: bool


class Cancelling:
    """Calls tasks off. Every method belongs to the event loop's thread."""

    def __init__(
        self, database: Database, outbox: Outbox, results: ResultIntake, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._results = results
        self._clock = clock
        self._unanswered = Unanswered(database, results, clock=clock)

    async def start(self) -> None:
        """Take up what a service left unanswered."""
        await self._unanswered.start()

    async def stop(self) -> None:
        """Wait for no more answers."""
        await self._unanswered.stop()

    async def check(self) -> None:
        """Settle what endpoints have been told and do not answer."""
        await self._unanswered.check()

    async def cancel(self, identity: Identity, request: CancelRequest) -> dict[str, str]:
        """Call tasks off; return by task id what was done about it."""
        standing = await self._database.read(
            lambda connection: tasks.standing_of(connection, identity.identity_id, request.task_ids)
        )
        answers = dict.fromkeys(request.task_ids, UNKNOWN) | dict.fromkeys(standing, FINISHED)
        by_endpoint: dict[str, list[Standing]] = {}
        for task in standing.values():
            if task.state in OPEN:
                by_endpoint.setdefault(task.endpoint_id, []).append(task)
        for endpoint_id, its_tasks in by_endpoint.items():
            answers |= await self._cancel_at(endpoint_id, its_tasks, request)
        return answers

    async def give_up(self, endpoint_id: str, task_ids: Sequence[str], reason: str) -> int:
        """Call off tasks whose endpoint has been away for too long; return how many. One that is back keeps its tasks.

        Should it come back, it is told, as of any task that was called off.
        """

        def look(connection: Connection) -> tuple[_Place, list[Standing]]:
            return self._place(connection, endpoint_id), list(tasks.standing(connection, task_ids).values())

        place, its_tasks = await self._database.read(look)
        if place.is_online:
            return 0
        its_tasks = [task for task in its_tasks if task.state in OPEN]
        kept = self._outbox.take_back(endpoint_id, {task.seq for task in its_tasks})
        answers = await self._call_off(endpoint_id, its_tasks, kept, CancelRequest(list(task_ids)), reason)
        return sum(answer == CANCELLED for answer in answers.values())

    async def _cancel_at(
        self, endpoint_id: str, its_tasks: Sequence[Standing], request: CancelRequest
    ) -> dict[str, str]:
        left: dict[str, str] = {}
        leaves_out_sent = False
        if request.stranded:
            place = await self._database.read(lambda connection: self._place(connection, endpoint_id))
            left = {task.task_id: RUNNING for task in its_tasks}
            if place.is_online:
                return left
            its_tasks = [task for task in its_tasks if task.state is not TaskState.RUNNING]
            leaves_out_sent = not place.tells_begun
        kept = self._outbox.take_back(endpoint_id, {task.seq for task in its_tasks})
        if leaves_out_sent:
            its_tasks = [task for task in its_tasks if task.seq in kept]
        try:
            return left | await self._call_off(endpoint_id, its_tasks, kept, request)
        except BaseException:
            self._outbox.tasks(endpoint_id, sorted(kept))  # nobody else would send them; what is settled is left out
            raise

    async def _call_off(
        self,
        endpoint_id: str,
        its_tasks: Sequence[Standing],
        kept: Collection[int],
        request: CancelRequest,
        reason: str | None = None,
    ) -> dict[str, str]:
        running = request.running
        settle = [task for task in its_tasks if task.seq in kept]
        sent = [task for task in its_tasks if task.seq not in kept]
        place = await self._database.write(lambda connection: self._note(connection, endpoint_id, sent, running))
        answers: dict[str, str] = {}
        for task in sent:
            if place.is_online and place.is_told:
                answers[task.task_id] = REQUESTED
            elif running or task.state is not TaskState.RUNNING:
                settle.append(task)
            else:
                answers[task.task_id] = REQUESTED if place.is_told else RUNNING
        if place.is_told:
            told = _cancels(sent, running)
            self._outbox.cancels(endpoint_id, told)
            self._unanswered.add(one for one in told if answers.get(one.task_id) == REQUESTED)
            # Before the answer says so. And what is settled here must not run when the endpoint is back in a moment.
            await self._outbox.wait_told(endpoint_id, TELL_S)
        return answers | await self._settle(settle, stranded=request.stranded, reason=reason)

    def _note(self, connection: Connection, endpoint_id: str, sent: Sequence[Standing], running: bool) -> _Place:
        now = self._clock()
        is_told = endpoints.takes_cancels(connection, endpoint_id)
        if is_told:
            cancels.put(connection, _cancels(sent, running), now)
        return self._place(connection, endpoint_id)

    def _place(self, connection: Connection, endpoint_id: str) -> _Place:
        registered = endpoints.registration(connection, endpoint_id)
        is_online = reports.presence(connection, endpoint_id).is_online(self._clock())
        return _Place(registered.takes_cancels, is_online, registered.tells_begun)

    async def _settle(self, its_tasks: Sequence[Standing], *, stranded: bool, reason: str | None) -> dict[str, str]:
        settled: set[str] = set()
        for start in range(0, len(its_tasks), CHUNK):
            settled |= await self._results.settle(
                [
                    called_off(one.task_id, unless_begun=stranded, reason=reason)
                    for one in its_tasks[start : start + CHUNK]
                ]
            )
            await asyncio.sleep(0)
        otherwise = RUNNING if stranded else FINISHED
        return {one.task_id: CANCELLED if one.task_id in settled else otherwise for one in its_tasks}


def _cancels(its_tasks: Sequence[Standing], running: bool) -> list[Cancel]:
    return [Cancel(task.seq, task.task_id, task.endpoint_id, running) for task in its_tasks]
