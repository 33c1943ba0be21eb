"""Tasks that leave an endpoint which goes offline, with functions in place of the service."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from typing_extensions import override

from farpool.amqp import Loop
from farpool.errors import ServiceDown, TaskCancelled, TaskExecutionFailed
from farpool.executor.endpoints import Endpoints, Policy
from farpool.executor.future import Future
from farpool.executor.journal import NoJournal
from farpool.executor.pipeline.moves import Moves
from farpool.executor.pipeline.task import Batch, Route, Task
from farpool.executor.retry import NO_RETRY, Retry

HARMLESS = Retry(idempotent=True)


class Notes(NoJournal):
    """Keeps what it was told of tasks that are about to move."""

    def __init__(self) -> None:
        self.moving_ids: list[str | None] = []

    @override
    def moving(self, tasks: Sequence[Task]) -> None:
        self.moving_ids += [task.future.task_id for task in tasks]


class Desk:
    """The moves, and the service that they ask: it holds tasks, and says which have not begun."""

    def __init__(self, *, can_strand: bool = True) -> None:
        self.statuses: dict[str, Mapping[str, Any]] = {}
        self.asked: list[str] = []
        self.stranded: list[list[str]] = []
        self.answers: dict[str, str] = {}
        self.is_down = False
        self.waited_for: set[str] = set()
        self.called_off: list[str] = []
        self.sent: list[Task] = []
        self.journal = Notes()
        self.on_sent: Callable[[], object] = lambda: None
        self.loop = Loop()
        self.moves = Moves(
            self.loop,
            get_status=self._status,
            strand=self._strand if can_strand else None,
            forget=self._forget,
            call_off=self.called_off.extend,
            again=self._again,
            journal=self.journal,
        )

    def close(self) -> None:
        """Close the loop; it never ran before, so that nothing was looked at but when the test did."""
        self.loop.stop()
        self.loop.run()

    def _status(self, endpoint_id: str) -> Mapping[str, Any]:
        self.asked.append(endpoint_id)
        return self.statuses.get(endpoint_id, {"status": "online", "details": {}})

    def _strand(self, task_ids: Sequence[str]) -> Mapping[str, str]:
        self.stranded.append(list(task_ids))
        if self.is_down:
            raise ServiceDown("it is down")
        return {task_id: self.answers.get(task_id, "cancelled") for task_id in task_ids}

    def _again(self, task: Task) -> None:
        self.sent.append(task)
        self.on_sent()

    def _forget(self, task_id: str | None) -> bool:
        was_there = task_id in self.waited_for
        self.waited_for.discard(task_id or "")
        return was_there

    def leaves(self, endpoint_id: str) -> None:
        self.statuses[endpoint_id] = {"status": "offline", "details": {"away_s": 15.2}}

    def put(self, policy: Policy = "failover", *ids: str, retry: Retry = NO_RETRY) -> Task:
        """Place a task."""
        future = Future[Any](called_off=lambda _future: None)
        task = Task(Route("", movable=True), "f", "x", future, retry, endpoints=Endpoints(ids or ("a", "b"), policy))
        return self.moves.place(task)

    def submit(self, *task_ids: str, **how: Any) -> list[Task]:
        """Place tasks that the service takes."""
        tasks = [self.put(**how) for _ in task_ids]
        for task, task_id in zip(tasks, task_ids, strict=True):
            task.future.task_id = task_id
            self.waited_for.add(task_id)
        return tasks


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def where(tasks: Sequence[Task]) -> list[str]:
    return [task.route.endpoint_id for task in tasks]


def test_tasks_go_where_the_policy_says_and_are_counted_until_they_are_done(desk: Desk) -> None:
    tasks = [desk.put("least-pending") for _ in range(4)]
    assert where(tasks) == ["a", "b", "a", "b"]
    assert [task.future.endpoint_id for task in tasks] == where(tasks)

    tasks[1].future.set_result(1)
    tasks[3].future.cancel()

    assert where([desk.put("least-pending") for _ in range(3)]) == ["b", "b", "a"]


def test_an_endpoint_that_is_offline_from_the_beginning_is_given_nothing(desk: Desk) -> None:
    desk.leaves("a")

    assert where([desk.put("round-robin") for _ in range(3)]) == ["b", "b", "b"]
    assert desk.asked == ["a", "b"], "once for all tasks"


def test_what_has_not_begun_goes_elsewhere_and_what_has_begun_stays(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = desk.submit("1", "2", "3", "4")
    desk.answers = {"2": "running", "4": "finished"}
    desk.leaves("a")

    with caplog.at_level(logging.WARNING):
        assert desk.moves.look()

    assert [task.future for task in desk.sent] == [tasks[0].future, tasks[2].future]
    assert where(desk.sent) == ["b", "b"]
    assert [task.future.endpoint_id for task in tasks] == ["b", "a", "b", "a"]
    assert desk.waited_for == {"2", "4"}
    assert desk.moves.moved == 2
    (told,) = [one.getMessage() for one in caplog.records if one.name == "farpool.executor.pipeline.moves"]
    assert told == (
        "endpoint a is offline for 15 s: 2 of its tasks move to b; 2 that have begun, or may have, stay and run when "
        "it is back"
    )


def test_what_has_begun_is_not_asked_after_again_before_its_endpoint_was_back(desk: Desk) -> None:
    desk.submit("1", "2")
    desk.answers = {"1": "running", "2": "running"}
    desk.leaves("a")
    desk.moves.look()
    desk.moves.look()
    assert desk.stranded == [["1", "2"]]

    del desk.statuses["a"]
    desk.moves.look()
    desk.leaves("a")
    desk.moves.look()

    assert desk.stranded == [["1", "2"]] * 2


def test_what_may_run_twice_moves_also_when_it_has_begun_and_is_called_off_where_it_was(desk: Desk) -> None:
    desk.submit("1", retry=HARMLESS)
    desk.answers = {"1": "running"}
    desk.leaves("a")

    desk.moves.look()

    assert where(desk.sent) == ["b"]
    assert desk.called_off == ["1"]


def test_on_a_service_that_cannot_tell_only_what_may_run_twice_moves() -> None:
    desk = Desk(can_strand=False)
    desk.submit("1")
    harmless = desk.submit("2", retry=HARMLESS)
    desk.leaves("a")

    desk.moves.look()

    assert [task.future for task in desk.sent] == [harmless[0].future]
    desk.close()


def test_where_no_endpoint_is_online_everything_stays_until_one_is(desk: Desk) -> None:
    desk.submit("1", "2")
    desk.leaves("a")
    desk.leaves("b")

    desk.moves.look()
    assert (desk.sent, desk.moves.moved) == ([], 0)

    del desk.statuses["b"]
    desk.moves.look()
    assert where(desk.sent) == ["b", "b"]


def test_an_endpoint_that_is_back_takes_part_again(desk: Desk) -> None:
    desk.leaves("a")
    assert where([desk.put()]) == ["b"]

    del desk.statuses["a"]
    desk.moves.look()

    assert where([desk.put()]) == ["a"]


def test_what_waits_to_be_sent_goes_elsewhere_and_a_task_of_one_endpoint_does_not(desk: Desk) -> None:
    movable, done = desk.put(), desk.put()
    pinned = Task(movable.route, "f", "x", Future[Any]())
    assert desk.moves.place(pinned) is pinned
    done.future.cancel()
    batch = Batch(movable.route, [movable, pinned])
    assert desk.moves.sendable(batch) is batch

    desk.leaves("a")
    desk.moves.look()
    rest = desk.moves.sendable(batch)

    assert where(desk.sent) == ["b"]
    assert rest is not None
    assert list(rest.tasks) == [pinned]
    assert desk.moves.sendable(Batch(movable.route, [movable])) is None


def test_a_task_is_sent_once_whatever_is_noticed_while_it_goes_elsewhere(desk: Desk) -> None:
    (task,) = [desk.put()]
    desk.leaves("a")
    desk.moves.look()

    def b_leaves_too() -> None:
        desk.leaves("b")
        desk.moves.look()

    desk.on_sent = b_leaves_too

    assert desk.moves.sendable(Batch(task.route, [task])) is None
    assert where(desk.sent) == ["b"]


def test_a_task_is_in_one_place_when_an_endpoint_comes_back_while_others_move(desk: Desk) -> None:
    first, second = desk.put("failover", "a", "b"), desk.put("failover", "a", "c")
    desk.leaves("a")
    desk.leaves("c")
    desk.put("failover", "c", "b")
    desk.moves.look()

    def c_is_back() -> None:
        del desk.statuses["c"]
        desk.moves.look()

    desk.on_sent = c_is_back
    rest = desk.moves.sendable(Batch(first.route, [first, second]))

    assert where(desk.sent) == ["b"]
    assert rest is not None
    assert list(rest.tasks) == [second]


def test_what_is_about_to_move_is_noted_once_however_long_the_service_is_silent(desk: Desk) -> None:
    desk.submit("1", "2")
    desk.leaves("a")
    desk.is_down = True

    for _ in range(3):
        desk.moves.look()

    assert len(desk.stranded) == 3
    assert desk.journal.moving_ids == ["1", "2"]


def test_a_task_that_was_asked_after_and_is_done_is_let_go(desk: Desk) -> None:
    future = desk.submit("1")[0].future
    desk.answers = {"1": "requested"}
    desk.leaves("a")
    desk.moves.look()

    future.set_result(1)
    desk.moves.look()
    gc.collect()

    assert not any(isinstance(one, Task) for one in gc.get_referrers(future))


def test_futures_that_are_done_or_that_nobody_wants_do_not_move(desk: Desk) -> None:
    unwanted, cancelled = desk.submit("1", "2")
    unwanted.future.is_unwanted = True
    cancelled.future.cancel()
    desk.leaves("a")

    desk.moves.look()

    assert desk.sent == []


def test_when_everything_is_being_cancelled_nothing_moves(desk: Desk) -> None:
    desk.submit("1")
    desk.leaves("a")

    desk.moves.stop()
    desk.moves.look()

    assert desk.sent == []


def test_a_lost_answer_is_made_up_for_by_the_result_that_says_that_the_task_was_called_off(desk: Desk) -> None:
    (task,) = desk.submit("1")
    (other,) = desk.submit("2")
    desk.leaves("a")
    desk.is_down = True

    desk.moves.look()
    desk.is_down = False
    desk.answers = {"1": "finished", "2": "running"}
    desk.moves.look()
    assert desk.sent == []

    assert desk.moves.takes(task.future, TaskCancelled("called off"))
    assert where(desk.sent) == ["b"]
    assert not desk.moves.takes(other.future, TaskCancelled("by somebody else"))


def test_a_task_that_was_asked_after_and_fails_is_not_sent_again(desk: Desk) -> None:
    (task,) = desk.submit("1")
    desk.leaves("a")
    desk.is_down = True
    desk.moves.look()

    assert not desk.moves.takes(task.future, TaskExecutionFailed("it raised"))


def test_what_an_endpoint_that_came_back_just_then_calls_off_is_sent_again(desk: Desk) -> None:
    (task,) = desk.submit("1")
    desk.answers = {"1": "requested"}
    desk.leaves("a")
    desk.moves.look()
    assert desk.sent == []

    assert desk.moves.takes(task.future, TaskCancelled("before it began to run"))
    assert [one.future for one in desk.sent] == [task.future]


def test_a_future_that_is_done_does_not_keep_its_arguments(desk: Desk) -> None:
    future = desk.put().future
    assert any(isinstance(one, Task) for one in gc.get_referrers(future))

    future.set_result(1)
    gc.collect()

    assert not any(isinstance(one, Task) for one in gc.get_referrers(future))


def test_looking_ends_with_the_last_task(desk: Desk) -> None:
    task = desk.put()
    assert desk.moves.look()

    task.future.set_result(1)

    assert not desk.moves.look()
