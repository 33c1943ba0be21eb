"""Retention: tasks that finished long ago are deleted, with the task groups and queues that held them.

Tasks that wait for an endpoint of which nothing has been heard for long are given up, and deleted in their turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection

from ..wire.queues import result_queue
from .outbox import Outbox
from .store import Database, task_groups, tasks

log = logging.getLogger(__name__)

#: How often old tasks are looked for, and how soon after the start, in seconds.
EVERY_S = 3600.0
FIRST_AFTER_S = 60.0
#: Tasks deleted in one transaction: a few milliseconds.
CHUNK = 200

DAY_S = 24 * 3600.0


class Retention:
    """Deletes what is old, and gives up what waits in vain.

    Args:
        give_up: calls off tasks of one endpoint, for a reason; gives how many it called off.

    Attributes:
        keep_finished_s: how long finished tasks are kept, in seconds.
        keep_waiting_s: how long tasks wait for an endpoint of which nothing is heard, in seconds.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        give_up: Callable[[str, Sequence[str], str], Awaitable[int]],
        *,
        keep_finished_s: float,
        keep_waiting_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._give_up = give_up
        self.keep_finished_s = keep_finished_s
        self.keep_waiting_s = keep_waiting_s
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look for old tasks from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """Stop looking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def sweep(self) -> int:
        """Delete what is old now; return how many tasks that were."""
        before = self._clock() - self.keep_finished_s
        deleted = 0
        while True:
            seqs = await self._database.scan(lambda connection: tasks.old(connection, before, CHUNK))
            if not seqs:
                break
            await self._database.write(partial(tasks.remove, seqs=seqs))
            deleted += len(seqs)
            await asyncio.sleep(0)
        await self._sweep_groups(before)
        return deleted

    async def give_up_idle(self) -> int:
        """Give up what waits in vain now; return how many tasks that were."""
        before = self._clock() - self.keep_waiting_s
        days = written_days(self.keep_waiting_s)
        given_up = 0
        while True:
            idle = await self._database.scan(lambda connection: tasks.idle(connection, before, CHUNK))
            before_this = given_up
            for endpoint_id, its_tasks in groupby(idle, key=itemgetter(0)):
                reason = (
                    f"for {days} nothing has been heard of endpoint {endpoint_id}; start the endpoint and submit it "
                    "again, or submit it to another one"
                )
                given_up += await self._give_up(endpoint_id, [task_id for _, task_id in its_tasks], reason)
            if given_up == before_this:  # nothing is left, but perhaps tasks of an endpoint that is just back
                return given_up

    async def _sweep_groups(self, before: float) -> None:
        while True:
            empty = await self._database.scan(lambda connection: task_groups.empty(connection, before, CHUNK))
            if not empty:
                return

            def remove(connection: Connection, empty: list[tuple[str, str]] = empty) -> None:
                task_groups.remove(connection, [task_group_id for task_group_id, _ in empty])

            await self._database.write(remove)
            for task_group_id, queue_prefix in empty:
                await self._outbox.drop(result_queue(queue_prefix, task_group_id))

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_AFTER_S)
        # Endpoints that were cut off as long as this service was down have an hour to come back.
        await self._look(gives_up=False)
        while True:
            await asyncio.sleep(EVERY_S)
            await self._look(gives_up=True)

    async def _look(self, *, gives_up: bool) -> None:
        try:
            given_up = await self.give_up_idle() if gives_up else 0
            deleted = await self.sweep()
        except Exception:
            log.exception("could not delete old tasks, trying again in %.0f s", EVERY_S)
            return
        if given_up:
            waited = written_days(self.keep_waiting_s)
            log.info("gave up %d tasks of endpoints that have been silent for %s", given_up, waited)
        if deleted:
            log.info("deleted %d tasks that finished more than %s ago", deleted, written_days(self.keep_finished_s))


def written_days(seconds: float) -> str:
    """Write a time as people say it: in days, or in seconds where it is less than a tenth of one."""
    days = seconds / DAY_S
    if days < 0.1:
        return f"{seconds:g} s"
    return "1 day" if days == 1 else f"{days:.3g} days"
