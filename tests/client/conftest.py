"""A scripted service, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.client import Client, Patience
from farpool.settings import Settings
from support.rest_server import RestServer

#: Tests that do not look at retries do not wait for them.
AT_ONCE = Patience(first_s=0, away_s=0, broken_s=0)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that want a proxy set one; that of the machine they run on must not answer for a missing host."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def server() -> Iterator[RestServer]:
    with RestServer() as one:
        yield one


@pytest.fixture
def client(server: RestServer, settings: Settings) -> Iterator[Client]:
    with Client(
        service_url=server.url, token="secret-1", settings=settings, patience=AT_ONCE, do_version_check=False
    ) as one:
        yield one
