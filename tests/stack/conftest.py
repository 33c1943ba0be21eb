from __future__ import annotations

from collections.abc import Iterator

import pytest

from farpool import Client
from farpool.local import StackLease
from support.embedded import executor, home, stack

__all__ = ["executor", "home", "stack"]


@pytest.fixture
def client(stack: StackLease) -> Iterator[Client]:
    with Client(service_url=stack.service_url, token=stack.token) as client:
        yield client
