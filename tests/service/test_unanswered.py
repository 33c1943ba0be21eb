"""Cancels inside the service, with a clock to set: what is settled when nobody answers, and what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from farpool.service.broker import Incoming
from farpool.service.presence import Presence
from farpool.service.store import Database, cancels, endpoints, reports, tasks
from farpool.service.store.cancels import ANSWER_SETTLES_S, Cancel
from farpool.service.task_state import OPEN
from farpool.service.unanswered import ANSWER_S
from farpool.wire import ErrorDetails, Result, TaskState, encode
from farpool.wire.messages import TASK_DELIVERED
from farpool.wire.rest import CancelRequest, EndpointRegistration
from support.house import NOW, WEEK_S, OpenHouse, open_house


async def able(opened: OpenHouse) -> None:
    """Have the endpoint be one that can be told."""
    registration = EndpointRegistration("e", metadata={"takes_cancels": True})
    await opened.house.registry.register(opened.identity, opened.endpoint_id, registration)


async def report(opened: OpenHouse, *running: str) -> None:
    """Have the endpoint be online, and tasks be known to run."""

    def note(connection: Connection) -> None:
        reports.put(connection, opened.endpoint_id, Presence(opened.clock.now), {})
        tasks.move_by_id(connection, opened.endpoint_id, running, OPEN, TaskState.RUNNING)

    await opened.database.write(note)


async def cancel(opened: OpenHouse, *task_ids: str, running: bool = True) -> dict[str, str]:
    return await opened.house.cancelling.cancel(opened.identity, CancelRequest(task_ids, running=running))


async def submitted(opened: OpenHouse, count: int = 1) -> list[str]:
    """Submit tasks and wait until the broker has them."""
    _, task_ids = await opened.submit(count)
    while (await opened.record(task_ids[-1])).state != "waiting-for-ep":
        await asyncio.sleep(0.01)
    return task_ids


async def to_tell(opened: OpenHouse) -> list[Cancel]:
    return await opened.database.read(
        lambda connection: cancels.to_tell(connection, opened.endpoint_id, opened.clock.now)
    )


def told(directory: Path, story: Callable[[OpenHouse], Awaitable[None]]) -> None:
    async def tell() -> None:
        async with open_house(directory) as opened:
            await able(opened)
            await story(opened)

    asyncio.run(tell())


def test_a_task_to_be_stopped_is_given_up_when_its_endpoint_takes_too_long(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        await report(opened)
        (task_id,) = await submitted(opened)
        assert await cancel(opened, task_id) == {task_id: "requested"}

        opened.clock.now += ANSWER_S - 1
        await opened.house.cancelling.check()
        assert (await opened.record(task_id)).state == "waiting-for-ep"

        opened.clock.now += 1
        await opened.house.cancelling.check()
        assert (await opened.record(task_id)).state == "cancelled"
        assert [one.task_id for one in await to_tell(opened)] == [task_id], "it may still be in the endpoint's queue"

    told(tmp_path, story)


def test_a_task_that_is_to_be_spared_when_it_runs_is_given_up_when_its_endpoint_is_gone(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        await report(opened)
        waiting, running = await submitted(opened, 2)
        assert set((await cancel(opened, waiting, running, running=False)).values()) == {"requested"}
        await report(opened, running)

        opened.clock.now += 60
        await opened.house.cancelling.check()
        assert (await opened.record(waiting)).state == "waiting-for-ep"

        opened.clock.now += 60
        await opened.house.cancelling.check()
        assert (await opened.record(waiting)).state == "cancelled"
        assert (await opened.record(running)).state == "running"

    told(tmp_path, story)


def test_asking_again_with_more_force_stops_what_was_spared(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        await report(opened)
        (task_id,) = await submitted(opened)
        await cancel(opened, task_id, running=False)
        await cancel(opened, task_id, running=True)
        assert [one.running for one in await to_tell(opened)] == [True]
        await cancel(opened, task_id, running=False)
        assert [one.running for one in await to_tell(opened)] == [True], "what was asked for is not taken back"

        opened.clock.now += ANSWER_S
        await opened.house.cancelling.check()
        assert (await opened.record(task_id)).state == "cancelled"

    told(tmp_path, story)


def test_a_service_that_starts_again_still_waits_for_answers(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        await report(opened)
        (task_id,) = await submitted(opened)
        await cancel(opened, task_id)
        await opened.house.cancelling.stop()
        await opened.house.cancelling.check()
        await opened.house.cancelling.start()

        opened.clock.now += ANSWER_S
        await opened.house.cancelling.check()
        assert (await opened.record(task_id)).state == "cancelled"

    told(tmp_path, story)


def test_an_endpoint_is_told_until_it_has_answered_and_a_while_longer(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        (task_id,) = await submitted(opened)
        assert await cancel(opened, task_id) == {task_id: "cancelled"}
        error = ErrorDetails("TASK_CANCELLED", "called off")
        await opened.take_in(Result(task_id, "", {TASK_DELIVERED: False}, error))
        opened.clock.now += 10 * ANSWER_SETTLES_S
        assert [one.task_id for one in await to_tell(opened)] == [task_id], "it has not come yet"

        await opened.take_in(Result(task_id, "", {TASK_DELIVERED: True}, error))
        assert [one.task_id for one in await to_tell(opened)] == [task_id], "the broker may not know yet"
        opened.clock.now += ANSWER_SETTLES_S + 1
        assert await to_tell(opened) == []

    told(tmp_path, story)


def test_what_somebody_else_says_of_a_task_is_no_answer(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        (task_id,) = await submitted(opened)
        await cancel(opened, task_id)
        result = Result(task_id, "", {TASK_DELIVERED: True}, ErrorDetails("TASK_CANCELLED", ""))
        await opened.house.results.handle([Incoming(encode(result), "4b116d3c-1703-4f8f-9f6f-39921e5864df.results")])

        opened.clock.now += 10 * ANSWER_SETTLES_S
        assert [one.task_id for one in await to_tell(opened)] == [task_id]

    told(tmp_path, story)


def test_cancels_go_with_their_tasks_and_with_their_endpoint(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        (task_id,) = await submitted(opened)
        await cancel(opened, task_id)
        opened.clock.now += 3 * WEEK_S
        retention = opened.house.retention
        assert await retention.sweep() == 1
        assert await to_tell(opened) == []

        (task_id,) = await submitted(opened)
        await cancel(opened, task_id)
        await opened.house.registry.delete(opened.identity, opened.endpoint_id)
        assert await to_tell(opened) == []

    told(tmp_path, story)


def test_a_task_that_has_not_left_the_service_never_does(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        _, task_ids = await opened.submit(3)  # nobody has had a turn since: they are here

        assert await cancel(opened, *task_ids[1:]) == dict.fromkeys(task_ids[1:], "cancelled")

        while (await opened.record(task_ids[0])).state != "waiting-for-ep":
            await asyncio.sleep(0.01)
        assert await to_tell(opened) == [], "there is nothing to tell the endpoint"

    told(tmp_path, story)


def test_what_was_taken_back_is_sent_after_all_when_it_could_not_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(opened: OpenHouse) -> None:
        _, (task_id,) = await opened.submit()

        def fail(*_arguments: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(endpoints, "takes_cancels", fail)
        with pytest.raises(OSError, match="the disk"):
            await cancel(opened, task_id)

        while (await opened.record(task_id)).state != "waiting-for-ep":
            await asyncio.sleep(0.01)

    told(tmp_path, story)


def test_a_service_whose_broker_forgets_with_it_does_not_remember_cancels_for_ever(tmp_path: Path) -> None:
    async def story(opened: OpenHouse) -> None:
        await report(opened)
        done, waiting = await submitted(opened, 2)
        await cancel(opened, done, waiting)
        error = ErrorDetails("TASK_CANCELLED", "called off")
        await opened.take_in(Result(done, "", {TASK_DELIVERED: False}, error))

        await opened.database.write(lambda connection: cancels.drop_old(connection, NOW))
        assert {one.task_id for one in await to_tell(opened)} == {done, waiting}
        await opened.database.write(lambda connection: cancels.drop_old(connection, NOW + 1))
        assert {one.task_id for one in await to_tell(opened)} == {waiting}, "it has no outcome yet"

    told(tmp_path, story)


@pytest.mark.parametrize("online", [True, False])
def test_many_tasks_take_few_statements(tmp_path: Path, online: bool) -> None:
    async def story(opened: OpenHouse) -> None:
        if online:
            await report(opened)
        task_ids = await submitted(opened, 2000)
        count = 0

        def counted(*_arguments: object) -> None:
            nonlocal count
            count += 1

        event.listen(Engine, "before_cursor_execute", counted)
        answers = await cancel(opened, *task_ids)
        event.remove(Engine, "before_cursor_execute", counted)

        assert set(answers.values()) == {"requested" if online else "cancelled"}
        assert count < 60

    told(tmp_path, story)


def test_a_store_from_before_there_were_cancels_is_opened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    first = Database(url)
    first.open()
    first.run(lambda connection: connection.exec_driver_sql("DROP TABLE cancels"))
    first.close()

    again = Database(url)
    again.open()

    assert again.run(lambda connection: cancels.to_tell(connection, "-", NOW)) == []
    again.close()
