"""A farpool Executor against the unmodified `globus-compute-endpoint` 4.19: manager, command queue, user endpoint."""

from __future__ import annotations

import builtins
import concurrent.futures
import json
import operator
import os
import signal
import sqlite3
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from farpool import (
    Client,
    Executor,
    MPIFunction,
    ShellFunction,
    ShellResult,
    TaskCancelled,
    TaskError,
    TaskExecutionFailed,
)
from farpool.serialize import DillDataBase64
from farpool.wire import new_id
from support.environments import clean_environment
from support.peers import endpoint_python
from support.rest_server import Reply, Request, RestServer
from support.service import RunningService, ServiceProcess
from support.waiting import eventually

_SERVERS = {"https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all": "funcx_service"}

TEMPLATE = """
engine:
  type: ThreadPoolEngine
  max_workers: 2
heartbeat_period: 5
{{ "broken: [" if broken is defined else "" }}
"""

TIMEOUT = 100


class AgentAuth(RestServer):
    """A Globus Auth that knows one client: the local user of a farpool service, whose token it gives out."""

    def __init__(self, token: str, identity_id: str) -> None:
        super().__init__(self._answer)
        self._token = token
        self._identity_id = identity_id

    def _answer(self, request: Request) -> Reply:
        if request.path == "/v2/oauth2/token":
            by_server: dict[str, list[str]] = {}
            for scope in dict.fromkeys(request.form()["scope"].split()):
                by_server.setdefault(_SERVERS.get(scope, "auth.globus.org"), []).append(scope)
            grants = [self._grant(server, scopes) for server, scopes in by_server.items()]
            return Reply(body={**grants[0], "other_tokens": grants[1:]})
        identity = {"sub": self._identity_id, "username": "local", "name": "local", "email": "local@example.org"}
        if request.path == "/v2/oauth2/userinfo":
            return Reply(body={**identity, "identity_set": [identity]})
        return Reply(404, {"code": "NOT_FOUND", "message": request.path})

    def _grant(self, server: str, scopes: list[str]) -> dict[str, object]:
        return {
            "access_token": self._token,
            "refresh_token": None,
            "resource_server": server,
            "scope": " ".join(scopes),
            "expires_in": 3600,
            "token_type": "Bearer",
        }


def local_identity(service: RunningService) -> str:
    with closing(sqlite3.connect(service.directory / "service.sqlite")) as store:
        (identity_id,) = store.execute("select identity_id from identities").fetchone()
    return str(identity_id)


