"""What a user's own program defines: it works on a worker that has never seen it, and what comes back is the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

# Results that the SDK writes: it stores classes of `__main__` anew each time, and cannot store enumerations.
WRITTEN_BY_THE_PEER = ("echoed: ", "a class")


@pytest.mark.slow
def test_every_case_works_on_a_farpool_worker_and_comes_back_as_the_same_classes(
    run_main_program: Callable[[str, str], Any],
) -> None:
    assert run_main_program(sys.executable, "farpool") == {}


@pytest.mark.slow
def test_every_case_works_on_a_worker_that_has_dill_only(run_main_program: Callable[[str, str], Any]) -> None:
    wrong = run_main_program(sys.executable, "dill")

    assert [name for name in wrong if not name.startswith(WRITTEN_BY_THE_PEER)] == []


@pytest.mark.live
@pytest.mark.slow
def test_every_case_works_on_a_worker_of_the_unmodified_sdk(
    run_main_program: Callable[[str, str], Any], peer_python: str
) -> None:
    wrong = run_main_program(peer_python, "sdk")

    assert [name for name in wrong if not name.startswith(WRITTEN_BY_THE_PEER)] == []
