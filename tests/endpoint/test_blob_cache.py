"""The cache of blobs, as two agents of a machine use it."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from farpool.endpoint.blob_cache import BlobCache, Write

TIMEOUT = 60


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Source:
    """Gives blobs, and counts."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.digest = named(data)
        self.times = 0

    def __call__(self, write: Write) -> None:
        self.times += 1
        middle = len(self.data) // 2
        write(0, self.data[:middle])
        write(middle, self.data[middle:])

    def lease(self, cache: BlobCache) -> Any:
        return cache.lease(self.digest, len(self.data), self)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.is_file()}


def aged(path: Path, seconds: int) -> None:
    os.utime(path, (seconds, seconds))


def test_a_blob_is_fetched_once_and_found_after_that(tmp_path: Path) -> None:
    source = Source(b"abc" * 1000)

    for _ in range(3):
        lease = source.lease(BlobCache(tmp_path / "blobs", max_bytes=10_000))
        assert lease.path.read_bytes() == source.data
        lease.close()

    assert source.times == 1


def test_two_agents_that_want_the_same_at_a_time_fetch_it_once(tmp_path: Path) -> None:
    source = Source(b"x" * 1000)
    begun, go_on = threading.Event(), threading.Event()

    def slow(write: Write) -> None:
        begun.set()
        assert go_on.wait(TIMEOUT)
        source(write)

    def fetch() -> None:
        BlobCache(tmp_path, max_bytes=10_000).lease(source.digest, 1000, slow).close()

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(TIMEOUT)
    go_on.set()
    for thread in threads:
        thread.join(TIMEOUT)

    assert source.times == 1
    assert names(tmp_path) == {source.digest}


def test_what_was_not_used_for_longest_goes_and_what_is_needed_stays(tmp_path: Path) -> None:
    cache, other = BlobCache(tmp_path, max_bytes=2500), BlobCache(tmp_path, max_bytes=2500)
    needed, old, used, new = (Source(bytes([number]) * 1000) for number in range(4))
    lease = needed.lease(other)  # another agent's
    aged(tmp_path / needed.digest, 1)
    old.lease(cache).close()
    aged(tmp_path / old.digest, 2)
    used.lease(cache).close()
    assert names(tmp_path) == {needed.digest, used.digest}

    new.lease(cache).close()

    assert names(tmp_path) == {needed.digest, new.digest}
    lease.close()


def test_a_fetch_that_fails_leaves_nothing_and_the_next_begins_anew(tmp_path: Path) -> None:
    source = Source(b"y" * 100)
    cache = BlobCache(tmp_path, max_bytes=1000)

    def broken(write: Write) -> None:
        write(0, b"y")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        cache.lease(source.digest, 100, broken)
    assert names(tmp_path) == set()

    source.lease(cache).close()
    assert source.times == 1


def test_a_file_of_another_size_is_fetched_again(tmp_path: Path) -> None:
    source = Source(b"z" * 100)
    (tmp_path / source.digest).write_bytes(b"z")

    lease = source.lease(BlobCache(tmp_path, max_bytes=1000))

    assert lease.path.read_bytes() == source.data
    lease.close()


def test_a_full_disk_makes_room_of_what_nobody_needs_before_it_is_told(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, max_bytes=10_000)
    unneeded, wanted = Source(b"a" * 100), Source(b"b" * 100)
    unneeded.lease(cache).close()

    def full(write: Write) -> None:
        if (tmp_path / unneeded.digest).exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        wanted(write)

    cache.lease(wanted.digest, 100, full).close()
    assert names(tmp_path) == {wanted.digest}

    def always_full(_write: Write) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        cache.lease(unneeded.digest, 100, always_full)
