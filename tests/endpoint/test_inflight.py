from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from farpool.endpoint.inflight import Inflight, Verdict
from farpool.wire import new_id


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


def test_a_task_that_was_called_off_before_it_came_is_refused_when_it_does() -> None:
    table: Inflight[str] = Inflight()
    task = new_id()

    assert table.call_off(task)
    assert table.accept(task, "first") is Verdict.REFUSE
    assert table.accept(task, "second") is Verdict.WAIT
    assert table.finished(task)
    assert table.confirmed(task) == ["first", "second"]
    assert table.accept(task, "third") is Verdict.ACK


def test_a_task_that_came_or_is_over_cannot_be_called_off_before_it_came() -> None:
    table: Inflight[str] = Inflight()
    task = new_id()
    table.accept(task, "first")

    assert not table.call_off(task)
    table.finished(task)
    assert not table.call_off(task)
    table.confirmed(task)
    assert not table.call_off(task)


def test_a_refused_task_that_is_delivered_again_after_a_break_is_refused_without_running() -> None:
    table: Inflight[str] = Inflight()
    task = new_id()
    table.call_off(task)
    table.accept(task, "old")
    table.finished(task)

    table.lost()

    assert table.accept(task, "new") is Verdict.WAIT
    assert table.confirmed(task) == ["new"]


def test_the_memory_of_what_was_called_off_is_bounded_and_keeps_the_latest() -> None:
    table: Inflight[str] = Inflight(remember_called_off=2)
    first, second, third = (new_id() for _ in range(3))
    for task in (first, second, third):
        table.call_off(task)

    verdicts = [table.accept(task, task) for task in (first, second, third)]

    assert verdicts == [Verdict.RUN, Verdict.REFUSE, Verdict.REFUSE]


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
        self.called_off: set[str] = set()

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
        elif verdict is Verdict.REFUSE:
            assert self.table.finished(task)
            self.published.add(task)

    @rule(target=tasks)
    def submit(self) -> str:
        task = new_id()
        self.deliver(task)
        return task

    @rule(target=tasks)
    def call_off_and_submit(self) -> str:
        task = new_id()
        assert self.table.call_off(task)
        self.called_off.add(task)
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
    def no_task_ran_that_was_called_off_before_it_came(self) -> None:
        assert not self.called_off & set(self.runs)

    @invariant()
    def what_is_over_owes_no_acknowledgement_and_what_is_not_keeps_its_own(self) -> None:
        assert not self.over & set(self.unacked.values())
        assert set(self.table.taken) == self.running
        assert set(self.table.unconfirmed) == self.published
        assert len(self.table) == len(self.running) + len(self.published)


TestBroker = Broker.TestCase
TestBroker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
