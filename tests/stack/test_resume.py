"""A program is killed, another one takes up what it submitted: nothing is lost, and nothing runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool import Executor
from support.campaigns import Site, program, site, wait_for_line

TIMEOUT_S = 60.0

#: Each call adds a line to a file of its own, so that one that runs twice shows.
PROGRAM = """
import sys, threading
from pathlib import Path
from farpool import Executor

def work(directory, number):
    import time
    with (Path(directory) / str(number)).open("a") as file:
        file.write("ran\\n")
    time.sleep(0.01)
    return number * number

ex = Executor(label=sys.argv[2])
futures = [ex.submit(work, sys.argv[1], number) for number in range(int(sys.argv[3]))]
futures[int(sys.argv[4])].result()
print("some are done", flush=True)
threading.Event().wait()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def here(place: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site, for executors of this process, too."""
    for name in ("FARPOOL_HOME", "FARPOOL_SERVICE_URL", "FARPOOL_TOKEN", "FARPOOL_ENDPOINT_ID"):
        monkeypatch.setenv(name, place.command.environment[name])
    return place


@pytest.mark.slow
def test_a_hundred_tasks_in_flight_at_a_kill_give_a_hundred_results_and_ran_once(here: Site, tmp_path: Path) -> None:
    with program(here, PROGRAM, tmp_path, "kill", 100, 10) as process:
        wait_for_line(process, "some are done")
        process.kill()

    with Executor.resume("kill") as ex:
        results = [future.result(TIMEOUT_S) for future in ex.futures]
        calls = [future.call for future in ex.futures]

    assert results == [number * number for number in range(100)]
    assert calls[7].startswith("work('")
    assert calls[7].endswith("', 7)")
    assert [(tmp_path / str(number)).read_text() for number in range(100)] == ["ran\n"] * 100
