"""What endpoints were told and have not answered: nobody waits for a cancelled task because its endpoint has died.

An endpoint that hears that a task is no longer wanted answers at once, unless a worker has begun the task and is to go
on. So after a while the service settles itself what was to be stopped in any case, and, when the endpoint is away, what
has not begun.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from ..wire import TaskState
from .endings import called_off
from .presence import Presence
from .results import ResultIntake
from .store import Database, cancels, reports, tasks
from .store.cancels import Cancel
from .task_state import OPEN

log = logging.getLogger(__name__)

#: How long an endpoint that is online has to stop a task and say so (seconds).
ANSWER_S = 10.0
#: How often unanswered cancels are looked at, while there are any (seconds).
EVERY_S = 5.0


class Unanswered:
    """Keeps an eye on what endpoints were told. Every method belongs to the event loop's thread."""

    def __init__(self, database: Database, results: ResultIntake, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._results = results
        self._clock = clock
        self._told: dict[str, tuple[Cancel, float]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what a service left unanswered."""
        self.add(await self._database.scan(cancels.unsettled))

    async def stop(self) -> None:
        """Look no more."""
        self._told.clear()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def add(self, told: Iterable[Cancel]) -> None:
        """Expect answers from now on."""
        now = self._clock()
        for one in told:
            known = self._told.get(one.task_id)
            if known is None or (one.running and not known[0].running):
                self._told[one.task_id] = (one, now)
        if self._told and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="unanswered cancels")

    async def check(self) -> None:
        """Settle what nobody needs to wait for any longer; forget what has an outcome."""
        now = self._clock()
        told = list(self._told.values())

        def look(connection: Connection) -> tuple[list[str], list[str]]:
            standing = tasks.standing(connection, [one.task_id for one, _ in told])
            known = reports.presences(connection, list({one.endpoint_id for one, _ in told}))
            over: list[str] = []
            due: list[str] = []
            for one, told_at in told:
                task, presence = standing.get(one.task_id), known.get(one.endpoint_id, Presence())
                if task is None or task.state not in OPEN:
                    over.append(one.task_id)
                elif _is_due(one, task.state, now - told_at, is_online=presence.is_online(now)):
                    due.append(one.task_id)
            return over, due

        over, due = await self._database.read(look)
        if due:
            log.info("%d cancelled tasks are given up: their endpoints do not answer", len(due))
            await self._results.settle([called_off(task_id) for task_id in due])
        for task_id in (*over, *due):
            self._told.pop(task_id, None)

    async def _run(self) -> None:
        while self._told:
            await asyncio.sleep(EVERY_S)
            try:
                await self.check()
            except Exception as error:  # noqa: BLE001 - the store may be back soon
                log.warning("could not look at unanswered cancels, trying again in %.0f s: %r", EVERY_S, error)
        self._task = None


def _is_due(cancel: Cancel, state: TaskState, waited_s: float, *, is_online: bool) -> bool:
    if cancel.running:
        return waited_s >= ANSWER_S or not is_online
    return state is not TaskState.RUNNING and not is_online
