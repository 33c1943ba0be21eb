from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from farpool.endpoint import (
    EndpointConfig,
    EndpointDirectory,
    delete,
    list_endpoints,
    start_detached,
    status,
    stop,
)
from farpool.errors import FarpoolError
from support.functions import FUNCTIONS
from support.rest_server import free_port, refusal
from support.task_site import TOKEN, TaskSite
from support.waiting import eventually

ECHO, COUNT = FUNCTIONS["echo"], FUNCTIONS["count_and_wait"]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[EndpointDirectory]:
    one = EndpointDirectory.of(tmp_path, "laptop")
    one.write_config(EndpointConfig(max_workers=2, grace_s=5))
    yield one
    stop(one, timeout_s=0.5)


def exit_code_of(error: FarpoolError) -> int:
    code = error.__dict__["exit_code"]
    assert isinstance(code, int)
    return code


def processes_of(pid: int) -> list[psutil.Process]:
    agent = psutil.Process(pid)
    # Python asks `uname` about the machine now and then, in a process that is gone at once.
    return [agent, *filter(is_python, agent.children(recursive=True))]


def is_python(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("python")
    except psutil.NoSuchProcess:
        return False


@contextmanager
def all_gone(pid: int) -> Generator[None]:
    """Check that a process and all that it has started are gone some time after the body."""
    processes = processes_of(pid)
    assert len(processes) == 3  # the agent and two workers: nothing else was started
    yield
    _, left = psutil.wait_procs(processes, timeout=10)
    assert left == []


@pytest.mark.slow
def test_an_endpoint_runs_in_the_background_from_start_to_stop(
    site: TaskSite, directory: EndpointDirectory, tmp_path: Path
) -> None:
    endpoint_id = start_detached(directory, service_url=site.url, token=TOKEN)

    assert endpoint_id == site.endpoint_id == directory.endpoint_id()
    assert site.value(site.put(ECHO, 5)) == 5
    state = status(directory)
    assert state.is_running
    assert state.pid is not None
    assert (state.name, state.endpoint_id, state.problem) == ("laptop", endpoint_id, None)
    assert list_endpoints(tmp_path) == [state]
    assert os.getsid(state.pid) == state.pid  # no terminal can end it
    with pytest.raises(FarpoolError, match=f"running already, as process {state.pid}"):
        start_detached(directory, service_url=site.url, token=TOKEN)
    with pytest.raises(FarpoolError, match="running already"):
        delete(directory)

    with all_gone(state.pid):
        assert stop(directory)

    assert site.reports[-1].global_state["active"] is False
    assert not status(directory).is_running
    assert not stop(directory)
    assert TOKEN not in directory.log_file.read_text()
    delete(directory)
    assert list_endpoints(tmp_path) == []
    with pytest.raises(FarpoolError, match="there is no endpoint 'laptop'"):
        status(directory)


@pytest.mark.slow
def test_the_token_is_not_on_the_command_line(site: TaskSite, directory: EndpointDirectory) -> None:
    start_detached(directory, service_url=site.url, token=TOKEN)
    pid = directory.holder()
    assert pid is not None

    for process in processes_of(pid):
        assert TOKEN not in " ".join(process.cmdline())


@pytest.mark.slow
def test_what_tasks_print_is_in_the_log(site: TaskSite, directory: EndpointDirectory) -> None:
    start_detached(directory, service_url=site.url, token=TOKEN)

    site.value(site.put(FUNCTIONS["shout"], "hello from a task"))

    assert directory.log_file.read_text().count("hello from a task") == 2


@pytest.mark.slow
@pytest.mark.parametrize("function", ["sleep", "hold_interpreter"])
def test_an_agent_that_is_killed_leaves_no_process_and_its_tasks_run_again(
    site: TaskSite, directory: EndpointDirectory, tmp_path: Path, function: str
) -> None:
    count, gate = tmp_path / "count", tmp_path / "gate"
    start_detached(directory, service_url=site.url, token=TOKEN)
    pid = directory.holder()
    assert pid is not None
    again = site.put(COUNT, str(count), str(gate))
    site.put(FUNCTIONS["sleep"], 600) if function == "sleep" else site.put(
        FUNCTIONS["hold_interpreter"], str(tmp_path / "started")
    )
    eventually(count.exists)
    if function == "hold_interpreter":
        eventually((tmp_path / "started").exists)

    with all_gone(pid):
        os.kill(pid, signal.SIGKILL)

    assert directory.holder() is None
    start_detached(directory, service_url=site.url, token=TOKEN)
    gate.touch()
    assert site.value(again) is None
    assert count.read_text() == "xx"


@pytest.mark.slow
def test_an_agent_that_will_not_end_is_killed(site: TaskSite, directory: EndpointDirectory) -> None:
    start_detached(directory, service_url=site.url, token=TOKEN)
    pid = directory.holder()
    assert pid is not None

    with all_gone(pid):
        os.kill(pid, signal.SIGSTOP)
        assert stop(directory, timeout_s=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("status_code", "exit_code"), [(403, 77), (423, 69), (400, 65)])
def test_a_refused_start_says_why_and_has_its_exit_code(
    site: TaskSite, directory: EndpointDirectory, status_code: int, exit_code: int
) -> None:
    site.refusal = refusal(status_code, "NO", "this endpoint is not wanted")

    with pytest.raises(FarpoolError, match="this endpoint is not wanted") as caught:
        start_detached(directory, service_url=site.url, token=TOKEN)

    assert exit_code_of(caught.value) == exit_code
    directory.wait_released()
    assert "not wanted" in directory.log_file.read_text()


@pytest.mark.slow
def test_a_start_without_a_service_is_given_up_and_quotes_the_log(directory: EndpointDirectory) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(FarpoolError, match="is not online after 10 s and was stopped") as caught:
        start_detached(directory, service_url=url, token=TOKEN, timeout_s=10)

    assert "connection refused" in str(caught.value)
    assert str(directory.log_file) in str(caught.value)
    assert exit_code_of(caught.value) == 75
    assert directory.holder() is None


@pytest.mark.slow
def test_workers_that_cannot_start_are_told_of_at_the_start(
    site: TaskSite, directory: EndpointDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.write_config(EndpointConfig(engine="no_such_module:make"))

    with pytest.raises(FarpoolError, match="no_such_module"):
        start_detached(directory, service_url=site.url, token=TOKEN)


def test_a_bad_configuration_is_told_before_anything_is_started(directory: EndpointDirectory) -> None:
    (directory.path / "config.json").write_text('{"workers": 3}')

    with pytest.raises(FarpoolError, match="unknown setting 'workers'"):
        start_detached(directory, service_url="http://127.0.0.1:1", token=TOKEN)

    state = status(directory)
    assert state.problem is not None
    assert "unknown setting" in state.problem
    assert not directory.log_file.exists()


def test_a_large_log_is_put_aside_at_the_next_start(
    site: TaskSite, directory: EndpointDirectory, lines: Callable[[int], str]
) -> None:
    site.refusal = refusal(403, "NO", "not you")
    directory.log_file.write_text(lines(11_000_000))

    with pytest.raises(FarpoolError, match="not you"):
        start_detached(directory, service_url=site.url, token=TOKEN)

    directory.wait_released()
    assert directory.log_file.stat().st_size < 100_000
    assert directory.log_file.with_name("agent.log.1").stat().st_size >= 11_000_000


@pytest.fixture
def lines() -> Callable[[int], str]:
    return lambda size: "a line of an old log\n" * (size // 20)


def test_a_home_without_endpoints_has_none(tmp_path: Path) -> None:
    assert list_endpoints(tmp_path) == []
