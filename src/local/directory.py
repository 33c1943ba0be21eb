"""The private directory of an embedded stack: made, locked by its owner, removed, and swept up when the owner died.

A dead program cannot clean up, so the next one does. The owner holds a POSIX record lock on `owner.lock`: the kernel
drops it with the process, however that ends, and forked children do not inherit it. What another process can lock has
no owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path

log = logging.getLogger(__name__)

LOCK = "owner.lock"
PREFIX = "farpool-stack-"
#: Logs of a stack that failed are kept this long, so that somebody can read them.
KEEP_LOGS_S = 24 * 3600


class PrivateDirectory:
    """A new directory that only this user may enter, owned by this process until `close`.

    Args:
        parent: where to make it; the system's directory for temporary files when left out.

    Attributes:
        path: the directory, mode 0700.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
        # Locked before it has its name: a sweeper never sees an owner's file that is not locked yet.
        unnamed = self.path / f"{LOCK}.new"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(self.path / LOCK)

    def close(self, *, keep_logs: bool = False) -> None:
        """Remove the directory, or all of it but the logs."""
        _remove(self.path, keep=(".log",) if keep_logs else ())
        os.close(self._lock)


def sweep(parent: Path | None = None) -> list[Path]:
    """Remove the directories of programs that died, and logs that have been kept long enough.

    Returns:
        The directories that were removed.
    """
    own = f"{PREFIX}{os.getpid()}-"
    removed: list[Path] = []
    for entry in os.scandir(parent or tempfile.gettempdir()):
        # Our own must not even be opened: closing a second descriptor of a file drops the lock of the first one.
        if not entry.name.startswith(PREFIX) or entry.name.startswith(own) or not _is_ours(entry):
            continue
        path = Path(entry.path)
        if _is_abandoned(path):
            log.debug("removing %s: the program that made it is gone", path)
            _remove(path)
            removed.append(path)
    return removed


def _is_ours(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:  # gone meanwhile
        return False


def _is_abandoned(path: Path) -> bool:
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:  # just being made, or logs of a failed stack
        return _is_older_than(path, KEEP_LOGS_S)
    except OSError:
        return False
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)


def _is_older_than(path: Path, age_s: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime > age_s
    except OSError:
        return False


def _remove(path: Path, *, keep: tuple[str, ...] = ()) -> None:
    """Remove a directory but for files with these endings; its lock goes last, so that another try can follow."""
    with contextlib.suppress(OSError):  # another sweeper was quicker, or a dying process still writes
        for entry in list(os.scandir(path)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif not entry.name.endswith((LOCK, *keep)):
                Path(entry.path).unlink(missing_ok=True)
        if not keep and os.listdir(path) != [LOCK]:
            return
        (path / LOCK).unlink(missing_ok=True)
        if not keep:
            path.rmdir()
