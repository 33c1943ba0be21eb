from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from farpool.service.presence import Presence
from farpool.service.store import (
    Database,
    endpoints,
    functions,
    identities,
    outcomes,
    reports,
    task_groups,
    tasks,
    tokens,
)
from farpool.service.store.database import KEYS_PER_STATEMENT, fitting, keys
from farpool.service.store.identities import Identity
from farpool.service.store.outcomes import Outcome
from farpool.service.store.task_groups import TaskGroup
from farpool.service.store.tasks import NewTask, Submission, TaskFilter
from farpool.wire import TaskState, new_id
from farpool.wire.rest import EndpointRegistration, FunctionRegistration

T = TypeVar("T")
NOW = 1_700_000_000.0


@pytest.fixture(params=[True, False], ids=["in the loop's thread", "in a thread of its own"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    one = Database(f"sqlite:///{tmp_path / 'store.sqlite'}", is_local=request.param)
    one.open()
    yield one
    one.close()


def write(database: Database, fn: Callable[[Connection], T]) -> T:
    return asyncio.run(database.write(fn))


class Filled:
    """A store with somebody, a function, an endpoint, and a group of tasks."""

    def __init__(self, database: Database, count: int, *, has_queue: bool = True) -> None:
        self.database = database
        self.function_id, self.endpoint_id, self.group_id = new_id(), new_id(), new_id()
        self.task_ids = [new_id() for _ in range(count)]
        self.owner: Identity = write(database, self._fill(has_queue))
        self.seqs = list(range(1, count + 1))

    def _fill(self, has_queue: bool) -> Callable[[Connection], Identity]:
        def fill(connection: Connection) -> Identity:
            owner = identities.ensure(connection, "ann", NOW)
            registration = FunctionRegistration("f", "CODE")
            functions.add(connection, self.function_id, owner.identity_id, registration, NOW)
            endpoints.put(
                connection, self.endpoint_id, owner.identity_id, EndpointRegistration("e"), reached_at=None, now=NOW
            )
            task_groups.add(connection, TaskGroup(self.group_id, owner.identity_id, has_queue), NOW)
            first = tasks.take_numbers(connection, len(self.task_ids))
            new = [
                NewTask(seq, task_id, self.function_id, f"payload{seq}")
                for seq, task_id in enumerate(self.task_ids, first)
            ]
            tasks.add(connection, Submission(owner.identity_id, self.group_id, self.endpoint_id, None), new, NOW)
            return owner

        return fill

    def do(self, fn: Callable[[Connection], T]) -> T:
        return write(self.database, fn)

    def finish(self, *seqs: int, state: TaskState = TaskState.SUCCESS, at: float = NOW, is_owed: bool = True) -> None:
        found = [Outcome(seq, state, is_owed, f"result{seq}".encode()) for seq in seqs]
        self.do(lambda connection: outcomes.finish(connection, found, at))


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail(connection: Connection) -> None:
        identities.ensure(connection, "ann", NOW)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write(database, fail)

    before = write(database, lambda connection: identities.ensure(connection, "bob", NOW))
    assert write(database, lambda connection: identities.ensure(connection, "bob", NOW)) == before


def test_what_was_written_is_read_by_scans_at_once(database: Database) -> None:
    async def story() -> list[str]:
        function_id = new_id()
        registration = FunctionRegistration("f", "CODE")
        await database.write(lambda connection: functions.add(connection, function_id, "ann", registration, NOW))
        listed = await database.scan(lambda connection: functions.of_owner(connection, "ann", 5))
        return [one["function_name"] for one in listed]

    assert asyncio.run(story()) == ["f"]


def test_a_store_is_found_as_it_was_left(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    database = Database(url, durable=False)
    database.open()
    seen = write(database, lambda connection: identities.ensure(connection, "ann", NOW))
    database.close()

    again = Database(url)
    again.open()
    assert write(again, lambda connection: identities.one(connection, seen.identity_id)) == seen
    again.close()


def test_tokens_are_not_in_the_store(database: Database, tmp_path: Path) -> None:
    def issue(connection: Connection) -> None:
        tokens.put(connection, identities.ensure(connection, "ann", NOW), "x", "the-secret-token", NOW)

    write(database, issue)

    assert write(database, lambda connection: identities.by_token(connection, "the-secret-token", NOW)) is not None
    assert write(database, lambda connection: identities.by_token(connection, "the-secret-tokem", NOW)) is None
    database.close()
    assert b"the-secret-token" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_numbers_are_taken_once(database: Database) -> None:
    first, second = (
        write(database, lambda connection: tasks.take_numbers(connection, count=3)),
        write(database, lambda connection: tasks.take_numbers(connection, count=1)),
    )

    assert second == first + 3


def test_more_keys_than_a_statement_takes_are_looked_up_in_parts(database: Database) -> None:
    filled = Filled(database, 2 * KEYS_PER_STATEMENT + 7)

    standing = filled.do(lambda connection: tasks.standing(connection, filled.task_ids))

    assert standing.keys() == set(filled.task_ids)
    assert {one.queue for one in standing.values()} == {filled.owner.queue_prefix + filled.group_id}
    assert list(map(len, keys(filled.task_ids))) == [KEYS_PER_STATEMENT, KEYS_PER_STATEMENT, 7]


def test_a_task_of_a_group_without_a_queue_has_none(database: Database) -> None:
    filled = Filled(database, 1, has_queue=False)

    (standing,) = filled.do(lambda connection: tasks.standing(connection, filled.task_ids)).values()

    assert standing.queue is None


def test_a_state_is_changed_only_where_it_is_one_of_the_sources(database: Database) -> None:
    filled = Filled(database, 3)
    filled.finish(1)

    def move(connection: Connection) -> None:
        tasks.move(connection, [2], [TaskState.RECEIVED], TaskState.RUNNING)
        tasks.move(connection, [1, 2, 3], [TaskState.RECEIVED], TaskState.WAITING_FOR_EP)

    filled.do(move)

    standing = filled.do(lambda connection: tasks.standing(connection, filled.task_ids))
    states = [standing[task_id].state for task_id in filled.task_ids]
    assert states == [TaskState.SUCCESS, TaskState.RUNNING, TaskState.WAITING_FOR_EP]


def test_tasks_of_another_endpoint_are_not_moved_by_a_report(database: Database) -> None:
    filled = Filled(database, 1)

    filled.do(
        lambda connection: tasks.move_by_id(
            connection, new_id(), filled.task_ids, [TaskState.RECEIVED], TaskState.RUNNING
        )
    )

    (standing,) = filled.do(lambda connection: tasks.standing(connection, filled.task_ids)).values()
    assert standing.state is TaskState.RECEIVED


def test_what_is_to_be_published_is_loaded_in_order_and_in_bounded_parts(database: Database) -> None:
    filled = Filled(database, 5)
    filled.finish(2)

    def load(seqs: list[int], max_chars: int) -> tuple[list[tuple[int, str]], int]:
        loaded, looked_at = filled.do(lambda connection: tasks.publishable(connection, seqs, max_chars))
        return [(one.seq, one.code.packed + one.payload) for one in loaded], looked_at

    assert load([1, 2, 3, 4, 5], 1000) == ([(seq, f"CODEpayload{seq}") for seq in (1, 3, 4, 5)], 5)
    assert load([1, 2, 3, 4, 5], 16) == ([(1, "CODEpayload1"), (3, "CODEpayload3")], 3)
    assert load([4, 5], 1) == ([(4, "CODEpayload4")], 1)
    assert load([2], 1) == ([], 1)


def test_fitting_lets_one_through_however_large() -> None:
    assert fitting([(1, 9), (2, 9)], [1, 2], 5) == [1]
    assert fitting([(2, 3), (3, 3)], [1, 2, 3], 5) == [1, 2]
    assert fitting([], [1, 2], 5) == [1, 2]


def test_the_first_outcome_is_kept_and_the_arguments_are_dropped(database: Database) -> None:
    filled = Filled(database, 2)

    filled.finish(1, at=NOW + 5)

    records = filled.do(lambda connection: outcomes.records(connection, filled.task_ids))
    done, open_ = (records[task_id] for task_id in filled.task_ids)
    assert (done.state, done.finished_at, done.message) == ("success", NOW + 5, b"result1")
    assert (open_.state, open_.finished_at, open_.message) == ("received", None, None)
    assert filled.do(lambda connection: tasks.publishable(connection, [1, 2], 100))[0][0].seq == 2
    assert filled.do(lambda connection: tasks.open_numbers(connection, filled.endpoint_id)) == [2]
    assert filled.do(lambda connection: tasks.open_ids(connection, filled.endpoint_id)) == filled.task_ids[1:]
    assert filled.do(lambda connection: tasks.count_open(connection, filled.endpoint_id)) == 1


def test_a_queue_is_owed_outcomes_until_they_are_taken_or_old(database: Database) -> None:
    filled = Filled(database, 4)
    queue = filled.owner.queue_prefix + filled.group_id
    filled.finish(1, at=NOW - 100)
    filled.finish(2, 3)
    filled.finish(4, state=TaskState.FAILED, is_owed=False)

    def owed() -> dict[str, list[int]]:
        return filled.do(lambda connection: outcomes.owed_numbers(connection, NOW - 50))

    assert owed() == {queue: [2, 3]}
    filled.do(lambda connection: outcomes.taken(connection, [filled.task_ids[1]]))
    assert owed() == {queue: [3]}
    loaded, looked_at = filled.do(lambda connection: outcomes.owed(connection, [1, 2, 3, 4], 1000))
    assert [(one.seq, one.task_id, one.message) for one in loaded] == [
        (1, filled.task_ids[0], b"result1"),
        (3, filled.task_ids[2], b"result3"),
    ]
    assert looked_at == 4


def test_old_tasks_are_found_and_removed_with_all_that_belongs_to_them(database: Database) -> None:
    filled = Filled(database, 3)
    filled.finish(1, at=NOW - 100)
    filled.finish(2, at=NOW)

    assert filled.do(lambda connection: tasks.old(connection, NOW - 50, 10)) == [1]
    filled.do(lambda connection: tasks.remove(connection, [1, 2]))

    assert filled.do(lambda connection: outcomes.records(connection, filled.task_ids)).keys() == {filled.task_ids[2]}
    assert filled.do(lambda connection: task_groups.empty(connection, NOW + 1, 10)) == []
    filled.do(lambda connection: tasks.remove(connection, [3]))
    assert filled.do(lambda connection: task_groups.empty(connection, NOW, 10)) == []
    assert filled.do(lambda connection: task_groups.empty(connection, NOW + 1, 10)) == [
        (filled.group_id, filled.owner.queue_prefix)
    ]


def test_listings_are_filtered(database: Database) -> None:
    filled = Filled(database, 3)
    filled.finish(2)
    stranger = Identity(new_id(), "bob", "results.bob.", frozenset({new_id()}))

    def listed(wanted: TaskFilter, limit: int = 10, owner: Identity = filled.owner) -> list[str]:
        return [one["task_id"] for one in filled.do(lambda connection: tasks.listing(connection, owner, wanted, limit))]

    assert listed(TaskFilter()) == filled.task_ids[::-1]
    assert listed(TaskFilter(), limit=1) == filled.task_ids[2:]
    assert listed(TaskFilter(state="success", endpoint_id=filled.endpoint_id)) == [filled.task_ids[1]]
    assert listed(TaskFilter(task_group_id=new_id())) == []
    assert listed(TaskFilter(), owner=stranger) == []
    assert listed(TaskFilter(task_group_id=filled.group_id), owner=stranger) == []


def test_the_last_report_is_kept(database: Database) -> None:
    endpoint_id = new_id()
    last = Presence(NOW, 5.0, is_leaving=True, error=None)

    def report(connection: Connection) -> None:
        reports.put(connection, endpoint_id, Presence(NOW - 1), {"n": 1})
        reports.put(connection, endpoint_id, last, {"n": 2})

    write(database, report)

    assert write(database, lambda connection: reports.presence(connection, endpoint_id)) == last
    assert write(database, lambda connection: reports.presences(connection, [endpoint_id, new_id()])) == {
        endpoint_id: last
    }
    assert write(database, lambda connection: reports.facts(connection, endpoint_id)) == {"n": 2}
    assert write(database, lambda connection: reports.presence(connection, new_id())) == Presence()


def test_an_error_of_the_database_does_not_tell_what_was_to_be_stored(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}")
    database.open()
    registration = FunctionRegistration("f", "what nobody may read in a log")

    def add_twice(connection: Connection) -> None:
        for _ in range(2):
            functions.add(connection, "an id", "somebody", registration, 1.0)

    with pytest.raises(IntegrityError) as caught:
        database.run(add_twice)
    database.close()

    assert "function_id" in str(caught.value)
    assert "what nobody" not in str(caught.value)
