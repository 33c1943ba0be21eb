"""The environments of an endpoint: what a worker in one is started with, and which could not be had lately."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import failures
from .engine import Loss
from .environment_packages import lay_out
from .job import Site
from .runtimes import Command, Packages, Surroundings, command, missing

#: For so long nobody tries again to start a worker where that has just failed: what waits is refused at once.
RETRY_S = 5.0
#: What a failed start has said is quoted with so many of its last characters.
QUOTED_CHARS = 2000


@dataclass(frozen=True, slots=True)
class EnvironmentOptions:
    """What the endpoint's owner says of environments.

    Attributes:
        options: by type, for the command.
        start_s: seconds that a worker has to start.
    """

    options: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    start_s: float = 300.0


class Environments:
    """Starts nothing itself; has a directory of its own once a command was asked for, until `close`.

    Args:
        options: of the endpoint's owner.
        clock: gives seconds.
    """

    def __init__(self, options: EnvironmentOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.start_s = options.start_s
        self._options = options.options
        self._clock = clock
        self._packages: Packages | None = None
        self._failed: dict[tuple[str, str], tuple[float, Loss]] = {}

    def refusal(self, key: tuple[str, str]) -> Loss | None:
        """Say why an environment cannot be had, where that is known without trying."""
        until, loss = self._failed.get(key, (0.0, None))
        if loss is not None and self._clock() < until:
            return loss
        self._failed.pop(key, None)
        why = missing(*key)
        return None if why is None else _loss(key, why)

    def has_failed(self, key: tuple[str, str]) -> bool:
        """Whether a worker could not be started a moment ago."""
        return key in self._failed and self._clock() < self._failed[key][0]

    def failed(self, key: tuple[str, str], why: str, said: str = "") -> Loss:
        """Note that a worker could not be started; give what its jobs are to be told.

        Args:
            key: the environment.
            why: what happened.
            said: what the command has printed.
        """
        said = said.strip()[-QUOTED_CHARS:]
        loss = _loss(key, f"{why}; it said: {said}" if said else why)
        self._failed[key] = (self._clock() + RETRY_S, loss)
        return loss

    def command(self, key: tuple[str, str], site: Site, link: str) -> Command:
        """Give the command of a worker.

        Args:
            key: its environment.
            site: what it will be told.
            link: the directory with its socket.

        Raises:
            OSError: what it needs cannot be laid out.
        """
        if self._packages is None:
            self._packages = lay_out(Path(tempfile.mkdtemp(prefix="farpool-packages-")))
        shared = [one for one in (site.blobs, site.outgoing, site.sandboxes) if one]
        for one in shared:  # a container sees only what is there when it starts
            Path(one).mkdir(mode=0o700, parents=True, exist_ok=True)
        around = Surroundings(
            link,
            self._packages,
            directory=str(Path.cwd()),
            shared=shared,
            user=os.getuid(),
            group=os.getgid(),
            options=tuple(self._options.get(key[0], ())),
        )
        return command(*key, around, search_path=os.environ.get("PATH", os.defpath))

    def close(self) -> None:
        """Remove the directory."""
        if self._packages is not None:
            shutil.rmtree(self._packages.directory, ignore_errors=True)
            self._packages = None


def _loss(key: tuple[str, str], why: str) -> Loss:
    return Loss(failures.ENVIRONMENT_UNAVAILABLE, failures.unavailable(*key, why))
