"""What a result tells of its run, from whichever endpoint and service."""

from __future__ import annotations

from typing import Any

import pytest

from farpool.executor.future import Future
from farpool.executor.timings import UNTOLD, Timings, Told, told_in
from farpool.wire.messages import PRINTED, TRANSITIONS, WORKER, Result, TaskTransition
from farpool.wire.rest import TaskDocument
from farpool.wire.states import Actor, TaskState

TASK_ID = "359e2ec3-caef-4258-a149-a67767af0ee8"
STATUSES = (
    TaskTransition(1_700_000_000_500_000_000, TaskState.EXEC_START, Actor.WORKER),
    TaskTransition(1_700_000_002_000_000_000, TaskState.EXEC_END, Actor.WORKER),
)


def test_a_farpool_endpoint_tells_everything() -> None:
    result = Result(TASK_ID, "4 2", {WORKER: "node1/77", PRINTED: ["out", ""]}, None, STATUSES)

    assert told_in(result) == Told(1_700_000_000.5, 1_700_000_002.0, "node1/77", "out", "")


def test_another_endpoint_tells_when_it_ran_and_no_more() -> None:
    result = Result(TASK_ID, "4 2", {"os": "Linux", "python_version": "3.12"}, None, STATUSES)

    assert told_in(result) == Told(1_700_000_000.5, 1_700_000_002.0)


def test_a_document_of_the_service_tells_it_too() -> None:
    times = {"execution-start": 1_700_000_000.5, "execution-end": 1_700_000_002}

    assert told_in(TaskDocument(TASK_ID, "success", details={TRANSITIONS: times})) == Told(
        1_700_000_000.5, 1_700_000_002
    )


@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        {TRANSITIONS: "soon", WORKER: 3, PRINTED: "much"},
        {TRANSITIONS: {"execution-start": "noon"}, PRINTED: ["one"]},
        {TRANSITIONS: None, WORKER: None, PRINTED: [1, 2]},
    ],
)
def test_what_cannot_be_understood_is_not_known(details: dict[str, Any] | None) -> None:
    assert told_in(TaskDocument(TASK_ID, "success", details=details)) == UNTOLD


def test_a_future_knows_nothing_at_first() -> None:
    future: Future[int] = Future()

    assert future.timings == Timings()
    assert (future.stdout, future.stderr, future.timings.run_s, future.timings.total_s) == (None, None, None, None)


def test_a_future_knows_what_it_was_told() -> None:
    future: Future[int] = Future(submitted_at=10.0)
    future.was_sent(11.0)
    future.was_told(Told(12.0, 14.5, "node1/77", "out", ""), 15.0)

    assert future.timings == Timings(10.0, 11.0, 12.0, 14.5, 15.0, "node1/77")
    assert (future.timings.run_s, future.timings.total_s) == (2.5, 5.0)
    assert (future.stdout, future.stderr) == ("out", "")
