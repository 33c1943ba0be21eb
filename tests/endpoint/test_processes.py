from __future__ import annotations

import os
import queue
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from endpoint.conftest import LoopThread
from farpool.endpoint import worker_process
from farpool.endpoint.engine import Cancelled, Loss, Outcome
from farpool.endpoint.job import Job, Site
from farpool.endpoint.processes import ProcessEngine
from farpool.serialize import Serializer
from farpool.wire import Result, Task, decode, encode, new_id
from farpool.wire.messages import PRINTED, WORKER
from support.functions import FUNCTIONS
from support.waiting import eventually

SERIALIZER = Serializer()


def job(name: str, *args: Any) -> Job:
    task_id = new_id()
    buffer = SERIALIZER.pack_function(FUNCTIONS[name]) + SERIALIZER.pack_arguments(args, {})
    return Job(task_id, encode(Task(task_id, buffer)))


class Pool:
    """An engine in a loop's thread; `submit` gives a queue in which the outcome will be."""

    def __init__(self, thread: LoopThread, workers: int) -> None:
        self.thread = thread
        self.engine = thread.do(lambda: ProcessEngine(thread.loop, workers=workers))
        ready: queue.Queue[str] = queue.Queue()
        thread.do(lambda: self.engine.start(ready=lambda: ready.put("ready"), failed=ready.put))
        assert ready.get(timeout=20) == "ready"
        thread.do(lambda: self.engine.place(Site(new_id())))

    def submit(self, one: Job) -> queue.Queue[Outcome]:
        outcome: queue.Queue[Outcome] = queue.Queue()
        self.thread.do(lambda: self.engine.submit(one, outcome.put))
        return outcome

    def outcome(self, name: str, *args: Any) -> Outcome:
        return self.submit(job(name, *args)).get(timeout=20)

    def value(self, name: str, *args: Any) -> Any:
        return value_of(self.outcome(name, *args))

    def pids(self) -> set[int]:
        """Give the ids of worker processes, all of which have been ready at some time."""
        return {child.pid for child in psutil.Process().children() if "worker_process" in "".join(child.cmdline())}


def value_of(outcome: Outcome) -> Any:
    assert isinstance(outcome, bytes), outcome
    result = decode(outcome)
    assert isinstance(result, Result)
    assert not result.is_error, result
    return SERIALIZER.deserialize(result.data)


def result_of(outcome: Outcome) -> Result:
    assert isinstance(outcome, bytes), outcome
    result = decode(outcome)
    assert isinstance(result, Result)
    return result


def loss_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Loss), outcome
    assert outcome.code == "WORKER_LOST"
    return outcome.message


@pytest.fixture
def make_pool(loop_thread: LoopThread) -> Iterator[Callable[[int], Pool]]:
    pools: list[Pool] = []

    def make(workers: int) -> Pool:
        pools.append(Pool(loop_thread, workers))
        return pools[-1]

    yield make
    for pool in pools:
        loop_thread.do(pool.engine.stop)


@pytest.fixture
def pool(make_pool: Callable[[int], Pool]) -> Pool:
    return make_pool(2)


def test_jobs_run_in_worker_processes(pool: Pool) -> None:
    assert pool.value("echo", "hello") == "hello"
    assert pool.value("pid") in pool.pids()
    assert pool.value("pid") != os.getpid()


def test_many_jobs_keep_their_results_apart(pool: Pool) -> None:
    outcomes = [pool.submit(job("echo", number)) for number in range(300)]

    assert [value_of(one.get(timeout=20)) for one in outcomes] == list(range(300))


def test_large_payloads_come_through_whole(pool: Pool) -> None:
    text = "x" * 5_000_000
    outcomes = [pool.submit(job("echo", text)) for _ in range(4)]

    assert all(value_of(one.get(timeout=20)) == text for one in outcomes)


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("exit_at_once", (3,), "exited with code 3"),
        ("exit_at_once", (0,), "exited with code 0"),
        ("kill_itself", (int(signal.SIGKILL),), "died with signal SIGKILL (9)"),
        ("kill_itself", (int(signal.SIGTERM),), "died with signal SIGTERM (15)"),
        ("crash", (), "died with signal SIGSEGV (11)"),
    ],
)
def test_a_job_that_kills_its_worker_is_told_how_and_fails_alone(
    pool: Pool, tmp_path: Path, name: str, args: tuple[Any, ...], said: str
) -> None:
    beside = pool.submit(job("wait_for_file", str(tmp_path / "gate")))
    killer = job(name, *args)

    message = loss_of(pool.submit(killer).get(timeout=20))
    behind = pool.value("echo", "after it")
    (tmp_path / "gate").touch()

    assert message.startswith(f"worker process {said} while running task {killer.task_id}")
    assert behind == "after it"
    assert isinstance(value_of(beside.get(timeout=20)), int)


