"""Whether another attempt follows, and when."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from tenacity import wait_chain, wait_fixed, wait_incrementing

from farpool.client.from_task import as_raised
from farpool.errors import (
    EndpointOffline,
    ServiceDown,
    TaskCancelled,
    TaskError,
    TaskExecutionFailed,
    TaskTimeout,
    WorkerLost,
)
from farpool.executor.future import Future
from farpool.executor.pipeline.attempts import Attempts
from farpool.executor.pipeline.task import Route, Task
from farpool.executor.retry import FIRST_WAIT_S, LONGEST_WAIT_S, Retry, idempotent, is_idempotent

LOST, OFFLINE, RAISED, SLOW = WorkerLost("x"), EndpointOffline("x"), TaskExecutionFailed("x"), TaskTimeout("x")


@pytest.mark.parametrize(
    ("retry", "error", "again"),
    [
        (Retry(1), RAISED, True),
        (Retry(1), SLOW, True),
        (Retry(1), LOST, False),
        (Retry(1), OFFLINE, False),
        (Retry(1), TaskCancelled("x"), False),
        (Retry(1), ServiceDown("x"), False),
        (Retry(1, idempotent=True), LOST, True),
        (Retry(1, idempotent=True), OFFLINE, True),
        (Retry(1, retry_on=(OSError,)), RAISED, False),
        (Retry(1, retry_on=(OSError,)), FileNotFoundError("x"), True),
        (Retry(1, retry_on=(OSError,)), SLOW, True),
        (Retry(1, retry_on=(OSError,), idempotent=True), LOST, True),
        (Retry(1, retry_on=(Exception,)), LOST, False),
        (Retry(1, retry_on=(TaskError,)), LOST, False),
        (Retry(1, retry_on=(WorkerLost,)), LOST, True),
        (Retry(1, retry_on=(WorkerLost,)), OFFLINE, False),
        (Retry(1, retry_on=(OSError, EndpointOffline)), OFFLINE, True),
        (Retry(1, retry_on=(ServiceDown,)), ServiceDown("x"), True),
        # What the function itself raised, having tasks of its own.
        (Retry(1), as_raised(WorkerLost)("x"), True),
        (Retry(1, retry_on=(OSError,)), as_raised(TaskTimeout)("x"), False),
        (Retry(1, retry_on=(OSError,)), as_raised(FileNotFoundError)("x"), True),
    ],
)
def test_an_error_is_worth_another_attempt_or_not(retry: Retry, error: BaseException, again: bool) -> None:
    assert (retry.wait_s(1, error) is not None) == again


def test_there_are_as_many_attempts_as_were_asked_for() -> None:
    waits = [Retry(2, backoff=0.0).wait_s(attempt, RAISED) for attempt in (1, 2, 3)]

    assert waits == [0.0, 0.0, None]


def twice(attempt: int) -> float:
    return attempt * 2


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (1.5, [1.5, 1.5, 1.5]),
        (twice, [2.0, 4.0, 6.0]),
        (operator.neg, [0.0, 0.0, 0.0]),
        (wait_incrementing(start=1, increment=2), [1.0, 3.0, 5.0]),
        (wait_chain(wait_fixed(1), wait_fixed(7)), [1.0, 7.0, 7.0]),
    ],
)
def test_the_wait_is_what_the_backoff_says(backoff: Any, expected: list[float]) -> None:
    retry = Retry(9, backoff=backoff)

    assert [retry.wait_s(attempt, RAISED) for attempt in (1, 2, 3)] == expected


def test_the_usual_wait_grows_up_to_a_bound() -> None:
    waits = [Retry(99).wait_s(attempt, RAISED) for attempt in range(1, 40)]

    assert waits[0] is not None
    assert waits[0] < 0.5
    assert max(wait for wait in waits if wait is not None) <= LONGEST_WAIT_S + FIRST_WAIT_S


def test_the_mark_is_found_inside_partials_and_methods() -> None:
    class Fetcher:
        @idempotent
        def fetch(self) -> None: ...

        def store(self) -> None: ...

    assert is_idempotent(Fetcher().fetch)
    assert is_idempotent(functools.partial(functools.partial(Fetcher.fetch)))
    assert not is_idempotent(Fetcher().store)
    assert not is_idempotent(pow)


def make_task(retry: Retry) -> Task:
    return Task(Route("here"), "function", "payload", Future[Any](), retry)


def test_a_task_is_kept_only_while_it_may_be_needed() -> None:
    attempts = Attempts()
    task, plain = make_task(Retry(1, backoff=2.0)), make_task(Retry())
    attempts.keep(task)
    attempts.keep(plain)

    assert attempts.next(plain.future, RAISED) is None
    assert attempts.next(task.future, RAISED) == (task, 2.0)
    assert attempts.waiting() == [task.future]
    assert attempts.begin(task.future)
    assert attempts.waiting() == []
    assert attempts.next(task.future, RAISED) is None
    assert attempts.made == 1


def test_a_task_that_was_dropped_while_it_waited_does_not_begin() -> None:
    attempts = Attempts()
    task = make_task(Retry(1))
    attempts.keep(task)
    attempts.next(task.future, RAISED)

    attempts.drop(task.future)

    assert not attempts.begin(task.future)
    assert attempts.waiting() == []


def test_a_backoff_that_fails_ends_the_attempts_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    attempts = Attempts()
    task = make_task(Retry(1, backoff=lambda attempt: 1 / 0))
    attempts.keep(task)

    assert attempts.next(task.future, RAISED) is None
    assert "the backoff given for task None failed" in caplog.text
