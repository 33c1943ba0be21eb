"""Workers in environments: a venv everywhere, bubblewrap and podman where they can be had."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from endpoint.conftest import LoopThread
from endpoint.test_processes import SERIALIZER, result_of, value_of
from farpool.endpoint.engine import Cancelled, Loss, Outcome
from farpool.endpoint.environments import EnvironmentOptions
from farpool.endpoint.job import Job, Site
from farpool.endpoint.processes import ProcessEngine
from farpool.version import __version__
from farpool.wire import Task, encode, new_id
from farpool.wire.containers import Environment
from farpool.wire.messages import PRINTED
from support.rooms import (
    MARKER,
    MODULE,
    make_root,
    make_venv,
    need_bubblewrap,
    need_podman,
    options_for_root,
    podman_options_for_root,
)
from support.waiting import eventually

TIMEOUT_S = 60


class Rooms:
    """An engine with two workers, and environments for its jobs."""

    def __init__(self, thread: LoopThread, **options: list[str]) -> None:
        self.thread = thread
        owner = EnvironmentOptions(options, start_s=600)
        self.engine = thread.do(lambda: ProcessEngine(thread.loop, workers=2, environments=owner))
        ready: queue.Queue[str] = queue.Queue()
        thread.do(lambda: self.engine.start(ready=lambda: ready.put("ready"), failed=ready.put))
        assert ready.get(timeout=TIMEOUT_S) == "ready"
        thread.do(lambda: self.engine.place(Site(new_id(), sys_path=tuple(sys.path))))

    def submit(self, one: Job) -> queue.Queue[Outcome]:
        outcome: queue.Queue[Outcome] = queue.Queue()
        self.thread.do(lambda: self.engine.submit(one, outcome.put))
        return outcome

    def outcome(self, one: Job) -> Outcome:
        return self.submit(one).get(timeout=TIMEOUT_S)

    def running(self) -> list[str]:
        return list(self.thread.do(self.engine.state).running)


def job(environment: Environment | None, source: str, *args: Any) -> Job:
    """Make a job of the source of a function `f`: it must mean the same in another Python."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(source, space)
    task_id = new_id()
    buffer = SERIALIZER.pack_function(space["f"]) + SERIALIZER.pack_arguments(args, {})
    return Job(task_id, encode(Task(task_id, buffer)), environment=environment)


