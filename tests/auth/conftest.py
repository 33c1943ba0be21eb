"""Globus, somebody who has an account there, and a service that takes its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.globus import Globus
from fakes.globus_directory import Person
from fakes.globus_site import GlobusSite
from farpool.settings import Settings


@pytest.fixture
def globus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Globus]:
    """Globus, at which globus-sdk arrives."""
    with Globus() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def ada(globus: Globus) -> Person:
    return globus.person("ada@example.org")


@pytest.fixture
def site(globus: Globus) -> Iterator[GlobusSite]:
    with GlobusSite(globus) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home")
