from typing import Any

import pytest

from farpool import Executor
from farpool.errors import PayloadTooLarge, RateLimited, ServiceDown
from farpool.executor.future import Future
from farpool.executor.pipeline.sending import Outage, Sending, parts_of
from farpool.executor.pipeline.task import Batch, Route, Task
from farpool.wire.rest import SubmitRequest

HERE = Route("here")


def batch(*functions: str) -> Batch:
    return Batch(HERE, [Task(HERE, function, "payload", Future[Any]()) for function in functions])


def sending() -> Sending:
    return Sending(batch("f"), SubmitRequest({}), "key")


def away(status: int | None = None, retry_after_s: float | None = None) -> ServiceDown:
    error = ServiceDown("away", http_status=status)
    error.is_passing, error.retry_after_s = True, retry_after_s
    return error


def test_the_first_retry_is_at_once_and_the_others_wait_for_two_seconds_at_most() -> None:
    outage, one = Outage(3600), sending()
    waits = [outage.next_s(one, away()) for _ in range(20)]

    assert waits[0] == 0
    assert all(wait is not None and 0 < wait <= 3 for wait in waits[1:])


def test_a_service_that_says_when_is_believed() -> None:
    assert Outage(3600).next_s(sending(), away(429, 17)) == 17
    assert Outage(10).next_s(sending(), away(429, 17)) is None


def test_patience_ends() -> None:
    assert Outage(0).next_s(sending(), away()) is None


def test_a_night_asleep_does_not_end_the_patience() -> None:
    now = [0.0]
    outage, one = Outage(3600, clock=lambda: now[0]), sending()
    assert outage.next_s(one, away()) is not None
    now[0] = 10 * 3600

    assert outage.next_s(one, away()) is not None


def test_what_is_young_has_patience_of_its_own_though_the_service_is_away_for_long() -> None:
    now = [0.0]
    outage = Outage(300, clock=lambda: now[0])
    outage.next_s(sending(), away())
    for _ in range(10):
        now[0] += 100
        outage.next_s(sending(), away())

    assert outage.next_s(sending(), away()) is not None


def test_one_request_that_the_service_breaks_on_does_not_hold_up_the_others() -> None:
    outage = Outage(3600)

    assert not outage.is_for_all(away(500), held=1)
    assert outage.is_for_all(away(500), held=100)
    assert outage.is_for_all(away(503), held=0)
    assert outage.is_for_all(away(), held=0)


def test_only_a_refusal_that_stays_takes_a_batch_apart() -> None:
    two = batch("f", "g")
    passing = RateLimited("slowly")
    passing.is_passing = True

    assert [len(part.tasks) for part in parts_of(two, PayloadTooLarge("large"))] == [1, 1]
    assert parts_of(two, passing) == [two]
    assert parts_of(two, away()) == [two]


@pytest.mark.parametrize(("value", "error"), [("1", TypeError), (True, TypeError), (-1, ValueError)])
def test_patience_is_checked(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="patience must be"):
        Executor(patience=value)
