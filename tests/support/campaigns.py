"""Programs that submit a campaign and are killed, on a service and an endpoint in processes of their own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from .command import Command
from .service import RunningService, ServiceProcess

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Site:
    """A service and an endpoint with two workers, and a home for programs.

    Attributes:
        command: the `farpool` command of that home.
    """

    service: RunningService
    endpoint_id: str
    command: Command

    @property
    def home(self) -> Path:
        """FARPOOL_HOME of the programs."""
        return self.command.home


@contextlib.contextmanager
def site(directory: Path) -> Generator[Site, None, None]:
    """Run a service and an endpoint, each in a process of its own, until the block ends."""
    with ServiceProcess(directory / "service") as process:
        service = process.start()
        command = Command(directory / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        with command.running("endpoint", "start", "site", "--workers", "2", "--foreground") as endpoint:
            yield Site(service, endpoint["endpoint_id"], command.having(FARPOOL_ENDPOINT_ID=endpoint["endpoint_id"]))


@contextlib.contextmanager
def program(
    site: Site, text: str, *arguments: object, **variables: str
) -> Generator[subprocess.Popen[str], None, None]:
    """Run a Python program at a site; it is killed at the end of the block, if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=site.command.having(**variables).environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], expected: str) -> None:
    """Wait until a program prints a line."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == expected:
            return
    raise AssertionError(f"the program ended and never said {expected!r}")