def test_every_one_of_many_killers_among_large_jobs_is_told_of(pool: Pool) -> None:
    text = "x" * 300_000
    killers: list[queue.Queue[Outcome]] = []
    others: list[queue.Queue[Outcome]] = []
    for _ in range(8):
        killers.append(pool.submit(job("exit_at_once", 3)))
        others += [pool.submit(job("echo", text)) for _ in range(4)]

    assert all("code 3" in loss_of(one.get(timeout=20)) for one in killers)
    assert all(value_of(one.get(timeout=20)) == text for one in others)


def test_an_idle_worker_that_is_killed_is_replaced(pool: Pool) -> None:
    before = {pool.value("pid") for _ in range(10)}
    for pid in pool.pids():
        os.kill(pid, signal.SIGKILL)

    assert pool.value("pid") not in before


def test_a_worker_that_dies_after_its_result_takes_no_other_job_with_it(pool: Pool) -> None:
    doomed = psutil.Process(pool.value("die_later", 0.1))

    psutil.wait_procs([doomed], timeout=10)

    assert [pool.value("echo", number) for number in range(10)] == list(range(10))


def test_a_job_that_closes_every_descriptor_is_told_of_and_the_pool_goes_on(pool: Pool) -> None:
    assert "while running task" in loss_of(pool.outcome("close_descriptors"))
    assert pool.value("echo", 1) == 1


def test_a_job_that_forks_and_returns_twice_has_one_result(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)

    assert pool.value("fork_and_return") > 0
    assert [pool.value("echo", number) for number in range(5)] == list(range(5))


def test_jobs_may_start_processes_of_their_own(pool: Pool) -> None:
    assert pool.value("subprocess_text") == "hello\n"
    assert pool.value("use_multiprocessing") == [1, 2]


def test_what_jobs_print_disturbs_nobody(capfd: pytest.CaptureFixture[str], make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)  # made here, since workers inherit what is standard error now
    pool.value("shout", "x" * 200_000)
    pool.value("shout", "the end")

    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("the end\n") == 2


def test_a_slow_job_holds_up_nothing_behind_it(pool: Pool, tmp_path: Path) -> None:
    slow = pool.submit(job("wait_for_file", str(tmp_path / "gate")))

    values = [pool.value("echo", number) for number in range(20)]
    (tmp_path / "gate").touch()

    assert values == list(range(20))
    assert isinstance(value_of(slow.get(timeout=20)), int)


def test_the_state_counts_what_runs_and_what_waits(make_pool: Callable[[int], Pool], tmp_path: Path) -> None:
    pool = make_pool(1)
    started, gate = tmp_path / "started", tmp_path / "gate"
    first = job("wait_for_file", str(gate), str(started))
    outcomes = [pool.submit(first), pool.submit(job("echo", 1)), pool.submit(job("echo", 2))]

    state = pool.thread.do(pool.engine.state)
    gate.touch()

    assert (state.total_workers, state.idle_workers, state.pending) == (1, 0, 2)
    assert list(state.running) == [first.task_id]
    for one in outcomes:
        value_of(one.get(timeout=20))
    state = pool.thread.do(pool.engine.state)
    assert (state.idle_workers, state.pending, list(state.running)) == (1, 0, [])


def test_what_has_not_begun_can_be_withdrawn_and_cancelled(make_pool: Callable[[int], Pool], tmp_path: Path) -> None:
    pool = make_pool(1)
    running, waiting, last = job("wait_for_file", str(tmp_path / "gate")), job("echo", 1), job("echo", 2)
    outcomes = [pool.submit(one) for one in (running, waiting, last)]

    assert pool.thread.do(lambda: pool.engine.cancel(running.task_id, running=False)) is None
    assert pool.thread.do(lambda: pool.engine.cancel(waiting.task_id, running=False)) is Cancelled.WAITED
    assert pool.thread.do(lambda: pool.engine.cancel(new_id(), running=True)) is None
    assert pool.thread.do(pool.engine.withdraw) == [last.task_id]
    (tmp_path / "gate").touch()

    value_of(outcomes[0].get(timeout=20))
    assert outcomes[1].empty()
    assert outcomes[2].empty()


