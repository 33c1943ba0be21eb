from __future__ import annotations

import os
from pathlib import Path

import pytest

from farpool.endpoint import failures
from farpool.endpoint.job import Job, Site
from farpool.endpoint.surroundings import around
from farpool.wire import new_id

ENDPOINT = new_id()


def test_a_task_finds_its_id_and_where_the_worker_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GC_TASK_SANDBOX_DIR", raising=False)
    job = Job(new_id(), b"")

    with around(job, Site(ENDPOINT), is_alone=True):
        assert os.environ["GC_TASK_UUID"] == job.task_id
        assert "GC_TASK_SANDBOX_DIR" not in os.environ
        assert Path.cwd() == tmp_path


def test_a_task_in_a_sandbox_runs_in_a_directory_of_its_own_which_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    site = Site(ENDPOINT, sandboxes=str(tmp_path / "work"))
    jobs = [Job(new_id(), b""), Job(new_id(), b"")]

    for job in jobs:
        with around(job, site, is_alone=True):
            assert os.environ["GC_TASK_SANDBOX_DIR"] == str(Path.cwd()) == str(tmp_path / "work" / job.task_id)
            Path("made").touch()

    assert Path.cwd() == tmp_path
    assert "GC_TASK_SANDBOX_DIR" not in os.environ
    assert all((tmp_path / "work" / job.task_id / "made").exists() for job in jobs)


def test_a_sandbox_that_cannot_be_made_fails_the_task_alone(tmp_path: Path) -> None:
    (tmp_path / "work").touch()

    surroundings = around(Job(new_id(), b""), Site(ENDPOINT, sandboxes=str(tmp_path / "work")), is_alone=True)

    with pytest.raises(failures.Failed, match="a directory of its own cannot be made"), surroundings:
        raise AssertionError("it ran")


def test_ranks_that_a_task_asks_for_are_in_its_variables_and_gone_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARSL_NUM_RANKS", "before")
    job = Job(new_id(), b"", resources={"num_ranks": 2})

    with around(job, Site(ENDPOINT, mpi_launcher="env"), is_alone=True):
        assert os.environ["PARSL_MPI_PREFIX"] == "env -n 2"
        assert os.environ["PARSL_NUM_RANKS"] == "2"

    assert "PARSL_MPI_PREFIX" not in os.environ
    assert os.environ["PARSL_NUM_RANKS"] == "before"


@pytest.mark.parametrize(
    ("job", "site"),
    [
        (Job(new_id(), b"", resources={"num_ranks": 2}), Site(ENDPOINT)),
        (Job(new_id(), b""), Site(ENDPOINT, sandboxes="/nowhere")),
    ],
)
def test_threads_have_neither(job: Job, site: Site) -> None:
    with pytest.raises(failures.Failed, match="runs tasks in threads"), around(job, site, is_alone=False):
        raise AssertionError("it ran")


def test_what_a_worker_cannot_give_is_told_in_its_words() -> None:
    surroundings = around(Job(new_id(), b"", resources={"num_nodes": 3}), Site(ENDPOINT), is_alone=True)

    with pytest.raises(failures.Failed, match="num_nodes=3, and this endpoint is one machine"), surroundings:
        raise AssertionError("it ran")
