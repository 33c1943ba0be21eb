"""The command with a home of its own, and a service started by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from farpool import Client
from support.command import Command


@dataclass(frozen=True, slots=True)
class Served:
    """A service that `farpool serve` runs."""

    command: Command
    url: str
    amqp_port: int
    token: str
    directory: Path

    def client(self) -> Client:
        """Make a client of the same user."""
        return Client(service_url=self.url, token=self.token)


@pytest.fixture
def farpool(tmp_path: Path) -> Command:
    """The command with an empty home."""
    return Command(tmp_path / "home")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service and the command of the user who started it."""
    command = Command(tmp_path_factory.mktemp("served") / "home")
    with command.running("serve", "--port", 0, "--amqp-port", 0) as told:
        yield Served(
            command.having(FARPOOL_SERVICE_URL=told["service_url"]),
            url=told["service_url"],
            amqp_port=told["amqp_port"],
            token=Path(told["token_file"]).read_text().strip(),
            directory=Path(told["directory"]),
        )
