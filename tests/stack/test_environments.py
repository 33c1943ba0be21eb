"""Functions in environments, the whole way: registered with a client, submitted with an executor, run by the agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from farpool import Client, Executor
from farpool.errors import TaskError
from support.embedded import TIMEOUT
from support.rooms import MODULE, make_venv


def where(pause: float = 0.0) -> tuple[str, bool]:
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
        import sys

        import found_only_in_the_venv as module

        return sys.prefix, module.ANSWER + number

    assert MODULE == "found_only_in_the_venv"
    container_id = executor.register_container(venv, "venv", name="with a module of its own")
    assert client.get_container(container_id, "venv")["name"] == "with a module of its own"
    executor.register_function(answer, container_uuid=container_id)

    contained = [executor.submit(answer, number) for number in range(4)]
    plain = [executor.submit(where) for _ in range(4)]

    assert [one.result(TIMEOUT) for one in contained] == [(venv, 42 + number) for number in range(4)]
    assert all(not has_module for _, has_module in (one.result(TIMEOUT) for one in plain))


def test_a_time_out_and_an_exception_in_an_environment_are_what_they_are_elsewhere(
    executor: Executor, client: Client, venv: str
) -> None:
    def fail() -> None:
        raise KeyError("in the environment")

    executor.register_function(fail, container_uuid=client.register_container(venv, "venv"))

    with pytest.raises(KeyError, match="in the environment"):
        executor.submit(fail).result(TIMEOUT)


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