def test_workers_look_for_modules_where_they_are_told(
    loop_thread: LoopThread, make_pool: Callable[[int], Pool]
) -> None:
    pool = make_pool(1)
    loop_thread.do(lambda: pool.engine.place(Site(new_id(), ("/somewhere/else", *__import__("sys").path))))

    assert pool.value("modules_found")[0] == "/somewhere/else"


def test_stop_ends_all_workers_whatever_they_do(pool: Pool, tmp_path: Path) -> None:
    started = tmp_path / "started"
    outcome = pool.submit(job("hold_interpreter", str(started)))
    pool.value("echo", 1)
    processes = [psutil.Process(pid) for pid in pool.pids()]

    pool.thread.do(pool.engine.stop)

    assert len(processes) == 2
    assert not any(process.is_running() for process in processes)
    assert outcome.empty()


def test_workers_that_cannot_start_are_told_of_once(
    loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_process, "START", "raise SystemExit(7) # {module}")
    said: queue.Queue[str] = queue.Queue()
    engine = loop_thread.do(lambda: ProcessEngine(loop_thread.loop, workers=2))

    loop_thread.do(lambda: engine.start(ready=lambda: said.put("ready"), failed=said.put))

    assert "exited with code 7 before it was ready" in said.get(timeout=20)
    loop_thread.do(engine.stop)
    assert said.empty()
    capfd.readouterr()


