from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from farpool.endpoint.inflight import Inflight, Verdict


def test_a_task_is_run_once_and_its_deliveries_are_acknowledged_when_its_result_is_confirmed() -> None:
    table: Inflight[str] = Inflight()

    assert table.accept("task", "first") is Verdict.RUN
    assert table.accept("task", "second") is Verdict.WAIT
    assert table.finished("task")
    assert table.accept("task", "third") is Verdict.WAIT
    assert table.confirmed("task") == ["first", "second", "third"]
    assert table.accept("task", "fourth") is Verdict.ACK


def test_deliveries_of_a_lost_connection_are_not_acknowledged() -> None:
    table: Inflight[str] = Inflight()
    table.accept("task", "old")

    table.lost()
    table.accept("task", "new")
    table.finished("task")

    assert table.confirmed("task") == ["new"]


def test_a_task_that_was_withdrawn_may_come_again() -> None:
    table: Inflight[str] = Inflight()
    table.accept("task", "first")

    assert table.withdrawn("task") == ["first"]
    assert not table.finished("task")
    assert table.accept("task", "second") is Verdict.RUN


def test_the_memory_of_what_is_over_is_bounded() -> None:
    table: Inflight[str] = Inflight(remember=2)
    for task in ("a", "b", "c"):
        table.accept(task, task)
        table.finished(task)
        table.confirmed(task)

    assert [table.accept(task, "again") for task in ("b", "c", "a")] == [Verdict.ACK, Verdict.ACK, Verdict.RUN]


class Broker(RuleBasedStateMachine):
    """A broker and an endpoint: whatever breaks when, no task runs twice, and none is acknowledged too early."""

    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.table: Inflight[tuple[int, int]] = Inflight()
        self.epoch = self.tag = 0
        self.unacked: dict[tuple[int, int], str] = {}
        self.runs: dict[str, int] = {}
        self.running: set[str] = set()
        self.published: set[str] = set()
        self.over: set[str] = set()

    def deliver(self, task: str) -> None:
        self.tag += 1
        delivery = (self.epoch, self.tag)
        self.unacked[delivery] = task
        verdict = self.table.accept(task, delivery)
        if verdict is Verdict.RUN:
            self.runs[task] = self.runs.get(task, 0) + 1
            self.running.add(task)
        elif verdict is Verdict.ACK:
            del self.unacked[delivery]

    @rule(target=tasks)
    def submit(self) -> str:
        task = f"task {self.tag}"
        self.deliver(task)
        return task

    @rule(task=tasks)
    def publish_again(self, task: str) -> None:
        self.deliver(task)

    @rule(task=tasks)
    def finish(self, task: str) -> None:
        if task in self.running:
            self.running.remove(task)
            assert self.table.finished(task)
            self.published.add(task)

    @rule(task=tasks)
    def confirm(self, task: str) -> None:
        if task in self.published:
            self.published.remove(task)
            self.over.add(task)
            for delivery in self.table.confirmed(task):
                assert self.unacked.pop(delivery) == task

    @rule(redeliver=st.booleans())
    def break_connection(self, redeliver: bool) -> None:
        back = list(self.unacked.values())
        self.unacked.clear()
        self.table.lost()
        self.epoch += 1
        if redeliver:  # else the broker forgot: the service will publish again
            for task in back:
                self.deliver(task)

    @invariant()
    def no_task_ran_twice(self) -> None:
        assert all(count == 1 for count in self.runs.values())

    @invariant()
    def what_is_over_owes_no_acknowledgement_and_what_is_not_keeps_its_own(self) -> None:
        assert not self.over & set(self.unacked.values())
        assert set(self.table.taken) == self.running
        assert set(self.table.unconfirmed) == self.published
        assert len(self.table) == len(self.running) + len(self.published)


TestBroker = Broker.TestCase
TestBroker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
