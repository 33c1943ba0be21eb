"""Random faults of every kind between an executor and a stack: `benchmarks/faults.py` has a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.storm import weather


@pytest.mark.slow
def test_no_task_is_lost_wrong_or_run_twice_in_a_storm_of_faults(tmp_path: Path) -> None:
    left = weather(tmp_path, seed=11, faults=25)

    assert (left.unresolved, left.wrong, left.errors, left.twice, left.never) == (0, 0, {}, 0, 0)
    assert left.usable
    assert left.faults.total() == 25
    assert sum(stats.retries + stats.reconnects for stats in left.stats)
