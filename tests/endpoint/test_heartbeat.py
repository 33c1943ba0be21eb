from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import pytest

from endpoint.conftest import LoopThread
from farpool.endpoint.engine import EngineState
from farpool.endpoint.heartbeat import NEWS_INTERVAL_S, Heartbeat, Workload, host_facts
from farpool.wire import Actor, EndpointStatusReport, TaskState, decode, new_id

ENDPOINT, FIRST, SECOND = new_id(), new_id(), new_id()


class Desk:
    """A heartbeat, what it reports on, and what it has published."""

    def __init__(self, thread: LoopThread, period_s: float = 1000) -> None:
        self.thread = thread
        self.running: list[str] = []
        self.pending = 0
        self.published: queue.Queue[EndpointStatusReport] = queue.Queue()
        self.heartbeat = Heartbeat(
            thread.loop,
            endpoint_id=ENDPOINT,
            period_s=period_s,
            facts=host_facts("processes"),
            workload=lambda: Workload(EngineState(2, 2 - len(self.running), self.pending, self.running), 7, 99),
            publish=self._publish,
        )

    def _publish(self, body: bytes, confirmed: Callable[[], None]) -> None:
        report = decode(body)
        assert isinstance(report, EndpointStatusReport)
        self.published.put(report)
        confirmed()

    def open(self) -> EndpointStatusReport:
        confirmed: queue.Queue[bool] = queue.Queue()
        self.thread.do(lambda: self.heartbeat.open(lambda: confirmed.put(True)))
        assert confirmed.get(timeout=5)
        return self.next()

    def next(self) -> EndpointStatusReport:
        return self.published.get(timeout=5)


@pytest.fixture
def desk(loop_thread: LoopThread) -> Desk:
    return Desk(loop_thread)


def test_the_first_report_says_that_the_endpoint_is_online_and_what_it_has(desk: Desk) -> None:
    report = desk.open()

    expected: dict[str, Any] = {
        "active": True,
        "heartbeat_period": 1000,
        "total_workers": 2,
        "idle_workers": 2,
        "pending_tasks": 0,
        "outstanding_tasks": 7,
        "total_tasks": 99,
        "engine_type": "processes",
    }
    assert report.endpoint_id == ENDPOINT
    assert expected.items() <= report.global_state.items()
    assert {"hostname", "pid", "python_version", "dill_version", "farpool_version"} <= set(report.global_state)
    assert report.task_statuses == {}


def test_reports_follow_each_period(loop_thread: LoopThread) -> None:
    desk = Desk(loop_thread, period_s=0.02)
    desk.open()

    assert [desk.next().global_state["active"] for _ in range(3)] == [True] * 3
    desk.thread.do(desk.heartbeat.pause)


def test_tasks_that_began_are_reported_soon_once_and_in_one_report(desk: Desk) -> None:
    desk.open()
    began = time.monotonic()
    desk.running += [FIRST, SECOND]
    for _ in range(100):
        desk.thread.do(desk.heartbeat.news)

    report = desk.next()
    assert time.monotonic() - began < NEWS_INTERVAL_S + 1
    assert set(report.task_statuses) == {FIRST, SECOND}
    [transition] = report.task_statuses[FIRST]
    assert (transition.state, transition.actor) == (TaskState.RUNNING, Actor.ENDPOINT)
    assert desk.published.empty()

    desk.thread.do(desk.heartbeat.news)
    with pytest.raises(queue.Empty):
        desk.published.get(timeout=NEWS_INTERVAL_S + 0.3)


def test_a_task_that_waits_is_reported_when_it_begins(desk: Desk) -> None:
    desk.open()
    desk.running, desk.pending = [FIRST], 1
    desk.thread.do(desk.heartbeat.news)
    assert set(desk.next().task_statuses) == {FIRST}

    desk.running, desk.pending = [SECOND], 0

    assert set(desk.next().task_statuses) == {SECOND}


def test_after_a_reconnect_everything_that_runs_is_told_again(desk: Desk) -> None:
    desk.running = [FIRST]
    desk.open()
    desk.thread.do(desk.heartbeat.pause)
    desk.thread.do(desk.heartbeat.news)
    assert desk.published.empty()

    assert set(desk.open().task_statuses) == {FIRST}


def test_the_last_report_says_that_the_endpoint_is_offline(desk: Desk) -> None:
    desk.open()
    desk.thread.do(lambda: desk.heartbeat.close(lambda: None))

    report = desk.next()

    assert report.global_state["active"] is False
    assert report.global_state["heartbeat_period"] == 0
