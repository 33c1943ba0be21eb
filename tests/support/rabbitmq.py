"""A RabbitMQ node of our own on loopback, shared by all workers of a test run, gone with the last of them.

    @pytest.fixture(scope="session")
    def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitNode]:
        with rabbitmq_node(shared_directory(tmp_path_factory)) as node:
            yield node

`node.url()` gives an AMQP URL with a virtual host that nobody else has: names in it may be chosen freely.

Every user holds a shared lock on the file ``users``. The node's keeper, a daemon, waits for an exclusive one: it gets
it when the last user has let go or died, and then takes the node down.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .environments import locked, missing
from .rabbitmq_keeper import PASSWORD, SERVER, USER, VHOSTS


class RabbitNode:
    """A running node.

    Attributes:
        port: where it listens for AMQP, on 127.0.0.1.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = int((directory / "port").read_text())

    def url(self) -> str:
        """Give an AMQP URL, as an administrator, with a virtual host that nobody else has."""
        counter = self._directory / "vhosts"
        with locked(self._directory / "vhosts.lock"):
            number = int(counter.read_text()) if counter.exists() else 0
            counter.write_text(str(number + 1))
        assert number < VHOSTS, f"all {VHOSTS} virtual hosts of the test node are used up: raise VHOSTS"
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/t{number}"


def shared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory that all workers of this test run share, and no other run does."""
    base = tmp_path_factory.getbasetemp()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    directory = base.parent / f"rabbitmq-{run}" if run else base / "rabbitmq"
    directory.mkdir(exist_ok=True)
    return directory


@contextmanager
def rabbitmq_node(directory: Path) -> Generator[RabbitNode, None, None]:
    """Use the node that belongs to `directory`, starting it if it does not run.

    Skips the test where there is no RabbitMQ; fails under CI=true.
    """
    if not SERVER.exists():
        missing(f"there is no RabbitMQ here ({SERVER}): scripts/install-rabbitmq installs it")
    with (directory / "users").open("w") as users:
        with locked(directory / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a node that is being taken down
            _count(directory, 1)
            if not (directory / "port").exists():
                _start(directory)
        try:
            yield RabbitNode(directory)
        finally:
            with locked(directory / "start.lock"):
                is_last = _count(directory, -1) == 0
                users.close()
                if is_last:
                    _wait_until_gone(directory)


def _count(directory: Path, change: int) -> int:
    counter = directory / "users.count"
    users = change + (int(counter.read_text()) if counter.exists() else 0)
    counter.write_text(str(users))
    return users


def _start(directory: Path) -> None:
    keeper = Path(__file__).with_name("rabbitmq_keeper.py")
    done = subprocess.run(
        [sys.executable, str(keeper), str(directory)], capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, f"the RabbitMQ node did not start:\n{done.stdout}\n{done.stderr}"


def _wait_until_gone(directory: Path) -> None:
    """Wait for the keeper, which holds this lock for as long as it lives."""
    with locked(directory / "keeper.lock"):
        assert not (directory / "port").exists()
