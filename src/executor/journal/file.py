"""The journal's file: SQLite, for this user alone, bounded; and the locks that tell which campaigns are at work."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sqlite3
import stat
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

#: Bytes that the file may take, at most. What is freed in it is used again.
MAX_FILE_BYTES = 512 * 1024 * 1024

#: Seconds to wait for another program that writes to it.
LOCK_TIMEOUT_S = 5.0

#: Pages of the write-ahead log that are gathered before they go into the file itself: 16 MB.
_CHECKPOINT_PAGES = 4000

# The numbers are those of this form of the file: another form would be other tables.
_TABLES = """
CREATE TABLE IF NOT EXISTS campaigns_1 (
    campaign INTEGER PRIMARY KEY AUTOINCREMENT, label TEXT NOT NULL, service_url TEXT NOT NULL,
    endpoint_id TEXT NOT NULL, task_group_id TEXT, host TEXT NOT NULL, pid INTEGER NOT NULL, program TEXT NOT NULL,
    begun_at REAL NOT NULL, written_at REAL NOT NULL, ended_at REAL
);
CREATE TABLE IF NOT EXISTS names_1 (
    name TEXT NOT NULL, campaign INTEGER NOT NULL, PRIMARY KEY (name, campaign)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records_1 (
    record INTEGER PRIMARY KEY, campaign INTEGER NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
    payloads BLOB
);
CREATE INDEX IF NOT EXISTS records_1_of ON records_1 (campaign);
"""


class JournalFile:
    """Where the journal is, or will be.

    Args:
        path: the file; its directory is made (mode 0700).
        max_bytes: its size, at most.
        lock_timeout: seconds to wait for other programs that write.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_FILE_BYTES, lock_timeout: float = LOCK_TIMEOUT_S) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._lock_timeout = lock_timeout
        self.locks = Locks(path.with_suffix(".lock"))

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    @contextmanager
    def opened(self) -> Generator[sqlite3.Connection, None, None]:
        """Open it for the length of a block.

        Raises:
            sqlite3.Error, OSError: it cannot be opened, or others can write to it.
        """
        with contextlib.closing(self.open()) as connection:
            yield connection

    def open(self) -> sqlite3.Connection:
        """Open it, making it if need be. The connection is for the thread that asked.

        Raises:
            sqlite3.Error, OSError: it cannot be opened, or others can write to it: what they wrote would be run here.
        """
        self._require_private()
        connection = sqlite3.connect(self.path, timeout=self._lock_timeout, isolation_level=None)
        try:
            # With these two, what is committed survives the death of the program, at the cost of no wait for the disk.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(16, self.max_bytes // page_bytes)}")
            connection.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_PAGES * page_bytes}")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'records_1_of'").fetchone():
                connection.executescript(_TABLES)
        except BaseException:
            connection.close()
            raise
        return connection

    def _require_private(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another thread or process was quicker
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            status = self.path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o022 or status.st_uid not in {os.geteuid(), 0}:
            raise PermissionError("others can write to it")
        if mode & 0o044 and status.st_uid == os.geteuid():
            self.path.chmod(0o600)


class Locks:
    """Which campaigns are at work: who has one holds a lock on a byte of a file, that of the campaign's number.

    They are POSIX record locks: the kernel drops them with the process, however that ends, and forked children do not
    inherit them. The file stays open: closing any descriptor of it would drop the locks of all.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor = -1
        self._held: set[int] = set()
        self._pid = 0

    def take(self, campaign: int) -> bool:
        """Hold a campaign for this process; False when another one, or another executor here, holds it.

        Raises:
            OSError: the file cannot be used.
        """
        with self._lock:
            file = self._open()
            if campaign in self._held:
                return False
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, campaign)
            except (BlockingIOError, PermissionError):
                return False
            self._held.add(campaign)
            return True

    def release(self, campaign: int) -> None:
        """Let go of a campaign."""
        with self._lock:
            if self._pid == os.getpid() and campaign in self._held:
                self._held.discard(campaign)
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, campaign)

    def is_held(self, campaign: int) -> bool:
        """Whether an executor is at work on a campaign, here or in another process.

        Raises:
            OSError: the file cannot be used.
        """
        with self._lock:
            file = self._open()
            if campaign in self._held:
                return True
            try:
                # Shared, so that two that ask at once do not take each other for an owner.
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, campaign)
            except (BlockingIOError, PermissionError):
                return True
            fcntl.lockf(file, fcntl.LOCK_UN, 1, campaign)
            return False

    def forked(self) -> None:
        """Be of use in the child of a fork, where the lock may be one that another thread held."""
        self._lock = threading.Lock()

    def _open(self) -> int:
        if self._pid != os.getpid():  # the first use, or the first after a fork: locks are the parent's
            self._pid, self._held = os.getpid(), set()
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor


@functools.cache
def journal_file(home: Path) -> JournalFile:
    """Give the journal under a home: one object per process, as its locks belong to the process."""
    file = JournalFile(home / "journal.db")
    os.register_at_fork(after_in_child=file.locks.forked)
    return file
