"""Functions in environments, the whole way: registered with a client, submitted with an executor, run by the agent."""

from __future__ import annotations

from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from farpool import Client, Executor
from farpool.errors import TaskError, TaskTimeout
from support.embedded import TIMEOUT
from support.rooms import MODULE, make_venv
from support.waiting import eventually


def where() -> tuple[str, bool]:
    import importlib.util
    import sys

    return sys.prefix, importlib.util.find_spec("found_only_in_the_venv") is not None


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_venv(tmp_path_factory.mktemp("venv") / "env")


def test_plain_functions_and_those_of_an_environment_run_on_one_endpoint(
    executor: Executor, client: Client, venv: str
) -> None:
    def answer(number: int) -> tuple[str, int]:
        import importlib
        import sys

        return sys.prefix, importlib.import_module("found_only_in_the_venv").ANSWER + number

    assert MODULE == "found_only_in_the_venv"
    container_id = executor.register_container(venv, "venv", name="with a module of its own")
    assert client.get_container(container_id, "venv")["name"] == "with a module of its own"
    executor.register_function(answer, container_uuid=container_id)

    contained = [executor.submit(answer, number) for number in range(4)]
    plain = [executor.submit(where) for _ in range(4)]

    assert [one.result(TIMEOUT) for one in contained] == [(venv, 42 + number) for number in range(4)]
    assert all(not has_module for _, has_module in (one.result(TIMEOUT) for one in plain))


def test_an_exception_in_an_environment_and_what_was_printed_there_come_back_as_from_elsewhere(
    executor: Executor, client: Client, venv: str
) -> None:
    def fail() -> None:
        print("last words")
        raise KeyError("in the environment")

    executor.register_function(fail, container_uuid=client.register_container(venv, "venv"))

    failed = executor.submit(fail)
    with pytest.raises(KeyError, match="in the environment"):
        failed.result(TIMEOUT)
    assert failed.stdout == "last words\n"
    assert failed.timings.run_s is not None


def test_a_task_in_an_environment_is_cancelled_while_it_runs_and_stopped_when_its_time_is_over(
    executor: Executor, client: Client, venv: str, tmp_path: Path
) -> None:
    def hang(path: str) -> None:
        import time

        open(path, "w").close()
        while True:
            time.sleep(0.01)

    executor.register_function(hang, container_uuid=client.register_container(venv, "venv"))
    started = tmp_path / "started"
    hanging = executor.submit(hang, str(started))
    eventually(started.exists, TIMEOUT)

    assert hanging.cancel_remote()
    with pytest.raises(TaskTimeout):
        executor.options(timeout=1).submit(hang, str(tmp_path / "again")).result(TIMEOUT)
    with pytest.raises(CancelledError):
        hanging.result(TIMEOUT)


def test_an_environment_that_the_endpoint_cannot_provide_fails_the_task_with_what_is_missing(
    executor: Executor, client: Client, tmp_path: Path
) -> None:
    def unreached() -> None:
        raise AssertionError("it ran")

    nowhere = str(tmp_path / "nowhere")
    executor.register_function(unreached, container_uuid=client.register_container(nowhere, "conda"))

    with pytest.raises(TaskError, match=f"there is no {nowhere}/bin/python") as raised:
        executor.submit(unreached).result(TIMEOUT)
    assert "ENVIRONMENT_UNAVAILABLE" in repr(vars(raised.value)) + str(raised.value)
