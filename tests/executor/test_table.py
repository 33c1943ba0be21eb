from typing import Any

from farpool.executor.future import Future
from farpool.executor.pipeline.table import FutureTable


def test_a_result_finds_its_future_once() -> None:
    table: FutureTable[str] = FutureTable()
    future: Future[Any] = Future()
    assert table.expect([("task", future)]) == []

    assert table.match("task", "result") is future
    assert table.match("task", "result again") is None
    assert len(table) == 0


def test_a_result_that_overtakes_its_task_id_is_kept_while_a_submission_is_in_flight() -> None:
    table: FutureTable[str] = FutureTable()
    future: Future[Any] = Future()
    table.begin()
    assert table.match("task", "early") is None

    assert table.expect([("task", future)]) == [(future, "early")]
    table.end()
    assert len(table) == 0


def test_a_result_nobody_waits_for_is_not_kept() -> None:
    table: FutureTable[str] = FutureTable()
    table.match("stranger", "result")
    table.begin()
    table.match("other stranger", "result")
    table.end()

    table.begin()
    future: Future[Any] = Future()
    assert table.expect([("stranger", future)]) == []
    assert table.expect([("other stranger", Future())]) == []


def test_outstanding_tasks_are_told_apart_by_group_and_counted_by_endpoint() -> None:
    table: FutureTable[str] = FutureTable()
    for number, (group, endpoint) in enumerate([("g", "e"), ("g", "f"), ("h", "e")]):
        future: Future[Any] = Future(endpoint_id=endpoint)
        future.task_group_id = group
        table.expect([(f"task{number}", future)])

    assert table.outstanding("g") == ["task0", "task1"]
    assert table.outstanding() == ["task0", "task1", "task2"]
    assert table.owed() == {"e": 2, "f": 1}


def test_drain_takes_every_future_out() -> None:
    table: FutureTable[str] = FutureTable()
    future: Future[Any] = Future()
    table.expect([("task", future)])

    assert table.drain() == [future]
    assert len(table) == 0
