"""Marks: small notes for the store that may be a moment late, gathered and written together.

That a task was published, or its result taken by a client, is told one message at a time and matters only after a
restart, or to those who look at a waiting task. Most tasks are done before their mark is due: it is not written then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from sqlalchemy import Connection

from ..wire.states import TaskState
from .store import Database, outcomes, tasks
from .task_state import Event, advance, sources

log = logging.getLogger(__name__)

#: How late a mark may be, in seconds.
DELAY_S = 0.05
#: After a failed attempt to write (seconds).
RETRY_S = 1.0


class Marks:
    """Notes on their way to the store. Every method belongs to the event loop's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._published: set[int] = set()
        self._taken: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def published(self, seqs: Iterable[int]) -> None:
        """Note that the broker has these tasks."""
        self._published.update(seqs)
        self._schedule(DELAY_S)

    def settled(self, seqs: Iterable[int]) -> None:
        """Forget what was to be noted of these tasks: they are finished, or to be published again."""
        self._published.difference_update(seqs)

    def taken(self, task_ids: Iterable[str]) -> None:
        """Note that a queue is no longer owed the outcomes of these tasks."""
        self._taken.update(task_ids)
        self._schedule(DELAY_S)

    async def flush(self) -> None:
        """Write what there is to note."""
        published, taken = sorted(self._published), list(self._taken)
        if not published and not taken:
            return
        self._published.clear()
        self._taken.clear()

        def note(connection: Connection) -> None:
            tasks.move(connection, published, sources(Event.PUBLISHED), _PUBLISHED_STATE)
            outcomes.taken(connection, taken)

        try:
            await self._database.write(note)
        except Exception:
            self._published.update(published)
            self._taken.update(taken)
            raise

    async def stop(self) -> None:
        """Write what there is to note, and take no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self.flush()

    def _schedule(self, delay_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        self._timer = None
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001 - the notes are kept, and the store may be back soon
            log.warning("could not write to the store, trying again in %.0f s: %r", RETRY_S, error)
            self._schedule(RETRY_S)


_PUBLISHED_STATE: TaskState = advance(TaskState.RECEIVED, Event.PUBLISHED).state
