"""The initializer on a real endpoint: once per worker process and executor; broken when it raises."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from collections import Counter
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor
from farpool.local import StackLease
from support.environments import clean_environment

TIMEOUT = 60


def add_to_logger(name: str) -> None:
    """Add to something that the worker process has but once."""
    log = logging.getLogger("farpool-test-initializer")
    log.__dict__.setdefault("inits", []).append(name)


def inits_here() -> tuple[int, tuple[str, ...]]:
    return os.getpid(), tuple(logging.getLogger("farpool-test-initializer").__dict__.get("inits", ()))


def test_it_runs_once_in_each_worker_for_each_executor(stack: StackLease) -> None:
    with (
        Executor(max_workers=2, initializer=add_to_logger, initargs=("one",)) as one,
        Executor(max_workers=2, initializer=add_to_logger, initargs=("other",)) as other,
    ):
        seen = [one.submit(inits_here).result(TIMEOUT) for _ in range(10)]
        seen += [other.submit(inits_here).result(TIMEOUT) for _ in range(10)]
        seen += list(one.map(call_inits_here, range(10), chunksize=3, timeout=TIMEOUT))

    assert all("one" in names for _, names in seen[:10])
    assert all("other" in names for _, names in seen[10:20])
    last = dict(seen)
    assert all(max(Counter(names).values()) == 1 for names in last.values())


def call_inits_here(_number: int) -> tuple[int, tuple[str, ...]]:
    return inits_here()


def test_people_see_the_users_function(stack: StackLease, client: Client) -> None:
    with Executor(max_workers=2, initializer=add_to_logger, initargs=("seen",)) as executor:
        submitted = executor.submit(described)
        submitted.result(TIMEOUT)
        registered = executor.register_function(described)
        assert executor.submit(described).result(TIMEOUT) == "seen"

    for function_id in (submitted.function_id, registered):
        assert function_id is not None
        document = client.get_function(function_id)
        assert (document["function_name"], document["description"]) == ("described", "Say whether it ran.")


def described() -> str:
    """Say whether it ran."""
    return inits_here()[1][-1]


def fail(why: str) -> None:
    raise ValueError(why)


def test_its_failure_breaks_the_executor_with_the_original_as_cause(stack: StackLease) -> None:
    executor = Executor(max_workers=2, initializer=fail, initargs=("no GPU here",))
    futures = [executor.submit(pow, 2, 3) for _ in range(10)]

    for future in futures:
        with pytest.raises(BrokenExecutor, match="no GPU here") as caught:
            future.result(TIMEOUT)
        assert_is_the_original(caught.value.__cause__)
    with pytest.raises(BrokenExecutor, match="no GPU here") as caught:
        executor.submit(pow, 2, 3)
    assert_is_the_original(caught.value.__cause__)
    executor.shutdown()
    with Executor(max_workers=2) as another:
        assert another.submit(pow, 2, 3).result(TIMEOUT) == 8


def assert_is_the_original(cause: BaseException | None) -> None:
    assert isinstance(cause, ValueError)
    assert cause.args == ("no GPU here",)


@pytest.mark.slow
def test_a_script_shares_what_it_sets_with_its_functions(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        from farpool import Executor

        model = None
        calls = 0

        def load(name):
            global model
            model = name.upper()

        def predict(x):
            global calls
            calls += 1
            return f"{model} {x}"

        def how_often():
            return calls

        if __name__ == "__main__":
            with Executor(max_workers=1, initializer=load, initargs=("resnet",)) as ex:
                print(list(ex.map(predict, range(3))), ex.submit(predict, 3).result(), model)
        """)
    )

    done = subprocess.run(
        [sys.executable, str(script)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )

    assert done.stdout == "['RESNET 0', 'RESNET 1', 'RESNET 2'] RESNET 3 None\n", done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"initializer": 3}, "initializer must be a callable"), ({"initializer": print, "initargs": 3}, "not iterable")],
)
def test_bad_ones_are_refused_at_once(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        Executor(**arguments)
