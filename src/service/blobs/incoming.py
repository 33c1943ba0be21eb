"""A blob on its way in: a file that grows and is hashed as it comes, and is kept only when it is what it should be."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

from typing_extensions import Buffer

from .. import faults

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Incoming:
    """Takes the bytes of one blob. Every method blocks.

    Args:
        directory: where the file is made.
        digest: what its SHA-256 must come to.
    """

    def __init__(self, directory: Path, digest: str) -> None:
        self._digest = digest
        self._hash = hashlib.sha256()
        with translated_errors():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(prefix=f"{digest[:16]}.", dir=directory)
        self.path = Path(name)
        self._file = os.fdopen(number, "wb", buffering=0)
        self.size_bytes = 0

    def write(self, piece: Buffer) -> None:
        """Take some more bytes.

        Raises:
            Fault: the disk is full (507).
        """
        rest = memoryview(piece)
        self._hash.update(rest)
        self.size_bytes += len(rest)
        with translated_errors():
            while rest:
                rest = rest[self._file.write(rest) :]

    def finish(self, *, durable: bool) -> None:
        """Close it.

        Args:
            durable: wait until it is on the disk.

        Raises:
            Fault: it is not what its name says (422), or the disk is full (507).
        """
        found = self._hash.hexdigest()
        if found != self._digest:
            raise faults.blob_differs(self._digest, found, self.size_bytes)
        with translated_errors():
            if durable:
                os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Throw it away, if it is still there."""
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def translated_errors() -> Generator[None, None, None]:
    """Say a full disk as the answer that it is."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise faults.blob_store_full(error.strerror or str(error)) from error
        raise
