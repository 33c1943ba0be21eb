from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from endpoint.conftest import AgentThread
from farpool.errors import AccessDenied, ServiceRefused, StreamError
from farpool.service.broker import Outgoing
from farpool.wire import Task, TaskState, encode, new_id
from farpool.wire.queues import task_headers
from support.functions import FUNCTIONS
from support.proxy import Proxy, proxy_to
from support.rest_server import free_port, refusal
from support.task_site import TaskSite
from support.waiting import eventually

Start = Callable[..., AgentThread]

ECHO, WAIT, COUNT = FUNCTIONS["echo"], FUNCTIONS["wait_for_file"], FUNCTIONS["count_and_wait"]


def code_of(site: TaskSite, task_id: str) -> str:
    details = site.result(task_id).error_details
    assert details is not None, site.result(task_id)
    return details.code


def has_reconnected(proxy: Proxy, accepted: int) -> bool:
    return proxy.accepted >= accepted + 3


def wait_for_file(path: Path) -> None:
    eventually(lambda: path.exists() and path.read_text())


def test_tasks_come_in_and_results_go_out(site: TaskSite, agent: AgentThread) -> None:
    ids = site.put_many([site.outgoing(ECHO, number) for number in range(200)])

    assert [site.value(task_id) for task_id in ids] == list(range(200))
    site.wait_until(lambda: site.taken >= set(ids))
    assert all(len(site.results[task_id]) == 1 for task_id in ids)


def test_the_service_hears_that_the_endpoint_is_online_and_what_runs(
    site: TaskSite, agent: AgentThread, tmp_path: Path
) -> None:
    assert site.reports[0].global_state["active"] is True
    task_id = site.put(WAIT, str(tmp_path / "gate"))

    site.wait_until(lambda: any(task_id in report.task_statuses for report in site.reports))
    (tmp_path / "gate").touch()

    [transition] = next(report for report in site.reports if task_id in report.task_statuses).task_statuses[task_id]
    assert transition.state is TaskState.RUNNING
    assert isinstance(site.value(task_id), int)


