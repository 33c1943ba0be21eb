"""Movable tasks: none begins before the service has heard that it may have begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from endpoint.conftest import AgentThread
from farpool.endpoint.announced import PACE_S, AnnouncedEngine, Pace
from farpool.endpoint.engine import Cancelled, EngineState, Outcome
from farpool.endpoint.job import Job, Site
from farpool.service.broker import Outgoing
from farpool.wire import new_id
from farpool.wire.queues import task_headers
from support.functions import FUNCTIONS
from support.proxy import Proxy, proxy_to
from support.task_site import TaskSite
from support.waiting import eventually

Start = Callable[..., AgentThread]

ECHO, COUNT = FUNCTIONS["echo"], FUNCTIONS["count_and_wait"]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Recorder:
    """An engine that runs nothing, and a service that hears when the test says so."""

    def __init__(self, workers: int = 2) -> None:
        self.clock = Clock()
        self.begun: dict[str, Callable[[Outcome], None]] = {}
        self.announced: list[tuple[Sequence[str], Callable[[], None]]] = []
        self.outcomes: list[str] = []
        self.engine = AnnouncedEngine(self, workers=workers, announce=self._announce, clock=self.clock)
        self.engine.go_on()

    def _announce(self, task_ids: Sequence[str], heard: Callable[[], None]) -> None:
        self.announced.append((task_ids, heard))

    def put(self, *task_ids: str, movable: bool = True, priority: int = 0) -> None:
        for task_id in task_ids:
            self.engine.submit(Job(task_id, b"", movable=movable, priority=priority), partial(self._ended, task_id))

    def _ended(self, task_id: str, _outcome: Outcome) -> None:
        self.outcomes.append(task_id)

    def hear(self) -> Sequence[str]:
        """Have the service hear of what was announced last; give that."""
        task_ids, heard = self.announced[-1]
        heard()
        return task_ids

    def end(self, task_id: str) -> None:
        self.begun.pop(task_id)(b"")

    # ---- what an engine is asked for

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Start."""

    def place(self, site: Site) -> None:
        """Be placed."""

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        self.begun[job.task_id] = done

    def withdraw(self) -> list[str]:
        return []

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        if not running or task_id not in self.begun:
            return None
        del self.begun[task_id]
        return Cancelled.STOPPED

    def state(self) -> EngineState:
        return EngineState(2, 2 - len(self.begun), 0, list(self.begun))

    def stop(self) -> None:
        """Stop."""


def test_a_job_begins_when_the_service_has_heard_of_it_and_not_before() -> None:
    site = Recorder()
    site.put("a")

    assert not site.begun
    assert site.hear() == ["a"]
    assert list(site.begun) == ["a"]


def test_what_is_not_movable_goes_through_at_once() -> None:
    site = Recorder()
    site.put("a", movable=False)

    assert (list(site.begun), site.announced) == (["a"], [])


def test_no_more_jobs_are_announced_than_there_are_workers_and_the_first_come_first() -> None:
    site = Recorder()
    site.put("a", "b", "c")
    site.put("d", priority=1)

    assert site.hear() == ["a"]
    assert site.hear() == ["d"]
    assert site.engine.state().pending == 2
    assert len(site.announced) == 2

    site.end("a")
    assert site.hear() == ["b"]
    assert site.outcomes == ["a"]


def test_where_jobs_are_short_more_are_announced_so_that_no_worker_waits() -> None:
    site = Recorder()
    site.put(*(str(number) for number in range(40)))
    for _ in range(10):
        site.hear()
        for task_id in list(site.begun):
            site.end(task_id)
    assert len(site.hear()) >= 8


def test_of_jobs_that_take_their_time_none_is_announced_ahead() -> None:
    site = Recorder()
    site.put(*(str(number) for number in range(10)))
    site.hear()
    site.hear()
    for _ in range(4):
        site.clock.now += PACE_S
        site.end(next(iter(site.begun)))
        assert len(site.hear()) == 1
    assert len(site.begun) == 2


