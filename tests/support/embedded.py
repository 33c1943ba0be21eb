"""Fixtures of rooms whose tests run on an embedded stack: a conftest imports those it wants by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool import Executor
from farpool.local import StackLease, acquire

#: Seconds that a test waits for a result.
TIMEOUT = 60


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory of the tests' own: what a person has in theirs must not matter."""
    directory = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARPOOL_HOME", str(directory))
        for name in ("FARPOOL_SERVICE_URL", "FARPOOL_ENDPOINT_ID", "FARPOOL_TOKEN"):
            patch.delenv(name, raising=False)
        yield directory


@pytest.fixture(scope="session")
def stack(home: Path) -> Iterator[StackLease]:
    """One embedded stack for all tests of this process: executors with two workers share it."""
    lease = acquire(2)
    yield lease
    lease.release()


@pytest.fixture
def executor(stack: StackLease) -> Iterator[Executor]:
    """An executor of two workers on the embedded stack."""
    with Executor(max_workers=2) as ex:
        yield ex