def test_a_task_is_acknowledged_when_its_result_is_confirmed_and_not_before(
    site: TaskSite, agent: AgentThread, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    slow = site.put(WAIT, str(tmp_path / "gate"), str(started))
    quick = site.put(ECHO, 1)
    wait_for_file(started)

    site.wait_until(lambda: quick in site.taken)
    assert slow not in site.taken
    (tmp_path / "gate").touch()

    site.wait_until(lambda: slow in site.taken)
    assert slow in site.results


def test_at_most_once_acknowledges_a_task_when_it_is_taken(site: TaskSite, start_agent: Start, tmp_path: Path) -> None:
    start_agent(at_most_once=True)
    slow = site.put(WAIT, str(tmp_path / "gate"))

    site.wait_until(lambda: slow in site.taken)
    assert slow not in site.results
    (tmp_path / "gate").touch()

    assert isinstance(site.value(slow), int)


def test_no_more_tasks_are_taken_than_the_window_holds(site: TaskSite, start_agent: Start, tmp_path: Path) -> None:
    agent = start_agent(prefetch=3)
    ids = site.put_many([site.outgoing(WAIT, str(tmp_path / "gate")) for _ in range(8)])
    site.wait_until(lambda: len({one for report in site.reports for one in report.task_statuses}) == 2)

    state = agent.do(agent.engine.state)
    assert (len(state.running), state.pending) == (2, 1)
    (tmp_path / "gate").touch()

    for task_id in ids:
        site.value(task_id)


def test_a_killed_worker_fails_its_task_alone(site: TaskSite, agent: AgentThread) -> None:
    before, killer, after = site.put(ECHO, 1), site.put(FUNCTIONS["kill_itself"], 9), site.put(ECHO, 2)

    result = site.result(killer)
    assert code_of(site, killer) == "WORKER_LOST"
    assert result.data.startswith(f"worker process died with signal SIGKILL (9) while running task {killer}")
    assert (site.value(before), site.value(after)) == (1, 2)
    site.wait_until(lambda: killer in site.taken)


def test_errors_of_all_kinds_reach_the_results(site: TaskSite, agent: AgentThread) -> None:
    task_id = new_id()
    raised = site.put(FUNCTIONS["fail"], "bad")
    nonsense = site.put_many([Outgoing(b"\x01nonsense", task_id, task_headers(task_id, new_id()))])[0]
    headless_id = new_id()
    headless = site.put(ECHO, 1, task_id=headless_id, headers={})
    resources = site.put(
        ECHO,
        1,
        headers={
            "task_uuid": (wanted := new_id()),
            "function_uuid": new_id(),
            "resource_specification": '{"num_nodes": 2}',
        },
    )
    del resources

    assert code_of(site, raised) == "RemoteExecutionError"
    assert code_of(site, nonsense) == "CouldNotExecuteUserTaskError"
    assert code_of(site, headless) == "CouldNotExecuteUserTaskError"
    assert code_of(site, wanted) == "RESOURCES_UNAVAILABLE"
    assert "num_nodes=2" in site.results[wanted][0].data
    assert site.value(site.put(ECHO, "still there")) == "still there"


def test_a_message_that_names_no_task_is_dropped_with_one_line_in_the_log(
    site: TaskSite, agent: AgentThread, caplog: pytest.LogCaptureFixture
) -> None:
    site.put_many([Outgoing(b"nothing of ours", "x")])

    assert site.value(site.put(ECHO, 1)) == 1
    lines = [one.getMessage() for one in caplog.records if "names no task" in one.getMessage()]
    assert len(lines) == 1


def test_a_function_that_is_not_allowed_is_not_run(site: TaskSite, start_agent: Start) -> None:
    allowed, other, task_id = new_id(), new_id(), new_id()
    start_agent(allowed_functions=(allowed,))

    denied = site.put(ECHO, 1, task_id=task_id, headers=task_headers(task_id, other))
    granted_id = new_id()
    granted = site.put(ECHO, 2, task_id=granted_id, headers=task_headers(granted_id, allowed))

    assert site.value(granted) == 2
    assert code_of(site, denied) == "FUNCTION_NOT_ALLOWED"
    assert site.results[denied][0].data == f"Function {other} not permitted on endpoint {site.endpoint_id}"


def test_large_payloads_go_through(site: TaskSite, agent: AgentThread) -> None:
    text = "x" * 3_000_000
    ids = site.put_many([site.outgoing(ECHO, text) for _ in range(4)])

    assert all(site.value(task_id) == text for task_id in ids)


def test_a_result_over_ten_mebi_characters_is_refused_where_it_was_made(site: TaskSite, agent: AgentThread) -> None:
    task_id = site.put(FUNCTIONS["give_text"], 11_000_000)

    assert code_of(site, task_id) == "MaxResultSizeExceeded"
    assert site.results[task_id][0].data.endswith(", 10485760)")


def test_a_cut_while_tasks_run_makes_none_run_twice_and_loses_none(
    site: TaskSite, tmp_path: Path, start_agent: Start
) -> None:
    with proxy_to(site.broker.port) as proxy:
        site.broker_port = proxy.port
        agent = start_agent(max_workers=2)
        count, gate = tmp_path / "count", tmp_path / "gate"
        ids = site.put_many([site.outgoing(COUNT, str(count), str(gate)) for _ in range(20)])
        wait_for_file(count)
        for _ in range(3):
            accepted = proxy.accepted
            proxy.cut()
            eventually(partial(has_reconnected, proxy, accepted))
        gate.touch()

        for task_id in ids:
            assert site.value(task_id) is None
        site.wait_until(lambda: site.taken >= set(ids))
        agent.stop()
        agent.join()

    assert count.read_text() == "x" * 20


def test_results_that_were_ready_while_the_broker_was_away_arrive_when_it_is_back(
    site: TaskSite, agent: AgentThread, tmp_path: Path
) -> None:
    count, gate = tmp_path / "count", tmp_path / "gate"
    tasks = [site.outgoing(COUNT, str(count), str(gate)) for _ in range(4)]
    ids = site.put_many(tasks)
    wait_for_file(count)
    site.stop_broker()
    gate.touch()

    site.start_broker()  # with nothing in memory: the service publishes again what it has no result of
    site.put_many(tasks)

    for task_id in ids:
        assert site.value(task_id) is None
    site.wait_until(lambda: site.taken >= set(ids))
    site.put_many(tasks)  # late ones are acknowledged, not run
    extra = site.put(ECHO, 1)
    assert site.value(extra) == 1
    assert count.read_text() == "x" * 4


def test_an_endpoint_registers_again_when_the_broker_has_moved(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    with proxy_to(site.broker.port) as proxy:
        site.broker_port = proxy.port
        agent = start_agent()
        assert site.value(site.put(ECHO, 1)) == 1
    site.broker_port = None
    before = site.registrations

    assert site.value(site.put(ECHO, 2), timeout=30) == 2
    assert site.registrations > before
    agent.stop()
    agent.join()


def test_a_second_agent_on_the_same_queue_waits_until_the_first_is_gone(
    site: TaskSite, agent: AgentThread, tmp_path: Path
) -> None:
    second = AgentThread(site, tmp_path / "second")
    second.directory.write_endpoint_id(site.endpoint_id)
    second.start()
    site.wait_until(lambda: site.registrations == 2)
    assert site.value(site.put(ECHO, 1)) == 1

    agent.stop()
    agent.join()
    second.wait_ready()

    assert site.value(site.put(ECHO, 2)) == 2
    second.stop()
    second.join()


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AccessDenied), (403, AccessDenied), (423, ServiceRefused), (409, ServiceRefused)]
)
def test_an_endpoint_that_is_refused_ends_with_the_reason(
    site: TaskSite, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    site.refusal = refusal(status, "NO", "this endpoint is not wanted")
    agent = AgentThread(site, tmp_path / "endpoint").start()

    agent.join()

    assert isinstance(agent.error, kind)
    assert "not wanted" in str(agent.error)


def test_an_endpoint_with_a_wrong_token_ends_with_the_reason(site: TaskSite, tmp_path: Path) -> None:
    agent = AgentThread(site, tmp_path / "endpoint", token="a-wrong-one").start()

    agent.join()

    assert isinstance(agent.error, AccessDenied)


def test_an_endpoint_whose_broker_cannot_be_reached_ends_with_the_reason(site: TaskSite, tmp_path: Path) -> None:
    site.broker_port = free_port()
    agent = AgentThread(site, tmp_path / "endpoint", patience_s=0.2).start()

    agent.join()

    assert isinstance(agent.error, StreamError)
    assert str(site.broker_port) in str(agent.error)


def test_stop_lets_running_tasks_end_and_returns_the_others_to_the_queue(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    agent = start_agent(max_workers=1)
    started, gate = tmp_path / "started", tmp_path / "gate"
    running = site.put(WAIT, str(gate), str(started))
    waiting = site.put(FUNCTIONS["count_call"], str(tmp_path / "count"))
    wait_for_file(started)

    agent.stop()
    gate.touch()
    agent.join()

    assert agent.error is None
    assert isinstance(site.value(running), int)
    assert waiting not in site.results
    assert site.reports[-1].global_state["active"] is False
    assert site.reports[-1].global_state["heartbeat_period"] == 0
    site.wait_until(lambda: running in site.taken)
    assert waiting not in site.taken

    start_agent()  # the next agent of the same endpoint runs it
    assert site.value(waiting) is None


def test_stop_does_not_wait_longer_than_it_was_told(site: TaskSite, start_agent: Start, tmp_path: Path) -> None:
    agent = start_agent()
    started = tmp_path / "started"
    running = site.put(WAIT, str(tmp_path / "gate"), str(started))
    wait_for_file(started)

    agent.stop(grace_s=0.05)
    agent.join()

    assert running not in site.results
    assert running not in site.taken
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_the_second_stop_ends_the_waiting(site: TaskSite, start_agent: Start, tmp_path: Path) -> None:
    agent = start_agent(grace_s=1000)
    started = tmp_path / "started"
    site.put(WAIT, str(tmp_path / "gate"), str(started))
    wait_for_file(started)

    agent.stop()
    agent.stop()
    agent.join()

    assert agent.error is None


def test_what_an_at_most_once_endpoint_cannot_finish_is_said_to_be_lost(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    agent = start_agent(at_most_once=True, max_workers=1)
    started = tmp_path / "started"
    running = site.put(WAIT, str(tmp_path / "gate"), str(started))
    waiting = site.put(ECHO, 1)
    wait_for_file(started)
    site.wait_until(lambda: {running, waiting} <= site.taken)

    agent.stop(0)
    agent.join()

    assert code_of(site, running) == code_of(site, waiting) == "ENDPOINT_OFFLINE"


def test_stop_without_a_broker_does_not_hang(site: TaskSite, agent: AgentThread) -> None:
    site.stop_broker()

    agent.stop()
    agent.join()

    assert agent.error is None
    site.start_broker()


@pytest.mark.parametrize("engine", ["processes", "threads"])
def test_both_engines_serve(site: TaskSite, start_agent: Start, engine: str) -> None:
    start_agent(engine=engine)
    ids = site.put_many([site.outgoing(ECHO, number) for number in range(50)])

    assert [site.value(task_id) for task_id in ids] == list(range(50))


def test_a_task_that_is_delivered_twice_at_once_runs_once(site: TaskSite, agent: AgentThread, tmp_path: Path) -> None:
    count, gate = tmp_path / "count", tmp_path / "gate"
    task = site.outgoing(COUNT, str(count), str(gate))
    site.put_many([task, task])
    wait_for_file(count)

    site.put_many([task])
    gate.touch()

    assert site.value(task.message_id) is None
    assert site.value(site.put(ECHO, 1)) == 1
    assert count.read_text() == "x"
    assert len(site.results[task.message_id]) == 1


def test_a_task_buffer_of_nonsense_is_an_error_of_that_task(site: TaskSite, agent: AgentThread) -> None:
    task_id = new_id()
    site.put_many([Outgoing(encode(Task(task_id, "3\nabc")), task_id, task_headers(task_id, new_id()))])

    assert code_of(site, task_id) == "DESERIALIZATION_FAILED"
