"""The service's directory: its token, its secret, the ports it chose, and the lock that keeps it one service's."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from pathlib import Path
from typing import IO

from ..errors import FarpoolError

log = logging.getLogger(__name__)


class ServiceDirectory:
    """The files in a service's directory.

    Attributes:
        path: the directory, absolute.
        token_file: the local user's bearer token, mode 0600.
        store_file: the SQLite database.
        blobs: the blobs, where they are kept as files.
        spool: where blobs are put together.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.token_file = self.path / "token"
        self.store_file = self.path / "service.sqlite"
        self.blobs = self.path / "blobs"
        self.spool = self.path / "spool"
        self._ports_file = self.path / "ports.json"
        self._lock: IO[str] | None = None

    def make(self) -> None:
        """Make the directory when it is not there."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def claim(self) -> None:
        """Make the directory this process's own until `release` or its end.

        Raises:
            FarpoolError: another service runs on it; names its process.
        """
        self.make()
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise FarpoolError(
                f"another service (process {owner}) runs on {self.path}; stop it, or give this one another directory"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Let another service have the directory."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def token(self) -> str:
        """Return the local user's token; make one when there is none."""
        return _read_or_make(self.token_file)

    def secret(self) -> bytes:
        """Return the secret that the AMQP passwords come from; make one when there is none."""
        return _read_or_make(self.path / "secret").encode()

    def ports(self) -> dict[str, int]:
        """Return the ports that were chosen at the last start, by name; unreadable ones are forgotten."""
        try:
            ports = json.loads(self._ports_file.read_text())
            return {str(name): int(port) for name, port in ports.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.warning("%s is unreadable (%s): choosing new ports", self._ports_file, error)
            return {}

    def write_ports(self, ports: dict[str, int]) -> None:
        """Remember the ports for the next start."""
        _replace(self._ports_file, json.dumps(ports))


def _read_or_make(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        text = ""
    if not text:
        text = secrets.token_urlsafe(32)
        _replace(path, f"{text}\n")
    # A file that somebody made by hand may be readable by all.
    path.chmod(0o600)
    return text


def _replace(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one piece: a crash leaves the old one or the new one."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    new.replace(path)
