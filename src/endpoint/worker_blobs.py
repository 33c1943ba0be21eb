"""Blobs where tasks run: arguments are mapped from the cache, large parts of results written for the agent to send."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
from pathlib import Path

from .job import outgoing_name


class BlobMissing(Exception):
    """What an argument refers to is not where the agent has put it."""


class OutOfRoom(Exception):
    """There is no room for a part of the result."""


class WorkerBlobs:
    """The blobs of one job.

    Args:
        task_id: the job's.
        cache: the directory of blobs that have come.
        outgoing: the directory of those that go.
    """

    def __init__(self, task_id: str, cache: str, outgoing: str) -> None:
        self._task_id = task_id
        self._cache = Path(cache)
        self._outgoing = Path(outgoing)
        self.written: dict[str, int] = {}

    def find(self, digest: str, size_bytes: int) -> mmap.mmap:
        """Give the memory of a blob: the file's own, shared by all workers until one of them writes to it.

        Raises:
            BlobMissing: it is not there.
        """
        try:
            with (self._cache / digest).open("rb") as file:
                memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise BlobMissing(
                f"a part of the arguments, {size_bytes:,} bytes, is not in {self._cache} where the task runs: {error}; "
                "an engine with workers on other machines needs blobs_directory on a file system that they share"
            ) from error
        if len(memory) != size_bytes:
            raise BlobMissing(f"blob {digest} in {self._cache} has {len(memory):,} bytes, not {size_bytes:,}")
        return memory

    def keep(self, piece: memoryview) -> str:
        """Write a part of the result for the agent to send; give its name.

        Raises:
            OutOfRoom: it cannot be written.
        """
        digest = hashlib.sha256(piece).hexdigest()
        if digest not in self.written:
            self.written[digest] = piece.nbytes
            try:
                (self._outgoing / outgoing_name(self._task_id, digest)).write_bytes(piece)
            except OSError as error:
                raise OutOfRoom(
                    f"the task ran, and {piece.nbytes:,} bytes of its result cannot be written to {self._outgoing} "
                    f"({error.strerror or error}): make room there, or return less"
                ) from error
        return digest

    def discard(self) -> None:
        """Take back what was written: there is no result after all."""
        for digest in self.written:
            with contextlib.suppress(OSError):
                (self._outgoing / outgoing_name(self._task_id, digest)).unlink()
        self.written.clear()