@pytest.mark.parametrize("name", ["exit_at_once", "kill_itself", "close_descriptors"])
def test_a_system_without_pidfd_notices_the_end_of_a_worker_all_the_same(
    monkeypatch: pytest.MonkeyPatch, make_pool: Callable[[int], Pool], name: str
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    pool = make_pool(1)

    assert "while running task" in loss_of(pool.outcome(name, *([] if name == "close_descriptors" else [9])))
    assert pool.value("echo", 1) == 1


def test_a_job_that_runs_is_stopped_with_its_worker_and_a_new_one_takes_its_place(
    make_pool: Callable[[int], Pool], tmp_path: Path
) -> None:
    pool = make_pool(1)
    started = tmp_path / "started"
    running = job("wait_for_file", str(tmp_path / "gate"), str(started))
    outcome = pool.submit(running)
    eventually(lambda: started.exists() and started.read_text())
    worker = psutil.Process(int(started.read_text()))

    assert pool.thread.do(lambda: pool.engine.cancel(running.task_id, running=False)) is None
    assert pool.thread.do(lambda: pool.engine.cancel(running.task_id, running=True)) is Cancelled.STOPPED
    assert pool.thread.do(lambda: pool.engine.cancel(running.task_id, running=True)) is None

    assert pool.value("pid") != worker.pid
    eventually(lambda: not worker.is_running())
    assert outcome.empty()
    assert pool.thread.do(pool.engine.state).total_workers == 1


def test_what_a_cancelled_job_started_ends_with_it(make_pool: Callable[[int], Pool], tmp_path: Path) -> None:
    pool = make_pool(1)
    running = job("start_and_wait", str(tmp_path / "child"))
    pool.submit(running)
    eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    child = psutil.Process(int((tmp_path / "child").read_text()))

    pool.thread.do(lambda: pool.engine.cancel(running.task_id, running=True))

    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_what_a_job_started_ends_when_the_engine_is_stopped_under_it(
    make_pool: Callable[[int], Pool], tmp_path: Path
) -> None:
    pool = make_pool(1)
    pool.submit(job("start_and_wait", str(tmp_path / "child")))
    eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    child = psutil.Process(int((tmp_path / "child").read_text()))

    pool.thread.do(pool.engine.stop)

    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_what_a_job_and_its_children_print_is_in_its_result_and_in_no_other(pool: Pool) -> None:
    spoken = [pool.submit(job("speak", text)) for text in ("apple", "pear", "plum")]
    silent = [pool.submit(job("echo")) for _ in range(3)]

    told = [result_of(outcome.get(timeout=20)).details for outcome in (*spoken, *silent)]

    assert [(details or {})[PRINTED] for details in told] == [
        ["apple\napple of a child\n", "apple to err\n"],
        ["pear\npear of a child\n", "pear to err\n"],
        ["plum\nplum of a child\n", "plum to err\n"],
        *[["", ""]] * 3,
    ]


def test_a_result_says_which_worker_ran_it(pool: Pool) -> None:
    result = result_of(pool.outcome("pid"))

    assert (result.details or {})[WORKER] == f"{socket.gethostname()}/{SERIALIZER.deserialize(result.data)}"


def test_the_last_words_of_a_job_that_ends_its_worker_are_told(pool: Pool) -> None:
    outcome = pool.outcome("speak", "farewell", 3)

    assert isinstance(outcome, Loss)
    assert outcome.details[PRINTED] == ["farewell\nfarewell of a child\n", "farewell to err\n"]
    assert [one.state.value for one in outcome.transitions or ()] == ["execution-start", "execution-end"]


@pytest.mark.slow
def test_what_a_job_printed_until_its_time_was_over_is_told(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)
    assert pool.value("echo", "ready") == "ready"

    outcome = pool.submit(replace(job("speak", "so far", None, 600), timeout_s=5)).get(timeout=60)

    assert isinstance(outcome, Loss)
    assert outcome.details[PRINTED][0].startswith("so far\n")


def test_a_process_of_a_job_that_wants_the_terminal_gets_an_error_and_is_not_stopped(pool: Pool) -> None:
    ignored = pool.value("ignored_signals")

    assert {signal.SIGTTIN, signal.SIGTTOU} <= set(ignored)
    assert signal.SIGINT not in ignored


def test_a_job_that_takes_too_long_is_stopped_and_the_next_one_runs(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)
    late = replace(job("sleep", 60), timeout_s=0.2)

    outcome = pool.submit(late).get(timeout=20)

    assert isinstance(outcome, Loss)
    assert outcome.code == "TASK_TIMEOUT"
    assert outcome.message == f"task {late.task_id} ran for longer than its time-out of 0.2 s and was stopped"
    assert pool.value("echo", 1) == 1


@pytest.mark.slow
def test_time_counts_from_when_a_worker_begins_a_job_until_it_is_done_with_it(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)
    assert pool.value("echo", "ready") == "ready"
    in_time = pool.submit(replace(job("echo", 1), timeout_s=4))
    others = pool.submit(job("sleep", 4.5))
    behind = pool.submit(replace(job("echo", 2), timeout_s=4))

    assert value_of(in_time.get(timeout=20)) == 1
    assert value_of(others.get(timeout=20)) is None
    assert value_of(behind.get(timeout=20)) == 2


def test_a_job_with_a_time_out_whose_worker_dies_is_lost_once(make_pool: Callable[[int], Pool]) -> None:
    pool = make_pool(1)
    outcome = pool.submit(replace(job("exit_at_once", 3), timeout_s=60))

    assert "exited with code 3" in loss_of(outcome.get(timeout=20))
    assert pool.value("echo", 1) == 1
    assert outcome.empty()


def test_jobs_of_higher_priority_are_run_first(make_pool: Callable[[int], Pool], tmp_path: Path) -> None:
    pool = make_pool(1)
    order = tmp_path / "order"
    blocking = pool.submit(job("wait_for_file", str(tmp_path / "gate")))
    outcomes = [
        pool.submit(replace(job("append", str(order), name), priority=priority))
        for name, priority in (("a", 0), ("b", 1), ("c", -1), ("d", 1))
    ]
    (tmp_path / "gate").touch()

    for outcome in (blocking, *outcomes):
        value_of(outcome.get(timeout=20))
    assert order.read_text() == "bdac"


def test_a_cancel_that_races_with_the_end_of_a_job_leaves_exactly_one_of_both(pool: Pool) -> None:
    jobs = [job("echo", number) for number in range(60)]
    outcomes = [pool.submit(one) for one in jobs]
    cancelled = [pool.thread.do(lambda one=one: pool.engine.cancel(one.task_id, running=True)) for one in jobs]  # type: ignore[misc]

    assert pool.value("echo", "after them") == "after them"
    for outcome, how in zip(outcomes, cancelled, strict=True):
        if how is None:
            value_of(outcome.get(timeout=20))
        assert outcome.empty()
