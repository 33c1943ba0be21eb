"""Many calls in one task: what the worker does with them."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from farpool.errors import EndpointOffline, TaskError, TaskExecutionFailed, WorkerLost
from farpool.executor.maps.calls import fold_calls, reduce_values, run_calls
from farpool.executor.maps.failures import failure_in
from farpool.executor.retry import NO_RETRY, Retry
from farpool.serialize import AllCodeStrategies, DillCode, JSONData, PureSourceTextInspect
from farpool.serialize.strategy import Strategy

attempts: Iterator[int]


def third_time_lucky(value: str) -> str:
    attempt = next(attempts)
    if attempt < 3:
        raise OSError(f"attempt {attempt} at {value}")
    return value


@pytest.fixture(autouse=True)
def _attempts() -> None:
    global attempts  # noqa: PLW0603 - what the function above counts with
    attempts = itertools.count(1)


def test_the_time_of_the_calls_is_told() -> None:
    seconds, values, failures = run_calls(time.sleep)([(0.01,), (0.02,)], False, None)

    assert (values, failures) == ([None, None], [])
    assert seconds >= 0.03


def test_a_failing_call_ends_a_chunk_unless_it_is_to_go_on() -> None:
    calls = [(2,), (0,), (4,)]

    assert [run_calls((1).__truediv__)(calls, go_on, None)[1] for go_on in (False, True)] == [
        [0.5, None],
        [0.5, None, 0.25],
    ]


@pytest.mark.parametrize("retry_on", [None, (OSError,), (ValueError, OSError), (TaskExecutionFailed,), (Exception,)])
def test_a_call_that_fails_is_tried_again_by_itself(retry_on: tuple[type[BaseException], ...] | None) -> None:
    again = Retry(retries=2, retry_on=retry_on, backoff=0).by_worker()

    assert run_calls(third_time_lucky)([("a",), ("b",)], False, again)[1:] == [["a", "b"], []]
    assert next(attempts) == 5


def test_the_last_attempt_fails_the_call() -> None:
    again = Retry(retries=1, backoff=0).by_worker()

    [(place, told)] = run_calls(third_time_lucky)([("a",), ("b",)], False, again)[2]

    assert place == 0
    assert "attempt 2 at a" in told["text"]
    assert "attempt 1" not in told["text"]
    assert "_tried" not in told["text"]


def test_what_is_not_worth_it_is_not_tried_again() -> None:
    again = Retry(retries=5, retry_on=(ValueError,), backoff=0).by_worker()

    assert len(run_calls(third_time_lucky)([("a",)], False, again)[2]) == 1
    assert next(attempts) == 2


def test_a_fold_tries_again_too() -> None:
    again = Retry(retries=2, backoff=0).by_worker()

    assert fold_calls(third_time_lucky, max)([("a",), ("b",)], again)[1] == "b"


def test_waits_are_those_of_the_backoff() -> None:
    assert Retry(retries=3, backoff=lambda attempt: attempt / 2).by_worker() == [[0.5, 1.0, 1.5], None]


@pytest.mark.parametrize("retry", [NO_RETRY, Retry(retries=3, retry_on=(WorkerLost,))])
def test_no_retries_of_calls_are_none(retry: Retry) -> None:
    assert retry.by_worker() is None


def test_what_remains_for_the_task_is_what_the_worker_cannot_do() -> None:
    lost = WorkerLost("gone")

    assert Retry(retries=1).of_chunk().wait_s(1, TaskExecutionFailed("x")) is None
    assert Retry(retries=1, backoff=0, retry_on=(OSError, WorkerLost)).of_chunk().wait_s(1, lost) == 0
    assert Retry(retries=1, backoff=0, idempotent=True).of_chunk().wait_s(1, lost) == 0
    assert Retry(retries=1, retry_on=(TaskError,)).of_chunk().wait_s(1, TaskExecutionFailed("x")) is None
    assert Retry(retries=1, retry_on=(OSError, EndpointOffline)).of_chunk().wait_s(1, OSError()) is None


# ---- on workers of other kinds


def half(value: int) -> float:
    if value == 13:
        error = LookupError("unlucky", value)
        error.hint = "try 12"  # type: ignore[attr-defined]
        raise error
    return value / 2


@pytest.mark.parametrize("strategy", [DillCode(), PureSourceTextInspect(), AllCodeStrategies()], ids=str)
def test_every_code_strategy_sends_a_chunk(strategy: Strategy) -> None:
    made = strategy.deserialize(strategy.serialize(run_calls(half)))

    _, values, [(place, told)] = made([(2,), (13,), (4,)], True, None)

    assert (values, place) == ([1.0, None, 2.0], 1)
    assert "_run_calls" not in told["text"]
    assert made([(2,)], True, [[0.0], None])[1] == [1.0]


@pytest.mark.parametrize("strategy", [DillCode(), PureSourceTextInspect()], ids=str)
def test_every_code_strategy_sends_a_fold_and_a_reduction(strategy: Strategy) -> None:
    fold = strategy.deserialize(strategy.serialize(fold_calls(half, larger)))
    reduction = strategy.deserialize(strategy.serialize(reduce_values(larger)))

    assert fold([(2,), (8,), (4,)], None)[1] == 4.0
    assert reduction([1, 3, 2]) == 3


def larger(left: float, right: float) -> float:
    return left if left > right else right


def test_what_a_chunk_returns_is_plain_enough_for_json() -> None:
    strategy = JSONData()

    told = strategy.deserialize(strategy.serialize(run_calls(half)([(2,), (13,)], True, None)))

    assert told[1] == [1.0, None]
    assert isinstance(failure_in(told[2][0][1], Future()), LookupError)


def test_without_farpool_a_worker_pickles_the_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "farpool.serialize.exceptions", None)

    [(_, told)] = run_calls(half)([(13,)], True, None)[2]

    monkeypatch.undo()
    assert told.keys() == {"text", "pickle"}
    error = failure_in(told, Future())
    assert isinstance(error, LookupError)
    assert isinstance(error, TaskExecutionFailed)
    assert error.args == ("unlucky", 13)
    assert getattr(error, "hint", None) == "try 12"
    assert "in half" in str(error.__cause__)


def test_what_it_cannot_pickle_or_the_client_cannot_read_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(value: int) -> None:
        raise ValueError("a generator", (number for number in [value]))

    monkeypatch.setitem(sys.modules, "farpool.serialize.exceptions", None)
    [(_, told)] = run_calls(stuck)([(1,)], True, None)[2]
    monkeypatch.undo()

    assert told["pickle"] is None
    for unreadable in (None, "?", "gASV"):
        error = failure_in({**told, "pickle": unreadable}, Future())
        assert isinstance(error, ValueError)
        assert "a generator" in str(error)


def test_many_large_exceptions_share_the_room_of_one() -> None:
    def large(_: int) -> None:
        raise ValueError("x" * 1_000_000)

    failures = run_calls(large)([(number,) for number in range(100)], True, None)[2]

    assert len(failures) == 100
    assert sum(len(str(told)) for _, told in failures) < 20_000_000
