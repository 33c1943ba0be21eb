"""What is remembered from one program to the next: the ids of functions that are registered already.

    Memory (one service, one user)  --.
    Memory                          ---+-->  FunctionFile  -->  <home>/functions.db

It saves requests, and nothing depends on it: what is wrong with the file is said once in the log, and it is left alone
from then on. A row says that the function of this key has this id. Keys are hashes of the service, the user and the
code: who reads the file learns nothing of these. Who could write to it could have others run a function of theirs, so a
file that others can write to is not used.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds until a function is registered anew, in case the service forgets those that are old: 30 days.
MAX_AGE_S = 30 * 86_400.0

#: Functions in a file: some 2 MB.
MAX_FUNCTIONS = 10_000

#: Seconds to wait for other processes that write to it.
LOCK_TIMEOUT_S = 2.0

# The number is that of this form of the file: another form would be another table.
_TABLE = """CREATE TABLE IF NOT EXISTS functions_1 (
    number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, function_id TEXT NOT NULL, registered_at REAL NOT NULL
)"""


class FunctionFile:
    """The file. Safe with other threads and processes, also forked ones: each call opens and closes it.

    Args:
        path: where it is, or will be; its directory is made (mode 0700).
        max_functions: the oldest make room for more.
        lock_timeout: seconds to wait for other processes that write.
        clock: gives the time, in seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_functions: int = MAX_FUNCTIONS,
        lock_timeout: float = LOCK_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._max_functions = max_functions
        self._lock_timeout = lock_timeout
        self._clock = clock
        self._is_off = False

    def get(self, key: bytes) -> str | None:
        """Give the id of the function of a key; None when it is not there or too old."""
        asked = "SELECT function_id FROM functions_1 WHERE key = ? AND registered_at > ?"
        oldest = self._clock() - MAX_AGE_S
        rows: list[tuple[str]] | None = self._do(lambda file: file.execute(asked, (key, oldest)).fetchall())
        return rows[0][0] if rows else None

    def keep(self, key: bytes, function_id: str) -> None:
        """Note the id of the function of a key, in place of an earlier one."""
        now = self._clock()

        def keep(file: sqlite3.Connection) -> None:
            file.execute("BEGIN IMMEDIATE")
            noted = file.execute(
                "INSERT OR REPLACE INTO functions_1 (key, function_id, registered_at) VALUES (?, ?, ?)",
                (key, function_id, now),
            )
            file.execute(
                "DELETE FROM functions_1 WHERE number <= ? OR registered_at <= ?",
                ((noted.lastrowid or 0) - self._max_functions, now - MAX_AGE_S),
            )
            file.execute("COMMIT")

        self._do(keep)

    def forget(self, key: bytes, function_id: str) -> None:
        """Forget that the function of a key has this id; another id, noted meanwhile, stays."""
        statement = "DELETE FROM functions_1 WHERE key = ? AND function_id = ?"
        self._do(lambda file: file.execute(statement, (key, function_id)))

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        if self._is_off:
            return None
        try:
            with contextlib.closing(self._open()) as file:
                return work(file)
        except (sqlite3.Error, OSError) as error:
            if not self._is_off:
                self._is_off = True
                log.warning(
                    "%s is not used: %s; functions are registered in each program anew. Remove it, or set "
                    "FARPOOL_REMEMBER_FUNCTIONS=0",
                    self._path,
                    error,
                )
            return None

    def _open(self) -> sqlite3.Connection:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._make()
            status = self._path.stat()
        if stat.S_IMODE(status.st_mode) & 0o022 or status.st_uid not in {os.geteuid(), 0}:
            raise PermissionError("others can write to it")
        file = sqlite3.connect(self._path, timeout=self._lock_timeout, isolation_level=None)
        try:
            file.execute("PRAGMA synchronous = NORMAL")
            file.execute(_TABLE)
        except BaseException:
            file.close()
            raise
        return file

    def _make(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another thread or process was quicker
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


class Memory:
    """The functions that one user has registered at one service.

    Args:
        file: where they are kept.
        service_url: the service.
        identity: names the user; None while that is not known, and then nothing is remembered.
    """

    def __init__(self, file: FunctionFile, service_url: str, identity: Callable[[], str | None]) -> None:
        self._file = file
        self._service_url = service_url
        self._identity = identity

    def get(self, key: bytes) -> str | None:
        """Give the id of the function of a key, if it is remembered."""
        own = self._own(key)
        return None if own is None else self._file.get(own)

    def keep(self, key: bytes, function_id: str) -> None:
        """Remember the id of the function of a key."""
        if (own := self._own(key)) is not None:
            self._file.keep(own, function_id)

    def forget(self, key: bytes, function_id: str) -> None:
        """Forget that the function of a key has this id."""
        if (own := self._own(key)) is not None:
            self._file.forget(own, function_id)

    def _own(self, key: bytes) -> bytes | None:
        identity = self._identity()
        return None if identity is None else sha256(f"{self._service_url}\n{identity}\n".encode() + key).digest()


@functools.cache
def function_file(home: Path) -> FunctionFile:
    """Give the file under a home: one object per process, so that a complaint about it comes once."""
    return FunctionFile(home / "functions.db")
