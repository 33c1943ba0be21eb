"""The examples, run as a reader runs them."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import Command
from support.environments import ROOT

pytestmark = pytest.mark.slow

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def farpool(tmp_path: Path) -> Command:
    """The command with an empty home."""
    return Command(tmp_path / "home")


def run(example: str, *arguments: str, farpool: Command) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples" / f"{example}.py"), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=farpool.environment,
        cwd=farpool.home.parent,
        timeout=100,
    )


def test_the_word_count_is_right_and_says_so(farpool: Command) -> None:
    done = run("wordcount", "--workers", "2", farpool=farpool)

    assert done.returncode == 0, done.stderr
    words = re.findall(r"^ *([\d,]+)  [a-z]+$", done.stdout, re.MULTILINE)
    counts = [int(count.replace(",", "")) for count in words]
    tasks = re.search(r"words in (\d+) tasks on 2 workers: \d+\.\d\d s", done.stdout)
    assert len(counts) == 20
    assert counts == sorted(counts, reverse=True)
    assert tasks is not None
    assert int(tasks[1]) >= 600
    assert done.stdout.endswith("counted once more without farpool: the counts are equal\n")


def test_pi_is_about_pi(farpool: Command) -> None:
    done = run("montecarlo", "--tasks", "20", "--darts", "20000", farpool=farpool)

    assert done.returncode == 0, done.stderr
    estimates = [float(text) for text in re.findall(r"pi is about (\d\.\d+)", done.stdout)]
    assert len(estimates) == 10
    assert math.isclose(estimates[-1], math.pi, abs_tol=0.02)


def test_dask_takes_farpool_for_a_scheduler(farpool: Command) -> None:
    done = run("dask_drop_in", farpool=farpool)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "the squares of 0 to 99 add up to 328350\n"


@pytest.fixture
def remote(farpool: Command) -> Iterator[Command]:
    """The command of a user who has a service of their own."""
    with farpool.running("serve", "--port", 0, "--amqp-port", 0) as told:
        yield farpool.having(FARPOOL_SERVICE_URL=told["service_url"])


def test_a_function_runs_on_the_endpoint_that_is_named(remote: Command) -> None:
    with remote.running("endpoint", "start", "laptop", "--workers", 1, "--foreground") as told:
        done = run("remote", told["endpoint_id"], farpool=remote)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\S+ on \S+, Python 3\.\d+\.\d+\n", done.stdout)


def test_an_endpoint_that_is_not_there_is_told(remote: Command) -> None:
    done = run("remote", NOBODY, farpool=remote)

    assert done.returncode == 1
    assert NOBODY in done.stderr.splitlines()[-1]
