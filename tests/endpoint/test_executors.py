from __future__ import annotations

import queue
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from endpoint.conftest import LoopThread
from farpool.endpoint.engine import Cancelled, Loss, Outcome
from farpool.endpoint.executors import ExecutorEngine, executor_named
from farpool.endpoint.job import Job, Site
from farpool.errors import FarpoolError
from farpool.serialize import Serializer
from farpool.wire import Result, Task, decode, encode, new_id
from support.functions import FUNCTIONS
from support.waiting import eventually

SERIALIZER = Serializer()


def job(name: str, *args: Any) -> Job:
    task_id = new_id()
    buffer = SERIALIZER.pack_function(FUNCTIONS[name]) + SERIALIZER.pack_arguments(args, {})
    return Job(task_id, encode(Task(task_id, buffer)))


class Rig:
    """An engine over an executor, in a loop's thread."""

    def __init__(self, thread: LoopThread, executor: Executor, workers: int = 1, *, holds_back: bool = False) -> None:
        self.thread = thread
        self.engine = ExecutorEngine(thread.loop, executor=executor, workers=workers, holds_back=holds_back)
        ready: queue.Queue[None] = queue.Queue()
        thread.do(lambda: self.engine.start(ready=lambda: ready.put(None), failed=lambda _what: None))
        ready.get(timeout=60)
        thread.do(lambda: self.engine.place(Site(new_id())))

    def submit(self, one: Job) -> queue.Queue[Outcome]:
        outcome: queue.Queue[Outcome] = queue.Queue()
        self.thread.do(lambda: self.engine.submit(one, outcome.put))
        return outcome

    def value(self, name: str, *args: Any) -> Any:
        outcome = self.submit(job(name, *args)).get(timeout=60)
        assert isinstance(outcome, bytes), outcome
        result = decode(outcome)
        assert isinstance(result, Result)
        return SERIALIZER.deserialize(result.data)


class FailingExecutor(Executor):
    """Fails every job in the way it is told: at once, or in its future."""

    def __init__(self, error: Exception, *, at_once: bool) -> None:
        self.error = error
        self.at_once = at_once

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.at_once:
            raise self.error
        future: Future[Any] = Future()
        future.set_exception(self.error)
        return future


def test_jobs_run_in_threads(loop_thread: LoopThread) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1))

    assert rig.value("echo", 5) == 5
    loop_thread.do(rig.engine.stop)


def test_any_executor_of_the_standard_library_will_do(loop_thread: LoopThread) -> None:
    from multiprocessing import get_context

    rig = Rig(loop_thread, ProcessPoolExecutor(1, mp_context=get_context("spawn")))

    assert rig.value("echo", 5) == 5
    loop_thread.do(rig.engine.stop)


def test_a_worker_that_dies_in_such_an_executor_is_told_of(loop_thread: LoopThread) -> None:
    from multiprocessing import get_context

    rig = Rig(loop_thread, ProcessPoolExecutor(1, mp_context=get_context("spawn")))

    outcome = rig.submit(job("exit_at_once", 3)).get(timeout=60)

    assert isinstance(outcome, Loss)
    assert outcome.code == "WORKER_LOST"
    loop_thread.do(rig.engine.stop)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_executor_that_fails_fails_the_job_alone(loop_thread: LoopThread, at_once: bool) -> None:
    rig = Rig(loop_thread, FailingExecutor(RuntimeError("no room"), at_once=at_once))

    outcome = rig.submit(job("echo", 1)).get(timeout=60)

    assert outcome == Loss("UNKNOWN_TASK_FAILURE", "the endpoint's executor failed: RuntimeError: no room")


def test_the_state_counts_and_what_has_not_begun_can_be_withdrawn(loop_thread: LoopThread, tmp_path: Path) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1))
    running, waiting = job("wait_for_file", str(tmp_path / "gate"), str(tmp_path / "started")), job("echo", 1)
    outcomes = [rig.submit(running), rig.submit(waiting)]

    state = loop_thread.do(rig.engine.state)
    dropped = loop_thread.do(rig.engine.withdraw)
    (tmp_path / "gate").touch()

    assert (state.total_workers, state.idle_workers, state.pending, list(state.running)) == (1, 0, 1, [running.task_id])
    assert dropped == [waiting.task_id]
    assert isinstance(outcomes[0].get(timeout=60), bytes)
    assert outcomes[1].empty()
    loop_thread.do(rig.engine.stop)


def test_a_factory_is_found_by_its_name_and_told_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_engines_of_test.py").write_text(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def make(workers):\n    return ThreadPoolExecutor(workers, thread_name_prefix='mine')\n"
        "def make_nothing(workers):\n    return 5\n"
        "def fail(workers):\n    raise OSError('no cluster')\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    with executor_named("my_engines_of_test:make", 2) as executor:
        assert executor.submit(pow, 2, 3).result(10) == 8
    for name, said in (("make_nothing", "made a int"), ("fail", "no cluster"), ("missing", "missing")):
        with pytest.raises(FarpoolError, match=said):
            executor_named(f"my_engines_of_test:{name}", 2)
    with pytest.raises(FarpoolError, match="no_such_module"):
        executor_named("no_such_module:make", 2)


