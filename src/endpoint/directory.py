"""The directory of one endpoint: its configuration, its id, its lock and its log.

<home>/endpoints/<name>/
    config.json     how it runs tasks (`EndpointConfig`); may be edited while it is stopped
    endpoint.json   {"endpoint_id": ...}: its id at the service, from its first registration on
    agent.lock      locked, and holding the process id, while an agent runs
    agent.log       what a detached agent and its workers print
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Generator
from pathlib import Path

from ..errors import FarpoolError
from ..wire.ids import as_id
from .config import EndpointConfig, read_config, write_config

MAX_NAME_CHARS = 128


def checked_name(name: str) -> str:
    """Return `name` if an endpoint can have it.

    Raises:
        ValueError: it is empty, too long, begins with a dot, or holds blanks, slashes or quotes; says which.

    Source: Globus Compute documentation, endpoint names.
    """
    if not name:
        raise ValueError("an endpoint's name must not be empty")
    if len(name) > MAX_NAME_CHARS:
        raise ValueError(f"an endpoint's name has at most {MAX_NAME_CHARS} characters, this one {len(name)}")
    if name.startswith("."):
        raise ValueError(f"endpoint name {name!r} begins with a dot; choose one that does not")
    bad = sorted({char for char in name if char in "/\\'\"" or not char.isprintable() or char.isspace()})
    if bad:
        raise ValueError(f"endpoint name {name!r} holds {bad[0]!r}: blanks, slashes and quotes are not possible")
    return name


class EndpointDirectory:
    """One endpoint's place on this machine.

    Args:
        path: the directory; need not be there yet.
        name: the endpoint's name; the directory's when left out.

    Raises:
        ValueError: no endpoint can have that name.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = checked_name(self.path.name if name is None else name)

    def __repr__(self) -> str:
        return f"EndpointDirectory({str(self.path)!r})"

    @classmethod
    def of(cls, home: Path, name: str) -> EndpointDirectory:
        """Give the directory of the endpoint of that name in a home (`Settings.home`)."""
        return cls(Path(home) / "endpoints" / checked_name(name))

    @property
    def exists(self) -> bool:
        """Whether there is such an endpoint."""
        return self.path.is_dir()

    @property
    def blobs(self) -> Path:
        """Where large arguments are kept when they have come: in common with the other endpoints of its home."""
        place = self.path.absolute().parent
        return place.parent / "blobs" if place.name == "endpoints" else self.path / "blobs"

    @property
    def log_file(self) -> Path:
        """Where a detached agent logs to."""
        return self.path / "agent.log"

    def create(self) -> None:
        """Make the directory, for this user alone; nothing happens when it is there."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def config(self) -> EndpointConfig:
        """Read the configuration; the defaults where there is none.

        Raises:
            FarpoolError: it cannot be used; says why.
        """
        file = self.path / "config.json"
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return EndpointConfig()
        except OSError as error:
            raise FarpoolError(f"{file} cannot be read: {error.strerror}") from error
        return read_config(text, str(file))

    def write_config(self, config: EndpointConfig) -> None:
        """Write the configuration."""
        self._write("config.json", write_config(config))

    def endpoint_id(self) -> str | None:
        """Read the endpoint's id; None before its first registration.

        Raises:
            FarpoolError: the file is damaged.
        """
        file = self.path / "endpoint.json"
        try:
            return as_id(json.loads(file.read_text(encoding="utf-8"))["endpoint_id"], "endpoint_id")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise FarpoolError(
                f"{file} cannot be used ({type(error).__name__}: {error}); correct it, or delete it to register anew"
            ) from error

    def write_endpoint_id(self, endpoint_id: str) -> None:
        """Keep the endpoint's id."""
        self._write("endpoint.json", json.dumps({"endpoint_id": endpoint_id}) + "\n")

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Hold the endpoint for this process: it has one agent at a time.

        Raises:
            FarpoolError: another process holds it; names that.
        """
        self.create()
        descriptor = os.open(self.path / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FarpoolError(
                    f"endpoint {self.name!r} is running already, as process {_pid_in(descriptor)}; "
                    f"stop it with: farpool endpoint stop {self.name}"
                ) from None
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def holder(self) -> int | None:
        """Give the process id of the agent that runs; None when none does."""
        try:
            descriptor = os.open(self.path / "agent.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _pid_in(descriptor)
        else:
            return None
        finally:
            os.close(descriptor)

    def wait_released(self) -> None:
        """Block until no agent runs."""
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self.path / "agent.lock", os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)

    def remove(self) -> None:
        """Delete the directory and all in it.

        Raises:
            FarpoolError: an agent runs in it.
        """
        with self.locked():
            shutil.rmtree(self.path)

    def _write(self, name: str, text: str) -> None:
        self.create()
        unfinished = self.path / f".{name}.{os.getpid()}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(self.path / name)


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode("ascii", errors="replace").strip()
    return int(text) if text.isdigit() else None
