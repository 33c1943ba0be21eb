"""The cache of blobs: one file for each, shared by the endpoints of a machine, bounded. Every method blocks.

<directory>/<sha256>        a blob, whole; a shared lock on it says that somebody needs it
<directory>/locks/<xx>      held while one that begins with xx is fetched: each is fetched once per machine
<directory>/*.part          one that is being fetched
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

#: What a fetch is given: it writes some bytes at a place.
Write = Callable[[int, bytes], object]

#: A fetch that has written nothing for so long, in seconds, is nobody's any more.
_STALE_S = 24 * 3600.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Lease:
    """A blob that stays in the cache until `close`.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def close(self) -> None:
        """Need it no more."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class BlobCache:
    """Blobs as files. Several agents may use one directory at a time.

    Args:
        directory: made when it is missing.
        max_bytes: what is over that goes, the longest unused first; what somebody needs stays.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self.directory = directory
        self._max_bytes = max_bytes

    def lease(self, digest: str, size_bytes: int, fetch: Callable[[Write], object]) -> Lease:
        """Have a blob in the cache.

        Args:
            digest: its SHA-256.
            size_bytes: its size.
            fetch: writes it, checks what it wrote, and raises where it cannot; called when it is not there.

        Raises:
            OSError: there is no room for it.
            Exception: whatever `fetch` raises.
        """
        found = self._there(digest, size_bytes)
        if found is not None:
            return found
        with self._fetching(digest):
            found = self._there(digest, size_bytes)  # somebody else was quicker
            while found is None:
                self._fetch(digest, fetch)
                found = self._there(digest, size_bytes)
        with contextlib.suppress(OSError):  # what is in the way of tidying is in nobody else's
            self.trim(self._max_bytes)
        return found

    def _there(self, digest: str, size_bytes: int) -> Lease | None:
        path = self.directory / digest
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            mine, there = os.fstat(descriptor), _stat(path)
            if there is not None and mine.st_ino == there.st_ino and mine.st_size == size_bytes:
                os.utime(path)
                lease, descriptor = Lease(path, descriptor), -1
                return lease
            if there is not None and mine.st_ino == there.st_ino:
                path.unlink(missing_ok=True)  # not what was fetched
            return None
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _fetch(self, digest: str, fetch: Callable[[Write], object]) -> None:
        try:
            self._write(digest, fetch)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self.trim(0)
            self._write(digest, fetch)

    def _write(self, digest: str, fetch: Callable[[Write], object]) -> None:
        part = self.directory / f"{digest}.part"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fetch(lambda at, piece: _write_all(descriptor, at, piece))
            part.replace(self.directory / digest)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _fetching(self, digest: str) -> Generator[None, None, None]:
        place = self.directory / "locks"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(place / digest[:2], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def trim(self, most: int) -> None:
        """Delete what was not used for longest, and nobody needs, until the rest is no more than `most` bytes."""
        found: list[tuple[float, int, Path]] = []
        for path in self.directory.iterdir():
            stat = _stat(path)
            if stat is None:
                continue
            if len(path.name) == 64:
                found.append((stat.st_mtime, stat.st_size, path))
            elif path.suffix == ".part" and time.time() - stat.st_mtime > _STALE_S:
                path.unlink(missing_ok=True)  # of an agent that was killed
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= most:
                break
            if _remove_unused(path):
                total -= size


def _remove_unused(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # on NFS, who locks alone must be able to write
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:  # somebody needs it
        return False
    finally:
        os.close(descriptor)
    return True


def _stat(path: Path) -> os.stat_result | None:
    with contextlib.suppress(FileNotFoundError):
        return path.stat()
    return None


def _write_all(descriptor: int, at: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        written = os.pwrite(descriptor, rest, at)
        rest, at = rest[written:], at + written
