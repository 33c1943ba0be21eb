"""Stacks of stand-in processes, which start in milliseconds."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.local.stack import Stack
from support import standin_program


@pytest.fixture
def private_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files that nobody else's stack is in; the stack of other tests here is none of ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("farpool.local.lease._slots", {})
    return tmp_path


@pytest.fixture
def stack(private_tmp: Path) -> Iterator[Stack]:
    """A stack of stand-in processes; the test must leave as often as it enters."""
    made = Stack([sys.executable, str(standin_program.__file__)])
    yield made
    assert made.service.pid is None or made.service.ended.done()
