"""Retention: tasks that finished long ago are deleted, and the task groups and queues that held them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

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


class Retention:
    """Deletes what is old.

    Args:
        keep_finished_s: how long finished tasks are kept, in seconds.
    """

    def __init__(
        self, database: Database, outbox: Outbox, *, keep_finished_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._keep_finished_s = keep_finished_s
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
        before = self._clock() - self._keep_finished_s
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
        delay_s = FIRST_AFTER_S
        while True:
            await asyncio.sleep(delay_s)
            delay_s = EVERY_S
            try:
                deleted = await self.sweep()
            except Exception:
                log.exception("could not delete old tasks, trying again in %.0f s", EVERY_S)
            else:
                if deleted:
                    log.info("deleted %d tasks that finished more than %.0f s ago", deleted, self._keep_finished_s)
