"""Where blobs are: files of this machine, or any file system that fsspec knows. Every method blocks."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from typing_extensions import override

from ...errors import FarpoolError

#: What is copied at a time.
PIECE_BYTES = 1024 * 1024


class BlobStore(Protocol):
    """Keeps blobs by keys that are used once: nothing is ever written over."""

    def put(self, key: str, source: Path) -> None:
        """Keep a file under a key; the file is gone afterwards.

        Raises:
            OSError: it cannot be kept.
        """

    def open(self, key: str) -> BinaryIO:
        """Open a blob.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def size(self, key: str) -> int | None:
        """Give the size of a blob in bytes; None when there is none."""
        ...

    def remove(self, key: str) -> None:
        """Delete a blob; nothing happens when there is none."""

    def older_than(self, age_s: float) -> Iterator[str]:
        """List the keys of blobs that were kept more than `age_s` seconds ago."""
        ...


class FileStore:
    """Blobs as files of a directory, in 256 folders.

    Args:
        directory: made when it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @override
    def __repr__(self) -> str:
        return f"files in {self._directory}"

    def put(self, key: str, source: Path) -> None:
        """Move a file of the same file system to its place."""
        place = self._place(key)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source.replace(place)

    def open(self, key: str) -> BinaryIO:
        """Open a blob."""
        return self._place(key).open("rb")

    def size(self, key: str) -> int | None:
        """Give the size of a blob."""
        try:
            return self._place(key).stat().st_size
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        """Delete a blob."""
        self._place(key).unlink(missing_ok=True)

    def older_than(self, age_s: float) -> Iterator[str]:
        """List old blobs."""
        before = time.time() - age_s
        for path in self._directory.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    yield path.name

    def _place(self, key: str) -> Path:
        return self._directory / key[:2] / key


class FsspecStore:
    """Blobs as files of any file system that fsspec knows.

    Args:
        url: a folder there, such as ``s3://bucket/blobs``.

    Raises:
        FarpoolError: fsspec, or what it needs for that URL, is not installed or not set up.
    """

    def __init__(self, url: str) -> None:
        try:
            fsspec: Any = importlib.import_module("fsspec")
        except ImportError as error:
            raise FarpoolError(
                f"blobs at {url} need fsspec: pip install 'farpool[fsspec]', and what fsspec needs for that URL"
            ) from error
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
            self._files.makedirs(self._root, exist_ok=True)
        except Exception as error:  # whatever a file system raises
            raise FarpoolError(f"blobs cannot be kept at {url}: {type(error).__name__}: {error}") from error
        self._url = url

    @override
    def __repr__(self) -> str:
        return self._url

    def put(self, key: str, source: Path) -> None:
        """Copy a file there."""
        place = self._place(key)
        try:
            self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(source), place)
        except BaseException:
            with contextlib.suppress(Exception):
                self._files.rm_file(place)  # half of it
            raise
        source.unlink()

    def open(self, key: str) -> BinaryIO:
        """Open a blob."""
        return cast("BinaryIO", self._files.open(self._place(key), "rb"))

    def size(self, key: str) -> int | None:
        """Give the size of a blob."""
        try:
            return int(self._files.info(self._place(key))["size"])
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        """Delete a blob."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._place(key))

    def older_than(self, age_s: float) -> Iterator[str]:
        """List old blobs; all of them, where the file system does not say how old they are."""
        before = time.time() - age_s
        for place in self._files.find(self._root):
            with contextlib.suppress(FileNotFoundError, NotImplementedError):
                if self._files.modified(place).timestamp() >= before:
                    continue
            yield place.rpartition("/")[2]

    def _place(self, key: str) -> str:
        return f"{self._root}/{key[:2]}/{key}"


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where a service keeps its blobs, and how.

    Attributes:
        store: where they are.
        spool: where they are put together; on the same file system as a store of files.
        max_bytes: the largest that is taken.
        durable: whether a blob is on the disk before the answer.
    """

    store: BlobStore
    spool: Path
    max_bytes: int
    durable: bool = True


def open_store(url: str | None, directory: Path) -> BlobStore:
    """Open the store that a URL names.

    Args:
        url: of a folder; None: files in `directory`.
        directory: the usual place.

    Raises:
        FarpoolError: it cannot be had; says what to install.
    """
    if url is None:
        return FileStore(directory)
    return FsspecStore(url) if "://" in url or "::" in url else FileStore(Path(url).expanduser().absolute())
