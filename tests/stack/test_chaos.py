"""Nothing is lost when the service dies and the result connection breaks in the middle of work."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.chaos import run_through


@pytest.mark.slow
def test_every_result_comes_through_a_killed_service_and_cut_connections(tmp_path: Path) -> None:
    aftermath = run_through(tmp_path, tasks=2000, kills=2, cuts=5)

    assert (aftermath.right, aftermath.wrong, aftermath.errors) == (2000, 0, {})
    assert aftermath.connections > 2