def test_of_jobs_in_threads_those_of_higher_priority_are_run_first(loop_thread: LoopThread, tmp_path: Path) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1), holds_back=True)
    order = tmp_path / "order"
    blocking = rig.submit(job("wait_for_file", str(tmp_path / "gate")))
    outcomes = [
        rig.submit(replace(job("append", str(order), name), priority=priority))
        for name, priority in (("a", 0), ("b", 1), ("c", -1), ("d", 1))
    ]
    (tmp_path / "gate").touch()

    for outcome in (blocking, *outcomes):
        outcome.get(timeout=60)
    assert order.read_text() == "bdac"
    loop_thread.do(rig.engine.stop)


@pytest.mark.parametrize("holds_back", [True, False])
def test_a_job_that_waits_for_a_thread_is_cancelled_and_never_runs(
    loop_thread: LoopThread, tmp_path: Path, holds_back: bool
) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1), holds_back=holds_back)
    started = tmp_path / "started"
    blocking = rig.submit(job("wait_for_file", str(tmp_path / "gate"), str(started)))
    waiting = job("append", str(tmp_path / "ran"), "x")
    outcome = rig.submit(waiting)
    eventually(started.exists)

    assert loop_thread.do(lambda: rig.engine.cancel(waiting.task_id, running=False)) is Cancelled.WAITED
    assert loop_thread.do(lambda: rig.engine.cancel(waiting.task_id, running=False)) is None
    (tmp_path / "gate").touch()
    blocking.get(timeout=60)

    assert rig.value("echo", 1) == 1
    assert outcome.empty()
    assert not (tmp_path / "ran").exists()
    loop_thread.do(rig.engine.stop)


def test_a_job_that_runs_in_a_thread_is_let_go_and_keeps_the_thread(
    loop_thread: LoopThread, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1), holds_back=True)
    started = tmp_path / "started"
    running = job("wait_for_file", str(tmp_path / "gate"), str(started))
    outcome = rig.submit(running)
    eventually(started.exists)

    assert loop_thread.do(lambda: rig.engine.cancel(running.task_id, running=False)) is None
    assert loop_thread.do(lambda: rig.engine.cancel(running.task_id, running=True)) is Cancelled.ABANDONED
    assert loop_thread.do(rig.engine.state).idle_workers == 0
    assert "so it goes on" in caplog.text
    (tmp_path / "gate").touch()

    assert rig.value("echo", 1) == 1
    assert outcome.empty()
    loop_thread.do(rig.engine.stop)


def test_a_job_in_a_thread_that_takes_too_long_is_given_up(loop_thread: LoopThread, tmp_path: Path) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1), holds_back=True)
    late = replace(job("wait_for_file", str(tmp_path / "gate")), timeout_s=0.2)

    outcome = rig.submit(late).get(timeout=60)

    assert isinstance(outcome, bytes)
    result = decode(outcome)
    assert isinstance(result, Result)
    assert result.error_details is not None
    assert result.error_details.code == "TASK_TIMEOUT"
    assert f"task {late.task_id} ran for longer than its time-out of 0.2 s" in result.data
    assert rig.value("echo", 1) == 1
    (tmp_path / "gate").touch()
    loop_thread.do(rig.engine.stop)


def test_a_job_in_a_thread_that_is_in_time_is_as_without_a_time_out(loop_thread: LoopThread) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1), holds_back=True)

    outcome = rig.submit(replace(job("echo", 7), timeout_s=20)).get(timeout=60)

    assert isinstance(outcome, bytes)
    result = decode(outcome)
    assert isinstance(result, Result)
    assert SERIALIZER.deserialize(result.data) == 7
    loop_thread.do(rig.engine.stop)


class Parsl(ThreadPoolExecutor):
    """Takes what Parsl's executors take: a resource specification before the arguments, and nothing to shut down."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[dict[str, Any]] = []

    def submit(self, func: Any, resource_specification: dict[str, Any], *args: Any) -> Future[Any]:  # type: ignore[override]
        self.asked.append(resource_specification)
        return super().submit(func, *args)

    def shutdown(self) -> None:  # type: ignore[override]
        super().shutdown()


def test_an_executor_that_takes_resource_specifications_is_given_them(loop_thread: LoopThread) -> None:
    executor = Parsl()
    rig = Rig(loop_thread, executor)
    wanted = {"num_nodes": 2, "ranks_per_node": 4}

    outcome = rig.submit(replace(job("echo", 5), resources=wanted)).get(timeout=60)

    assert isinstance(outcome, bytes)
    result = decode(outcome)
    assert isinstance(result, Result)
    assert not result.is_error, result
    assert rig.value("echo", 6) == 6
    assert executor.asked == [wanted, {}]
    loop_thread.do(rig.engine.stop)


def test_a_task_that_asks_for_resources_fails_in_threads_and_says_why(loop_thread: LoopThread) -> None:
    rig = Rig(loop_thread, ThreadPoolExecutor(1))

    outcome = rig.submit(replace(job("echo", 5), resources={"num_ranks": 2})).get(timeout=60)

    assert isinstance(outcome, bytes)
    result = decode(outcome)
    assert isinstance(result, Result)
    assert "its engine runs tasks in threads" in result.data
    loop_thread.do(rig.engine.stop)
