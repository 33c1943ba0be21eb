"""The sweeper: blobs that no task needs any more go, and what a crash has left of others."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy import Connection

from ..store import Database, blobs
from ..store.blobs import Blob
from .places import BlobPlace

log = logging.getLogger(__name__)

#: A blob that nobody has asked for and no task has needed for so long goes, in seconds.
KEEP_UNUSED_S = 24 * 3600.0
#: How often that is looked for, and how soon after the start, in seconds.
EVERY_S = 3600.0
FIRST_AFTER_S = 60.0
#: Blobs forgotten in one transaction.
CHUNK = 200


class Sweeper:
    """Deletes blobs.

    Args:
        keep_unused_s: how long a blob is kept that no task needs, in seconds.
    """

    def __init__(
        self,
        database: Database,
        place: BlobPlace,
        *,
        keep_unused_s: float = KEEP_UNUSED_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._store = place.store
        self._spool = place.spool
        self._keep_unused_s = keep_unused_s
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Clear what an earlier process has left half done, and sweep from now on."""
        for path in self._spool.glob("*"):
            path.unlink(missing_ok=True)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="blob sweeper")

    async def stop(self) -> None:
        """Sweep no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def sweep(self) -> int:
        """Delete what nobody needs now; return how many blobs that were."""
        before = self._clock() - self._keep_unused_s
        deleted = 0
        while gone := await self._database.write(lambda connection: _forget_unused(connection, before)):
            # Forgotten first: who sends one again from here on gets another place for it.
            for blob in gone:
                await asyncio.to_thread(self._store.remove, blob.key)
            deleted += len(gone)
        return deleted

    async def sweep_strays(self) -> int:
        """Delete what is in the store and known to nobody: a crash came in between; return how many that were."""
        old = await asyncio.to_thread(lambda: list(self._store.older_than(self._keep_unused_s)))
        known = await self._database.scan(lambda connection: blobs.known_keys(connection, old))
        strays = [key for key in old if key not in known]
        for key in strays:
            await asyncio.to_thread(self._store.remove, key)
        return len(strays)

    async def _run(self) -> None:
        delay_s = FIRST_AFTER_S
        while True:
            await asyncio.sleep(delay_s)
            delay_s = EVERY_S
            try:
                deleted, strays = await self.sweep(), await self.sweep_strays()
            except Exception:
                log.exception("could not delete unused blobs, trying again in %.0f s", EVERY_S)
            else:
                if deleted or strays:
                    log.info("deleted %d blobs that no task needs, and %d that nobody knew of", deleted, strays)


def _forget_unused(connection: Connection, before: float) -> list[Blob]:
    gone = blobs.unused(connection, before, CHUNK)
    blobs.forget(connection, gone)
    return gone