def test_what_the_service_may_not_have_heard_is_announced_anew_when_it_is_back() -> None:
    site = Recorder()
    site.put("a", "b")
    _, heard = site.announced[-1]

    site.engine.hold()
    heard()
    site.put("c")
    assert not site.begun
    assert len(site.announced) == 1

    site.engine.go_on()
    assert site.hear() == ["a", "b"]
    assert list(site.begun) == ["a", "b"]


def test_a_job_that_is_called_off_while_it_waits_or_is_announced_never_begins() -> None:
    site = Recorder()
    site.put("a", "b", "c")

    assert site.engine.cancel("a", running=False) is Cancelled.WAITED
    assert site.engine.cancel("c", running=False) is Cancelled.WAITED
    site.hear()
    site.put("d")
    site.hear()

    assert "a" not in site.begun
    assert "c" not in site.begun
    assert site.engine.cancel("b", running=False) is None
    assert site.engine.cancel("b", running=True) is Cancelled.STOPPED


def test_jobs_that_are_withdrawn_are_named_and_forgotten() -> None:
    site = Recorder()
    site.put("a", "b")

    assert site.engine.withdraw() == ["a", "b"]
    site.hear()
    assert not site.begun


def test_the_pace_is_that_of_the_last_moment() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(5):
        pace.count()
    assert pace.read() == 5

    clock.now += PACE_S
    pace.count()
    assert pace.read() == 5

    clock.now += PACE_S
    assert pace.read() == 1

    clock.now += 2 * PACE_S
    assert pace.read() == 0


# ---- at an agent


def movable(site: TaskSite, count: Path, gate: Path) -> Outgoing:
    task_id = new_id()
    return site.outgoing(
        COUNT, str(count), str(gate), task_id=task_id, headers=task_headers(task_id, new_id(), movable=True)
    )


def has_reconnected(proxy: Proxy, accepted: int) -> bool:
    return proxy.accepted >= accepted + 3


def announced(site: TaskSite) -> set[str]:
    return {task_id for report in site.reports for task_id in report.task_statuses}


def test_movable_tasks_are_run_and_those_in_line_are_not_spoken_of(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    start_agent(max_workers=2)
    count, gate = tmp_path / "count", tmp_path / "gate"
    ids = site.put_many([movable(site, count, gate) for _ in range(10)])

    site.wait_until(lambda: len(announced(site)) == 2)
    eventually(lambda: count.exists() and count.read_text() == "xx")
    assert announced(site) == set(ids[:2])
    gate.touch()

    assert [site.value(task_id) for task_id in ids] == [None] * 10
    site.wait_until(lambda: announced(site) == set(ids))
    assert count.read_text() == "x" * 10


def test_an_endpoint_that_takes_each_task_once_only_begins_movable_ones_as_any_other(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    start_agent(at_most_once=True)
    (tmp_path / "gate").touch()

    (task_id,) = site.put_many([movable(site, tmp_path / "count", tmp_path / "gate")])

    assert site.value(task_id) is None


@pytest.mark.slow
def test_a_cut_makes_no_movable_task_run_twice_and_loses_none(
    site: TaskSite, start_agent: Start, tmp_path: Path
) -> None:
    with proxy_to(site.broker.port) as proxy:
        site.broker_port = proxy.port
        agent = start_agent(max_workers=2)
        count, gate = tmp_path / "count", tmp_path / "gate"
        ids = site.put_many([movable(site, count, gate) for _ in range(20)])
        eventually(lambda: count.exists() and count.read_text() == "xx")
        for _ in range(3):
            accepted = proxy.accepted
            proxy.cut()
            eventually(partial(has_reconnected, proxy, accepted))
        gate.touch()

        for task_id in ids:
            assert site.value(task_id) is None
        agent.stop()
        agent.join()

    assert count.read_text() == "x" * 20