def configure(directory: Path, python: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(
        "display_name: peer\nemail: local@example.org\nlocal_compute_services: true\n"
    )
    (directory / "user_config_template.yaml.j2").write_text(TEMPLATE)
    (directory / "user_environment.yaml").write_text(f"PATH: {python.parent}:/usr/bin:/bin\n")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with ServiceProcess(tmp_path_factory.mktemp("service")) as process:
        yield process.start()


@pytest.fixture(scope="module")
def client(service: RunningService) -> Iterator[Client]:
    with Client(service_url=service.url, token=service.token) as client:
        yield client


@pytest.fixture(scope="module")
def manager(service: RunningService, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the unmodified agent; gives its endpoint id once it is online."""
    python = endpoint_python()
    home = tmp_path_factory.mktemp("peer")
    configure(home / "peer", python)
    with AgentAuth(service.token, local_identity(service)) as auth, (home / "log").open("wb") as log:
        agent = subprocess.Popen(
            [str(python.with_name("globus-compute-endpoint")), "start", "peer"],
            env=clean_environment(
                http_proxy=service.url,
                no_proxy="127.0.0.1",  # for the auth server; the service answers at localhost, through the proxy
                HOME=str(home),
                GLOBUS_COMPUTE_USER_DIR=str(home),
                GLOBUS_COMPUTE_CLIENT_ID=new_id(),
                GLOBUS_COMPUTE_CLIENT_SECRET="any",
                GLOBUS_SDK_SERVICE_URL_AUTH=f"{auth.url}/",
            ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield wait_online(client, agent, home / "log")
        finally:
            agent.send_signal(signal.SIGTERM)
            try:
                agent.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(agent.pid, signal.SIGKILL)
                agent.wait()


def wait_online(client: Client, agent: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and agent.poll() is None:
        for endpoint in client.get_endpoints():
            endpoint_id = str(endpoint["uuid"])
            if client.get_endpoint_status(endpoint_id)["status"] == "online":
                return endpoint_id
        threading.Event().wait(0.2)
    raise AssertionError(f"the agent is not online:\n{log.read_text()[-4000:]}")


@pytest.mark.live
@pytest.mark.slow
def test_our_executor_runs_functions_on_the_unmodified_endpoint(manager: str, client: Client) -> None:
    def add(a: int, b: int = 0) -> int:
        return a + b

    def fail() -> None:
        raise ValueError("on purpose")

    with Executor(endpoint_id=manager, client=client) as executor:
        futures = [executor.submit(add, number, b=1) for number in range(20)]
        failing = executor.submit(fail)
        squares = executor.map(pow, range(10), [2] * 10, chunksize=4)

        assert [future.result(TIMEOUT) for future in futures] == [number + 1 for number in range(20)]
        with pytest.raises(ValueError, match="on purpose") as caught:
            failing.result(TIMEOUT)
        assert isinstance(caught.value, TaskExecutionFailed)
        assert "in fail" in str(caught.value.__cause__)
        assert list(squares) == [number**2 for number in range(10)]
        done, not_done = concurrent.futures.wait(futures)
        assert (len(done), len(not_done)) == (20, 0)
        times = futures[0].timings
        assert None not in {times.submitted, times.sent, times.started, times.ended, times.received}
        assert (times.worker, futures[0].stdout, futures[0].stderr) == (None, None, None)  # it does not tell
        assert failing.timings.run_s is not None


@pytest.mark.live
@pytest.mark.slow
def test_the_unmodified_endpoint_takes_no_notice_of_a_container(manager: str, client: Client) -> None:
    container_id = client.register_container("/nowhere/at/all", "venv")

    with Executor(endpoint_id=manager, client=client) as executor:
        executor.register_function(operator.add, container_uuid=container_id)

        assert executor.submit(operator.add, 40, 2).result(TIMEOUT) == 42


@pytest.mark.live
@pytest.mark.slow
def test_commands_run_on_the_unmodified_endpoint_and_results_are_written_as_asked_for(
    manager: str, client: Client
) -> None:
    with Executor(endpoint_id=manager, client=client) as executor:
        command = executor.submit(ShellFunction("echo {word}; seq 100 >&2; exit 3", snippet_lines=2), word="hello")
        late = executor.submit(ShellFunction("sleep 1000", walltime=0.1, return_dict=True))
        no_launcher = executor.submit(MPIFunction("hostname"))
        as_json = executor.options(result_serializers=["farpool.serialize.JSONData", DillDataBase64()])

        result = command.result(TIMEOUT)
        assert isinstance(result, ShellResult)
        assert (result.stdout, result.stderr, result.returncode) == ("hello\n", "99\n100\n", 3)
        assert late.result(TIMEOUT)["returncode"] == 124
        with pytest.raises(RuntimeError, match="there is no MPI launcher here"):
            no_launcher.result(TIMEOUT)
        assert as_json.submit(lambda: {"pair": (1, 2)}).result(TIMEOUT)["pair"] == [1, 2]  # type: ignore[comparison-overlap] # JSON has no tuples
        assert as_json.submit(set, "a").result(TIMEOUT) == {"a"}


@pytest.mark.live
@pytest.mark.slow
def test_a_worker_of_the_unmodified_endpoint_describes_its_machine(manager: str, client: Client) -> None:
    task_id = client.get_worker_hardware_details(manager)

    eventually(lambda: not client.get_task(task_id)["pending"], TIMEOUT)
    assert [line for line in client.get_result(task_id).splitlines() if line.startswith("==")] == [
        f"== {section} ==" for section in ("host", "python", "cpu", "memory", "disk", "gpu")
    ]


@pytest.mark.live
@pytest.mark.slow
def test_maps_run_on_the_unmodified_endpoint_whose_workers_have_no_farpool(manager: str, client: Client) -> None:
    def share(parts: int) -> float:
        if parts == 7:
            error = LookupError("seven", parts)
            error.hint = "take six"  # type: ignore[attr-defined]
            raise error
        return 840 / parts

    with Executor(endpoint_id=manager, client=client) as executor:
        results = list(executor.map(share, range(10), chunksize=10, return_exceptions=True))
        assert [type(one).__name__ for one in results].count("float") == 8
        assert isinstance(results[0], ZeroDivisionError)
        # In a chunk the exception itself travels, as far as the worker can pickle it.
        assert isinstance(results[7], LookupError)
        assert results[7].args == ("seven", 7)
        assert getattr(results[7], "hint", None) == "take six"
        assert "in share" in str(results[7].__cause__)

        assert executor.map_reduce(share, range(1, 7), max, chunksize=2) == 840
        assert executor.map_reduce(str, range(100), operator.add, spawn_reduce_at=2) == "".join(map(str, range(100)))
        assert list(executor.map(abs, range(500), chunksize="auto")) == list(range(500))


@pytest.mark.live
@pytest.mark.slow
def test_an_initializer_runs_once_in_a_process_of_the_unmodified_endpoint(manager: str, client: Client) -> None:
    def prepare(name: str) -> None:
        import sys

        sys.__dict__.setdefault("farpool_test_prepared", []).append(name)

    def prepared() -> object:
        import sys

        seen: object = sys.__dict__["farpool_test_prepared"]
        return seen

    def refuse() -> None:
        raise LookupError("no GPU here")

    with Executor(endpoint_id=manager, client=client, initializer=prepare, initargs=("once",)) as executor:
        futures = [executor.submit(prepared) for _ in range(10)]
        assert [future.result(TIMEOUT) for future in futures] == [["once"]] * 10
    with Executor(endpoint_id=manager, client=client, initializer=refuse) as executor:
        with pytest.raises(concurrent.futures.BrokenExecutor, match="no GPU here") as caught:
            executor.submit(prepared).result(TIMEOUT)
        assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.live
@pytest.mark.slow
def test_a_task_cancelled_at_the_unmodified_endpoint_is_settled_and_its_late_result_dropped(
    manager: str, client: Client, tmp_path: Path
) -> None:
    started, gate = tmp_path / "started", tmp_path / "gate"

    def wait_for(gate: str, started: str) -> str:
        import pathlib
        import time

        pathlib.Path(started).touch()
        while not pathlib.Path(gate).exists():
            time.sleep(0.01)
        return "too late"

    with Executor(endpoint_id=manager, client=client) as executor:
        # It leaves our headers alone.
        assert executor.options(timeout=90, priority=5).submit(pow, 2, 3).result(TIMEOUT) == 8
        running = executor.submit(wait_for, str(gate), str(started))
        try:
            eventually(started.exists, TIMEOUT)
            eventually(lambda: running.task_id is not None, TIMEOUT)  # it may begin before its request is answered
            task_id = str(running.task_id)

            assert client.cancel_tasks([task_id]) == {task_id: "cancelled"}
            with pytest.raises(TaskCancelled):
                running.result(TIMEOUT)
        finally:
            gate.touch()

        assert executor.submit(pow, 2, 4).result(TIMEOUT) == 16
        assert client.get_batch_status([task_id])[task_id].status == "cancelled"


@pytest.mark.live
@pytest.mark.slow
def test_builtin_exceptions_are_rebuilt_from_the_text_of_the_unmodified_endpoint(manager: str, client: Client) -> None:
    def fail(name: str) -> None:
        import builtins

        raise getattr(builtins, name)("it's\ntwo lines")

    names = ("ZeroDivisionError", "KeyError", "TimeoutError", "StopIteration", "NotImplementedError", "OSError")
    with Executor(endpoint_id=manager, client=client) as executor:
        for name, future in [(name, executor.submit(fail, name)) for name in names]:
            error = future.exception(TIMEOUT)
            assert isinstance(error, getattr(builtins, name))
            assert isinstance(error, TaskExecutionFailed)
            assert error.args == ("it's\ntwo lines",)
            assert (error.task_id, error.function_id) == (future.task_id, future.function_id)


@pytest.mark.live
@pytest.mark.slow
def test_importable_exceptions_and_causes_are_rebuilt_from_that_text(manager: str, client: Client) -> None:
    def parse() -> None:
        import json

        def inner() -> None:
            json.loads("{")  # over there

        inner()

    def open_file() -> None:
        try:
            {}["inner"]  # type: ignore[index]  # on purpose
        except KeyError as error:
            raise OSError(2, "No such file or directory", "a: file") from error

    with Executor(endpoint_id=manager, client=client) as executor:
        parsing, opening = executor.submit(parse), executor.submit(open_file)

        with pytest.raises(json.JSONDecodeError, match="Expecting property name") as decoding:
            parsing.result(TIMEOUT)
        # The unmodified endpoint leaves out the outermost function, not the one inside it.
        assert 'json.loads("{")  # over there' in str(decoding.value.__cause__)
        with pytest.raises(FileNotFoundError) as missing:
            opening.result(TIMEOUT)
        assert missing.value.filename == "a: file"
        assert isinstance(missing.value.__cause__, KeyError)
        assert "in open_file" in "".join(traceback.format_exception(missing.value))


@pytest.mark.live
@pytest.mark.slow
def test_an_exception_that_is_not_found_here_is_named_in_the_text(manager: str, client: Client) -> None:
    def fail() -> None:
        class Odd(Exception):
            pass

        raise Odd("a text")

    with Executor(endpoint_id=manager, client=client) as executor:
        error = executor.submit(fail).exception(TIMEOUT)

    assert type(error) is TaskExecutionFailed
    assert "Odd: a text" in str(error)


@pytest.mark.live
@pytest.mark.slow
def test_a_user_endpoint_that_cannot_start_fails_its_tasks_with_the_agents_words(manager: str, client: Client) -> None:
    with Executor(endpoint_id=manager, client=client, user_endpoint_config={"broken": 1}) as executor:
        future = executor.submit(pow, 2, 2)

        with pytest.raises(TaskError, match=r"could not start.*ParserError"):
            future.result(TIMEOUT)
