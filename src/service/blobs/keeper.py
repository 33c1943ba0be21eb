"""The keeper of blobs: takes them in, gives them out, and says who may have them. Lives on the service's event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from ...wire import new_id
from .. import denials, faults
from ..store import Database, blobs
from ..store.blobs import Blob
from ..store.identities import Identity
from .incoming import Incoming, translated_errors
from .places import PIECE_BYTES, BlobPlace

log = logging.getLogger(__name__)


class Keeper:
    """Keeps blobs.

    Args:
        database: what is known of them.
        place: where they are.
    """

    def __init__(self, database: Database, place: BlobPlace, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._store = place.store
        self._spool = place.spool
        self.max_bytes = place.max_bytes
        self._durable = place.durable
        self._clock = clock

    async def missing(self, identity: Identity, digests: Sequence[str]) -> list[str]:
        """List those of these blobs that somebody has yet to send, and keep the others for a while longer."""
        now = self._clock()

        def look(connection: Connection) -> list[Blob]:
            found = [blobs.sent_by(connection, digest, identity.identity_id) for digest in dict.fromkeys(digests)]
            for blob in found:
                if blob is not None:
                    blobs.touch(connection, blob.digest, now)
            return [blob for blob in found if blob is not None]

        there = {blob.digest for blob in await self._database.write(look) if await self._is_whole(blob)}
        return [digest for digest in digests if digest not in there]

    async def put(self, identity: Identity, digest: str, body: AsyncIterable[bytes], size_bytes: int | None) -> None:
        """Take a blob in. All of it is read even when it is there already: who has it all is shown by that alone.

        Args:
            identity: who sends it.
            digest: its name.
            body: its bytes.
            size_bytes: how many there will be, if that was said.

        Raises:
            Fault: it is not what its name says (422), it is too large (413), or there is no room (507).
        """
        if size_bytes is not None and size_bytes > self.max_bytes:
            raise faults.blob_too_large(size_bytes, self.max_bytes)
        incoming = await _in_thread(Incoming, self._spool, digest)
        try:
            await self._take(incoming, body)
            await _in_thread(partial(incoming.finish, durable=self._durable))
            await self._keep(identity, digest, incoming)
        finally:
            await _in_thread(incoming.discard)

    async def open(self, identity: Identity, digest: str) -> tuple[int, AsyncIterator[bytes]]:
        """Give the size and the bytes of a blob that somebody may read.

        Raises:
            Fault: they may not (403), or it is gone (404).
        """

        def look(connection: Connection) -> Blob | None:
            found = blobs.readable_by(connection, digest, identity)
            if found is None and not (identity.may_know_all and blobs.one(connection, digest) is None):
                raise denials.blob(digest)
            return found

        found = await self._database.read(look)
        if found is None or not await self._is_whole(found):
            raise faults.blob_not_found([digest])
        file = await _in_thread(self._store.open, found.key)
        log.info("gives out blob %s of %d bytes", digest, found.size_bytes)
        return found.size_bytes, _pieces(file)

    async def _take(self, incoming: Incoming, body: AsyncIterable[bytes]) -> None:
        """Write what comes; where that fails, read the rest all the same: who sends listens for the answer then."""
        waiting = bytearray()
        failure: Exception | None = None
        async for piece in body:
            if failure is not None:
                continue
            waiting += piece
            if len(waiting) >= PIECE_BYTES:
                failure = await self._write(incoming, waiting)
                waiting = bytearray()
        if failure is None and waiting:
            failure = await self._write(incoming, waiting)
        if failure is not None:
            raise failure

    async def _write(self, incoming: Incoming, piece: bytearray) -> Exception | None:
        if incoming.size_bytes + len(piece) > self.max_bytes:
            return faults.blob_too_large(incoming.size_bytes + len(piece), self.max_bytes)
        try:
            await _in_thread(incoming.write, piece)
        except Exception as error:  # noqa: BLE001 - raised when all was read
            return error
        return None

    async def _keep(self, identity: Identity, digest: str, incoming: Incoming) -> None:
        now = self._clock()

        def want(connection: Connection) -> Blob | None:
            blobs.touch(connection, digest, now)  # from here on the sweeper leaves it alone
            return blobs.one(connection, digest)

        known = await self._database.write(want)
        if known is not None and await self._is_whole(known):
            new, lost = known, None
        else:
            if known is not None:
                log.error("blob %s was gone from the store, or damaged; it is kept anew", digest)
            new, lost = Blob(digest, f"{digest}.{new_id()[:8]}", incoming.size_bytes), known
            await _in_thread(self._put, new.key, incoming.path)
        kept = await self._database.write(
            lambda connection: blobs.keep(connection, new, identity.identity_id, now, instead_of=lost)
        )
        log.info("took in blob %s of %d bytes", digest, incoming.size_bytes)
        if kept.key != new.key:
            await _in_thread(self._store.remove, new.key)  # another one was quicker

    def _put(self, key: str, source: Path) -> None:
        with translated_errors():
            self._store.put(key, source)

    async def _is_whole(self, blob: Blob) -> bool:
        return await _in_thread(self._store.size, blob.key) == blob.size_bytes


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while piece := await _in_thread(file.read, PIECE_BYTES):
            yield piece
    finally:
        file.close()


_in_thread = asyncio.to_thread
