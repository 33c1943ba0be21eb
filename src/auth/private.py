"""Files that are their owner's alone: how they are checked, and how processes take turns at them."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from collections.abc import Generator
from pathlib import Path

from ..errors import AccessDenied, FarpoolError

log = logging.getLogger(__name__)


@contextlib.contextmanager
def turn_at(path: Path) -> Generator[None]:
    """Hold a lock on a file that need not exist, making its directory (mode 0700). Blocks while another holds it.

    Raises:
        FarpoolError: the directory cannot be made or written to.
    """
    # A file of its own: the file may be replaced, and a lock on it would then be a lock on what was.
    lock_path = path.with_suffix(".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(lock_path, "a", opener=_private)  # noqa: SIM115 - closed below, after others' errors
    except OSError as error:
        raise FarpoolError(
            f"cannot write in {path.parent} ({error.strerror}): set FARPOOL_HOME to a directory of your own"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # between threads too, which lockf is not
        except OSError as error:
            # Some network file systems cannot: then the last of two that write at once wins, and nothing is torn.
            log.debug("no lock on %s: %s", lock_path, error)
        yield


def refuse_open_file(path: Path, status: os.stat_result) -> None:
    """Refuse a file that others than its owner, and root, can read or write.

    As ssh does with private keys: quietly correcting the mode would hide that the content may have been copied already.

    Raises:
        AccessDenied: they can; says what to do.
    """
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise AccessDenied(
            f"{path} has mode {mode:04o}, so others can read or change the tokens in it; it is not used. "
            f"Run: chmod 600 {path} - and where the machine is shared, replace the tokens"
        )
    if status.st_uid not in {os.geteuid(), 0}:
        raise AccessDenied(f"{path} belongs to another user (uid {status.st_uid}); it is not used")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
