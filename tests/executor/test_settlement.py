"""How futures come to their outcome, with lists and functions in place of the service and the stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from typing import Any

import pytest

from farpool.amqp import Loop
from farpool.errors import TaskCancelled, TaskTimeout, VersionWarning
from farpool.executor.future import Future
from farpool.executor.pipeline.settlement import Settlement
from farpool.executor.pipeline.task import Route, Task
from farpool.executor.retry import NO_RETRY, Retry
from farpool.wire.blobs import HEADER, Referenced
from farpool.wire.messages import ErrorDetails, Result
from support.waiting import eventually

TIMEOUT = 30
OLD = {"python_version": "3.9.1", "dill_version": "0.3.9", "endpoint_id": "here"}


class Desk:
    """A settlement on a loop in a thread, and what it asks for."""

    def __init__(self, *, can_cancel: bool, deserialize: Callable[[str], Any] = str) -> None:
        self.loop = Loop()
        self.requests: list[tuple[list[str], bool]] = []
        self.requested = threading.Event()
        self.sent_again: list[Task] = []
        self.again = threading.Event()
        self.settlement = Settlement(
            self.loop,
            deserialize=deserialize,
            cancel=self._cancel if can_cancel else None,
            again=self._again,
            settled=lambda: None,
        )
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def _cancel(self, task_ids: Sequence[str], running: bool) -> None:
        self.requests.append((list(task_ids), running))
        self.requested.set()

    def _again(self, task: Task) -> bool:
        self.sent_again.append(task)
        self.again.set()
        return True

    def task(self, *, retry: Retry = NO_RETRY, due_s: float | None = None, timeout_s: float | None = None) -> Task:
        future = Future[Any](called_off=self.settlement.called_off)
        due = None if due_s is None else time.monotonic() + due_s
        task = Task(Route("here", timeout_s=timeout_s), "function", "payload", future, retry, due)
        self.settlement.begin(task)
        return task

    def sent(self, *task_ids: str, **how: Any) -> list[Future[Any]]:
        tasks = [self.task(**how) for _ in task_ids]
        for task in tasks:
            task.future.set_running_or_notify_cancel()
        self.settlement.accepted(list(zip(tasks, task_ids, strict=True)), "group")()
        return [task.future for task in tasks]

    def wait_for_the_loop(self) -> None:
        passed = threading.Event()
        self.loop.call(passed.set)
        assert passed.wait(TIMEOUT)

    def hold(self) -> threading.Event:
        """Keep the loop busy until the event is set."""
        held, let_go = threading.Event(), threading.Event()

        def wait() -> None:
            held.set()
            let_go.wait(TIMEOUT)

        self.loop.call(wait)
        assert held.wait(TIMEOUT)
        return let_go

    def close(self) -> None:
        self.loop.stop()
        self._thread.join(TIMEOUT)


@pytest.fixture(params=[True, False], ids=["farpool service", "hosted service"])
def any_desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    desk = Desk(can_cancel=request.param)
    yield desk
    desk.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(can_cancel=True)
    yield desk
    desk.close()


@pytest.fixture
def hosted() -> Iterator[Desk]:
    desk = Desk(can_cancel=False)
    yield desk
    desk.close()


def value(task_id: str, text: str = "value") -> Result:
    return Result(task_id, text, None, None, None)


def failure(task_id: str, code: str = "RemoteExecutionError") -> Result:
    return Result(task_id, "Traceback...", None, ErrorDetails(code, "it failed"), None)


def test_a_value_settles_the_future_that_waits_for_it(any_desk: Desk) -> None:
    first, second = any_desk.sent("1", "2")

    any_desk.settlement.deliver(value("2", "two"))
    any_desk.settlement.deliver(value("1", "one"))

    assert (first.result(0), second.result(0)) == ("one", "two")
    assert any_desk.settlement.is_empty
    assert any_desk.settlement.stats().done == 2


def test_another_version_of_python_at_the_worker_is_warned_about_once_whatever_came_of_the_task(desk: Desk) -> None:
    futures = desk.sent("1", "2")

    with pytest.warns(VersionWarning) as told:
        list(map(desk.settlement.deliver, [replace(one, details=OLD) for one in (failure("1"), value("2"))]))

    assert len(told) == 1
    assert futures[1].result(0) == "value"


def test_a_cancelled_future_is_waited_for_no_longer_and_its_late_result_is_dropped(any_desk: Desk) -> None:
    (future,) = any_desk.sent("1")

    assert future.cancel_remote()

    assert any_desk.settlement.is_empty
    any_desk.settlement.deliver(value("1"))
    assert future.cancelled()
    assert (any_desk.settlement.stats().done, any_desk.settlement.stats().cancelled) == (0, 1)


def test_many_cancels_make_one_request(desk: Desk) -> None:
    task_ids = [str(number) for number in range(1000)]
    futures = desk.sent(*task_ids)
    let_go = desk.hold()

    for future in futures:
        future.cancel_remote()
    let_go.set()
    desk.wait_for_the_loop()

    assert desk.requests == [(task_ids, True)]


def test_what_was_not_sent_is_cancelled_without_a_request(desk: Desk) -> None:
    future = desk.task().future

    assert future.cancel()
    desk.wait_for_the_loop()

    assert desk.requests == []
    assert desk.settlement.stats().cancelled == 1


def test_what_was_cancelled_while_its_request_was_under_way_is_called_off_with_the_answer(desk: Desk) -> None:
    task = desk.task()
    task.future.set_running_or_notify_cancel()
    task.future.cancel_remote()

    desk.settlement.accepted([(task, "1")], "group")()
    desk.wait_for_the_loop()

    assert desk.requests == [(["1"], True)]
    assert desk.settlement.is_empty


def test_the_rest_is_cancelled_where_it_has_not_begun_and_finishes_where_it_has(desk: Desk) -> None:
    begun, waiting = desk.sent("1", "2")

    desk.settlement.cancel_rest(running=False)
    desk.wait_for_the_loop()
    assert desk.requests == [(["1", "2"], False)]
    assert not begun.done()
    desk.settlement.deliver(failure("2", "TASK_CANCELLED"))
    desk.settlement.deliver(value("1"))

    assert waiting.cancelled()
    assert begun.result(0) == "value"
    desk.wait_for_the_loop()
    assert len(desk.requests) == 1


def test_where_the_service_cannot_tell_what_has_begun_the_rest_is_cancelled_on_this_side(hosted: Desk) -> None:
    futures = hosted.sent("1", "2")

    hosted.settlement.cancel_rest(running=False)

    assert all(future.cancelled() for future in futures)
    assert hosted.settlement.is_empty


def test_a_task_that_somebody_else_cancelled_fails(any_desk: Desk) -> None:
    (future,) = any_desk.sent("1")

    any_desk.settlement.deliver(failure("1", "TASK_CANCELLED"))

    assert not future.cancelled()
    with pytest.raises(TaskCancelled):
        future.result(0)


def test_a_failed_attempt_is_followed_by_another_with_an_id_of_its_own(any_desk: Desk) -> None:
    task = any_desk.task(retry=Retry(1, backoff=0.0))
    task.future.set_running_or_notify_cancel()
    any_desk.settlement.accepted([(task, "1")], "group")()

    any_desk.settlement.deliver(failure("1"))
    assert any_desk.again.wait(TIMEOUT)
    assert any_desk.sent_again == [task]
    assert not task.future.done()
    any_desk.settlement.accepted([(task, "2")], "group")()
    any_desk.settlement.deliver(value("2"))

    assert task.future.result(0) == "value"
    assert task.future.task_id == "2"
    assert any_desk.settlement.is_empty


def test_a_deadline_fails_the_future_and_cancels_its_task(desk: Desk) -> None:
    (future,) = desk.sent("1", due_s=0.01)

    with pytest.raises(TaskTimeout, match="past the deadline"):
        future.result(TIMEOUT)
    assert desk.requested.wait(TIMEOUT)
    assert desk.requests == [(["1"], True)]
    assert desk.settlement.is_empty


def test_where_the_endpoint_cannot_stop_a_task_its_time_out_is_watched_here(hosted: Desk) -> None:
    (future,) = hosted.sent("1", timeout_s=0.01)

    with pytest.raises(TaskTimeout, match=r"0.01 s after the service took it.*may still run"):
        future.result(TIMEOUT)
    hosted.settlement.deliver(value("1"))
    assert hosted.settlement.is_empty


def test_a_time_out_concerns_one_attempt_only(hosted: Desk) -> None:
    task = hosted.task(timeout_s=0.05, retry=Retry(1, backoff=0.0))
    task.future.set_running_or_notify_cancel()
    hosted.settlement.accepted([(task, "1")], "group")()
    assert hosted.again.wait(TIMEOUT)  # the first attempt took too long

    let_go = hosted.hold()  # nothing rings meanwhile
    hosted.settlement.accepted([(task, "2")], "group")()
    hosted.settlement.deliver(value("2"))
    let_go.set()

    assert task.future.result(0) == "value"


def test_the_end_of_a_stream_fails_the_futures_of_its_task_group_only(any_desk: Desk) -> None:
    (gone,) = any_desk.sent("1")
    other = any_desk.task()
    other.future.set_running_or_notify_cancel()
    any_desk.settlement.accepted([(other, "2")], "another group")()

    any_desk.settlement.give_up("group", TaskTimeout("the stream is gone"))

    with pytest.raises(TaskTimeout, match="the stream is gone"):
        gone.result(0)
    assert not other.future.done()


# ---- giving up on what nobody waits for


def test_what_is_given_up_is_cancelled_in_one_request_where_no_worker_has_begun(desk: Desk) -> None:
    unsent = desk.task().future
    sent = desk.sent("1", "2", "3")
    done = desk.sent("4")[0]
    desk.settlement.deliver(value("4"))

    desk.settlement.give_up_on([unsent, *sent, done])
    desk.wait_for_the_loop()

    assert unsent.cancelled()
    assert desk.requests == [(["1", "2", "3"], False)]
    assert not any(future.done() for future in sent)
    desk.settlement.deliver(failure("1", "TASK_CANCELLED"))
    desk.settlement.deliver(value("2"))
    assert sent[0].cancelled()
    assert sent[1].result(0) == "value"


def test_on_the_hosted_service_what_is_given_up_is_dropped_on_this_side(hosted: Desk) -> None:
    futures = hosted.sent("1", "2")

    hosted.settlement.give_up_on(futures)

    assert all(future.cancelled() for future in futures)
    assert hosted.settlement.is_empty


def test_what_was_given_up_while_it_was_being_sent_is_cancelled_when_it_has_an_id(desk: Desk) -> None:
    task = desk.task()
    task.future.set_running_or_notify_cancel()
    desk.settlement.give_up_on([task.future])
    desk.wait_for_the_loop()
    assert desk.requests == []

    desk.settlement.accepted([(task, "1")], "group")()
    desk.wait_for_the_loop()

    assert desk.requests == [(["1"], False)]


def test_what_was_given_up_is_not_tried_again(desk: Desk) -> None:
    running, waiting = desk.sent("1", "2", retry=Retry(retries=3, backoff=60))
    desk.settlement.deliver(failure("2"))

    desk.settlement.give_up_on([running, waiting])
    desk.settlement.deliver(failure("1"))
    desk.wait_for_the_loop()

    assert waiting.cancelled()
    assert running.exception(TIMEOUT) is not None
    assert desk.settlement.is_empty
    assert not desk.sent_again


REFERENCE = HEADER + Referenced({}, []).body()


class Fetching:
    """Reads values by reference when it may."""

    def __init__(self) -> None:
        self.begun, self.may = threading.Semaphore(0), threading.Event()

    def __call__(self, text: str) -> str:
        if text.startswith("fb\n"):
            self.begun.release()
            assert self.may.wait(TIMEOUT)
        return text


def test_a_value_by_reference_is_fetched_while_others_arrive() -> None:
    fetching = Fetching()
    desk = Desk(can_cancel=True, deserialize=fetching)
    large, small = desk.sent("1", "2")

    desk.settlement.deliver(value("1", REFERENCE))
    assert fetching.begun.acquire(timeout=TIMEOUT)
    desk.settlement.deliver(value("2"))
    assert small.result(0) == "value"
    assert not desk.settlement.is_empty
    fetching.may.set()

    assert large.result(TIMEOUT) == REFERENCE
    eventually(lambda: desk.settlement.is_empty, TIMEOUT)
    desk.close()


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_nobody_waits_for_a_value_that_is_being_fetched_when_all_is_to_end(end: str) -> None:
    fetching = Fetching()
    desk = Desk(can_cancel=True, deserialize=fetching)
    [large] = desk.sent("1")
    desk.settlement.deliver(value("1", REFERENCE))
    assert fetching.begun.acquire(timeout=TIMEOUT)

    if end == "cancelled":
        desk.settlement.cancel_rest(running=True)
        assert large.cancelled()
    else:
        for future in desk.settlement.drain():
            desk.settlement.fail(future, BrokenExecutor("broken"))
        assert isinstance(large.exception(0), BrokenExecutor)
    assert desk.settlement.is_empty

    fetching.may.set()
    desk.close()