WHERE = f"""
def f():
    import importlib.util, os, sys
    print("from", sys.prefix)
    print("told", file=sys.stderr)
    return sys.prefix, importlib.util.find_spec({MODULE!r}) is not None, os.path.exists({MARKER!r}), os.getpid()
"""
#: Starts a process of its own, says so in a file, and never ends.
HANG = """
def f(path):
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", path])
    open(path, "w").close()
    while True:
        time.sleep(1)
"""
CRASH = """
def f():
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""


def processes_with(argument: str) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if argument in (one.info["cmdline"] or ())]


def keepers() -> list[psutil.Process]:
    """Find children of this process that are, or lead to, a keeper."""
    ours = [one for one in psutil.process_iter(["cmdline", "ppid"]) if one.info["ppid"] == os.getpid()]
    return [one for one in ours if "worker_keeper" in "".join(one.info["cmdline"] or ())]


@pytest.fixture(scope="module")
def in_venv(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(new_id(), "venv", make_venv(tmp_path_factory.mktemp("venv") / "env"))


@pytest.fixture(scope="module")
def in_root(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    need_bubblewrap()
    return Environment(new_id(), "bubblewrap", make_root(tmp_path_factory.mktemp("root") / "root"))


@pytest.fixture(scope="module")
def in_podman(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    root = make_root(tmp_path_factory.mktemp("root") / "root")
    need_podman(root)
    return Environment(new_id(), "podman", root)


FIXTURES = {"venv": "in_venv", "bubblewrap": "in_root", "podman": "in_podman"}


@pytest.fixture(params=[one if one == "venv" else pytest.param(one, marks=pytest.mark.slow) for one in FIXTURES])
def environment(request: pytest.FixtureRequest) -> Environment:
    made: Environment = request.getfixturevalue(FIXTURES[request.param])
    return made


@pytest.fixture
def rooms(loop_thread: LoopThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    monkeypatch.chdir(tmp_path)
    one = Rooms(loop_thread, bubblewrap=options_for_root(), podman=podman_options_for_root())
    yield one
    loop_thread.do(one.engine.stop)


def test_functions_run_where_they_belong_side_by_side(
    rooms: Rooms, in_venv: Environment, environment: Environment
) -> None:
    plain, *contained = [rooms.submit(job(one, WHERE)) for one in (None, environment, in_venv, environment)]

    prefix, has_module, has_marker, _ = value_of(plain.get(timeout=TIMEOUT_S))
    assert (prefix, has_module, has_marker) == (sys.prefix, False, False)
    for where, outcome in zip((environment, in_venv, environment), contained, strict=True):
        body = outcome.get(timeout=TIMEOUT_S)
        prefix, has_module, has_marker, _ = value_of(body)
        assert (has_module, has_marker) == (where.type == "venv", where.type != "venv")
        details = result_of(body).details
        assert details is not None
        assert details[PRINTED] == [f"from {prefix}\n", "told\n"]
        assert details["farpool_version"] == __version__


def test_a_worker_stays_in_its_environment_for_the_next_task(rooms: Rooms, in_venv: Environment) -> None:
    same_place = replace(in_venv, container_id=new_id(), name="another registration of it")

    pids = {value_of(rooms.outcome(job(one, WHERE)))[-1] for one in (in_venv, same_place, in_venv)}

    assert len(pids) == 1


@pytest.mark.parametrize("how", ["cancel", "time-out"])
def test_a_task_that_is_stopped_takes_all_it_started_with_it(
    rooms: Rooms, environment: Environment, tmp_path: Path, how: str
) -> None:
    started = tmp_path / "started"
    one = job(environment, HANG, str(started))
    outcome = rooms.submit(replace(one, timeout_s=1.5) if how == "time-out" else one)

    if how == "cancel":
        eventually(started.exists, TIMEOUT_S)
        assert processes_with(str(started))
        cancelled = rooms.thread.do(lambda: rooms.engine.cancel(one.task_id, running=True))
        assert cancelled is Cancelled.STOPPED
    else:
        lost = outcome.get(timeout=TIMEOUT_S)
        assert isinstance(lost, Loss)
        assert lost.code == "TASK_TIMEOUT"

    eventually(lambda: not processes_with(str(started)), TIMEOUT_S)
    assert value_of(rooms.outcome(job(environment, WHERE)))


def test_a_worker_that_dies_in_its_environment_is_told_of_and_replaced(rooms: Rooms, environment: Environment) -> None:
    lost = rooms.outcome(job(environment, CRASH))

    assert isinstance(lost, Loss)
    assert lost.code == "WORKER_LOST"
    assert "died with signal SIGKILL (9)" in lost.message
    assert value_of(rooms.outcome(job(environment, WHERE)))


def not_a_python(path: Path) -> str:
    python = path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho no Python at all >&2\nexit 7\n")
    python.chmod(0o755)
    return str(path)


def sleeping_python(path: Path, seconds: str) -> str:
    python = path / "slow" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexec sleep {seconds}\n")
    python.chmod(0o755)
    return str(path / "slow")


def nothing_at_all(path: Path) -> str:
    return str(path / "nowhere")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing_at_all, "there is no"),
        (not_a_python, "exited with code 7 before it was ready; it said: no Python at all"),
    ],
)
def test_an_environment_that_cannot_be_had_fails_its_tasks_alone(
    rooms: Rooms, tmp_path: Path, make: Callable[[Path], str], said: str
) -> None:
    place = tmp_path / "broken"
    place.mkdir()
    broken = Environment(new_id(), "venv", make(place))

    outcomes = [rooms.submit(job(one, WHERE)) for one in (broken, None, broken, None, broken)]

    for where, outcome in zip((broken, None, broken, None, broken), outcomes, strict=True):
        came = outcome.get(timeout=TIMEOUT_S)
        if where is None:
            assert value_of(came)
        else:
            assert isinstance(came, Loss)
            assert came.code == "ENVIRONMENT_UNAVAILABLE"
            assert said in came.message
            assert broken.location in came.message


def test_workers_that_start_for_cancelled_tasks_make_way(rooms: Rooms, tmp_path: Path) -> None:
    seconds = f"1000.{os.getpid()}"
    slow = Environment(new_id(), "venv", sleeping_python(tmp_path, seconds))
    unwanted = [job(slow, WHERE) for _ in range(2)]
    for one in unwanted:
        rooms.submit(one)
    eventually(lambda: len(processes_with(seconds)) == 2, TIMEOUT_S)
    plain = rooms.submit(job(None, WHERE))

    cancelled = [rooms.thread.do(partial(rooms.engine.cancel, one.task_id, running=False)) for one in unwanted]

    assert cancelled == [Cancelled.WAITED] * 2
    assert value_of(plain.get(timeout=TIMEOUT_S))  # sooner than the two would be given up
    eventually(lambda: len(processes_with(seconds)) < 2, TIMEOUT_S)


def test_the_bound_on_workers_holds_with_environments_as_well(
    rooms: Rooms, in_venv: Environment, tmp_path: Path
) -> None:
    release = tmp_path / "go"
    wait = """
def f(path):
    import os, time
    while not os.path.exists(path):
        time.sleep(0.01)
    return os.getpid()
"""
    outcomes = [rooms.submit(job(one, wait, str(release))) for one in (None, in_venv, None, in_venv, None)]

    eventually(lambda: len(rooms.running()) == 2, TIMEOUT_S)
    state = rooms.thread.do(rooms.engine.state)
    assert (state.total_workers, state.idle_workers, state.pending) == (2, 0, 3)
    release.touch()
    assert all(value_of(one.get(timeout=TIMEOUT_S)) for one in outcomes)


def test_nothing_is_left_of_environments_when_the_engine_stops(
    loop_thread: LoopThread, environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(tmp_path)
    rooms = Rooms(loop_thread, bubblewrap=options_for_root(), podman=podman_options_for_root())
    assert value_of(rooms.outcome(job(environment, WHERE)))
    started = tmp_path / "started"
    rooms.submit(job(environment, HANG, str(started)))
    eventually(started.exists, TIMEOUT_S)

    loop_thread.do(rooms.engine.stop)

    eventually(lambda: not processes_with(str(started)), TIMEOUT_S)
    assert list(temporary.iterdir()) == []
    assert not keepers()
