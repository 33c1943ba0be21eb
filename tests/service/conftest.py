"""Fixtures of the service's tests: one service per module, two people who call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from farpool.service import issue_token
from support.callers import Caller
from support.service import RunningService, service_in_thread


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service on the embedded broker, in a thread."""
    with service_in_thread(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def caller(service: RunningService) -> Iterator[Caller]:
    """The local user."""
    with Caller(service) as one:
        yield one


@pytest.fixture
def stranger(service: RunningService) -> Iterator[Caller]:
    """Somebody else."""
    with Caller(service, issue_token(service.directory, "stranger")) as one:
        yield one
