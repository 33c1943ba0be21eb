"""Tasks that are called off: whenever the endpoint hears of it, what has not begun never runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from endpoint.conftest import CONFIG, AgentThread
from farpool.service.broker import Outgoing
from farpool.wire import Result, TaskCancel, encode, new_id
from farpool.wire.messages import TASK_DELIVERED
from farpool.wire.queues import task_headers
from support.functions import FUNCTIONS
from support.proxy import proxy_to
from support.task_site import TaskSite
from support.waiting import eventually

Start = Callable[..., AgentThread]

ECHO, WAIT, COUNT = FUNCTIONS["echo"], FUNCTIONS["wait_for_file"], FUNCTIONS["count_call"]


def code_of(result: Result) -> str:
    assert result.error_details is not None, result
    return result.error_details.code


def said_of(site: TaskSite, task_id: str) -> list[tuple[str, bool]]:
    """Give the code of each result of a task, with whether it says that the task had come."""
    return [(code_of(one), (one.details or {})[TASK_DELIVERED]) for one in site.results[task_id]]


@pytest.fixture
def busy(site: TaskSite, start_agent: Start, tmp_path: Path) -> str:
    """A task that keeps the only worker of the only agent busy until the file `gate` is there."""
    start_agent(max_workers=1, prefetch=3)
    task_id = site.put(WAIT, str(tmp_path / "gate"), str(tmp_path / "started"))
    eventually(lambda: (tmp_path / "started").exists() and (tmp_path / "started").read_text())
    return task_id


@pytest.mark.parametrize("running", [True, False])
def test_tasks_that_wait_here_or_still_in_the_queue_never_run(
    site: TaskSite, busy: str, tmp_path: Path, running: bool
) -> None:
    here_or_not = site.put_many([site.outgoing(COUNT, str(tmp_path / "count")) for _ in range(20)])
    last = site.put(ECHO, "last")

    site.cancel(*here_or_not, running=running)

    for task_id in here_or_not:
        assert code_of(site.result(task_id)) == "TASK_CANCELLED"
    (tmp_path / "gate").touch()
    assert isinstance(site.value(busy), int)
    assert site.value(last) == "last"
    site.wait_until(lambda: site.taken >= {*here_or_not, last})
    assert not (tmp_path / "count").exists()
    delivered = [said_of(site, task_id) for task_id in here_or_not]
    once, twice = [("TASK_CANCELLED", True)], [("TASK_CANCELLED", False), ("TASK_CANCELLED", True)]
    assert all(one in (once, twice) for one in delivered)
    assert sum(len(one) == 2 for one in delivered) >= 17, "the window holds three tasks"


def test_a_task_that_runs_is_stopped_when_that_is_asked_and_the_worker_is_back(
    site: TaskSite, busy: str, tmp_path: Path
) -> None:
    worker = psutil.Process(int((tmp_path / "started").read_text()))

    site.cancel(busy)

    assert code_of(site.result(busy)) == "TASK_CANCELLED"
    assert site.result(busy).data == f"task {busy} was cancelled while it ran; its worker process was stopped"
    assert site.value(site.put(ECHO, 1)) == 1
    eventually(lambda: not worker.is_running())
    site.wait_until(lambda: busy in site.taken)
    assert said_of(site, busy) == [("TASK_CANCELLED", True)]


def test_a_task_that_runs_goes_on_when_only_waiting_ones_are_called_off(
    site: TaskSite, busy: str, tmp_path: Path
) -> None:
    site.cancel(busy, running=False)
    site.wait_until(lambda: f"cancel {busy}" in site.taken)
    (tmp_path / "gate").touch()

    assert isinstance(site.value(busy), int)


def test_a_task_that_is_over_cannot_be_called_off(site: TaskSite, agent: AgentThread) -> None:
    task_id = site.put(ECHO, 1)
    assert site.value(task_id) == 1

    site.cancel(task_id)
    site.wait_until(lambda: f"cancel {task_id}" in site.taken)

    assert site.value(site.put(ECHO, 2)) == 2
    assert len(site.results[task_id]) == 1


def test_a_task_that_is_called_off_before_it_is_sent_is_refused_when_it_comes(
    site: TaskSite, agent: AgentThread, tmp_path: Path
) -> None:
    task = site.outgoing(COUNT, str(tmp_path / "count"))
    task_id = task.message_id

    site.cancel(task_id)
    assert said_of(site, site.result(task_id).task_id) == [("TASK_CANCELLED", False)]
    site.put_many([task])

    site.wait_until(lambda: task_id in site.taken)
    assert said_of(site, task_id) == [("TASK_CANCELLED", False), ("TASK_CANCELLED", True)]
    assert not (tmp_path / "count").exists()


def test_tasks_called_off_while_the_endpoint_was_away_never_run(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    ids = site.put_many([site.outgoing(COUNT, str(tmp_path / "count")) for _ in range(300)])
    site.cancel(*ids)

    start_agent()

    site.wait_until(lambda: site.taken >= set(ids))
    assert not (tmp_path / "count").exists()


def test_tasks_that_the_service_names_at_registration_never_run(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    ids = site.put_many([site.outgoing(COUNT, str(tmp_path / "count")) for _ in range(300)])
    site.called_off = dict.fromkeys(ids, True)

    start_agent()

    site.wait_until(lambda: site.taken >= set(ids))
    assert not (tmp_path / "count").exists()


def test_tasks_called_off_while_the_connection_was_broken_never_run(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    with proxy_to(site.broker.port) as proxy:
        site.broker_port = proxy.port
        start_agent(max_workers=1, prefetch=3)
        running = site.put(WAIT, str(tmp_path / "gate"), str(tmp_path / "started"))
        eventually((tmp_path / "started").exists)
        proxy.is_shut = True
        proxy.cut()
        ids = site.put_many([site.outgoing(COUNT, str(tmp_path / "count")) for _ in range(50)])
        site.cancel(*ids)
        (tmp_path / "gate").touch()
        proxy.is_shut = False

        site.wait_until(lambda: site.taken >= {running, *ids})
        assert isinstance(site.value(running), int)
        assert not (tmp_path / "count").exists()


def test_a_task_that_was_called_off_and_comes_again_is_not_run(
    site: TaskSite, agent: AgentThread, tmp_path: Path
) -> None:
    task = site.outgoing(COUNT, str(tmp_path / "count"))
    site.cancel(task.message_id)
    site.put_many([task])
    site.wait_until(lambda: task.message_id in site.taken)

    site.put_many([task, task])

    assert site.value(site.put(ECHO, 1)) == 1
    assert not (tmp_path / "count").exists()


def test_an_endpoint_that_takes_tasks_once_only_refuses_what_was_called_off(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    ids = site.put_many([site.outgoing(COUNT, str(tmp_path / "count")) for _ in range(3)])
    site.cancel(*ids)

    start_agent(at_most_once=True)

    site.wait_until(lambda: site.taken >= set(ids))
    for task_id in ids:
        assert code_of(site.result(task_id)) == "TASK_CANCELLED"
    assert not (tmp_path / "count").exists()


def test_a_service_without_a_queue_of_cancels_may_send_them_among_the_tasks(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    site.has_cancel_queue = False
    start_agent(max_workers=1)
    running = site.put(WAIT, str(tmp_path / "gate"), str(tmp_path / "started"))
    waiting = site.put(COUNT, str(tmp_path / "count"))
    eventually((tmp_path / "started").exists)

    cancels = [Outgoing(encode(TaskCancel(one)), f"cancel {one}") for one in (waiting, running)]
    site.put_many(cancels)

    assert code_of(site.result(waiting)) == "TASK_CANCELLED"
    site.wait_until(lambda: {cancel.message_id for cancel in cancels} <= site.taken)
    (tmp_path / "gate").touch()
    assert isinstance(site.value(running), int)
    assert not (tmp_path / "count").exists()


def test_in_threads_a_running_task_is_reported_at_once_and_its_result_is_dropped(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    start_agent(engine="threads", max_workers=1)
    running = site.put(WAIT, str(tmp_path / "gate"), str(tmp_path / "started"))
    eventually((tmp_path / "started").exists)

    site.cancel(running)

    assert code_of(site.result(running)) == "TASK_CANCELLED"
    assert "it may go on" in site.result(running).data
    (tmp_path / "gate").touch()
    assert site.value(site.put(ECHO, 1)) == 1
    assert len(site.results[running]) == 1


@pytest.mark.parametrize("engine", ["processes", "threads"])
def test_a_task_that_takes_too_long_is_reported_with_its_time_out(
    site: TaskSite, start_agent: Start, tmp_path: Path, engine: str
) -> None:
    start_agent(engine=engine, max_workers=1)
    late = new_id()
    headers = task_headers(late, new_id(), timeout_s=0.25)
    site.put(WAIT, str(tmp_path / "gate"), task_id=late, headers=headers)

    assert code_of(site.result(late)) == "TASK_TIMEOUT"
    assert "longer than its time-out of 0.25 s" in site.result(late).data
    (tmp_path / "gate").touch()
    assert site.value(site.put(ECHO, 1)) == 1
    site.wait_until(lambda: late in site.taken)
    assert len(site.results[late]) == 1


@pytest.mark.parametrize("engine", ["processes", "threads"])
def test_waiting_tasks_of_higher_priority_are_run_first(
    site: TaskSite, start_agent: Start, tmp_path: Path, engine: str
) -> None:
    agent = start_agent(engine=engine, max_workers=1)
    site.put(WAIT, str(tmp_path / "gate"), str(tmp_path / "started"))
    eventually((tmp_path / "started").exists)
    ids: list[str] = []
    for name, priority in (("a", None), ("b", 10), ("c", -10), ("d", 10)):
        task_id = new_id()
        headers = task_headers(task_id, new_id(), priority=priority)
        ids.append(site.put(FUNCTIONS["append"], str(tmp_path / "order"), name, task_id=task_id, headers=headers))
    eventually(lambda: agent.do(agent.engine.state).pending == 4)

    (tmp_path / "gate").touch()

    for task_id in ids:
        site.value(task_id)
    assert (tmp_path / "order").read_text() == "bdac"


def test_a_cancel_that_races_with_the_end_of_a_task_leaves_one_outcome(site: TaskSite, start_agent: Start) -> None:
    start_agent(max_workers=2)
    for _ in range(5):
        ids = site.put_many([site.outgoing(ECHO, 1) for _ in range(40)])
        site.cancel(*ids)
        site.wait_until(lambda ids=ids: site.taken >= set(ids))  # type: ignore[misc]
        for task_id in ids:
            results = site.results[task_id]
            outcomes = {None if one.error_details is None else one.error_details.code for one in results}
            assert len(outcomes) == 1, results
            assert len(results) == 1 or outcomes == {"TASK_CANCELLED"}


def test_an_endpoint_that_is_stopped_forgets_what_was_called_off_and_is_told_again(
    site: TaskSite, tmp_path: Path
) -> None:
    tasks = [site.outgoing(COUNT, str(tmp_path / "count")) for _ in range(10)]
    ids = [task.message_id for task in tasks]
    first = AgentThread(site, tmp_path / "endpoint", CONFIG).start()
    first.wait_ready()
    site.cancel(*ids)
    site.wait_until(lambda: site.results.keys() >= set(ids))
    first.stop(0)
    first.join()

    site.put_many(tasks)
    site.called_off = dict.fromkeys(ids, True)
    second = AgentThread(site, tmp_path / "endpoint", CONFIG).start()
    second.wait_ready()

    site.wait_until(lambda: site.taken >= set(ids))
    second.stop(0)
    second.join()
    assert not (tmp_path / "count").exists()


def test_a_task_that_is_given_time_to_end_at_a_stop_can_be_called_off(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    agent = start_agent(max_workers=1)
    running = site.put(WAIT, str(tmp_path / "gate"), str(tmp_path / "started"))
    eventually((tmp_path / "started").exists)
    agent.stop(600)

    site.cancel(running)

    assert code_of(site.result(running)) == "TASK_CANCELLED"
    agent.join()
