from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection

from farpool.service.presence import Presence
from farpool.service.retention import DAY_S, written_days
from farpool.service.store import reports, task_groups
from farpool.wire import TaskState, decode
from farpool.wire.messages import Result
from farpool.wire.rest import EndpointRegistration
from support.house import WEEK_S, OpenHouse, open_house


def group_ids(connection: Connection) -> set[str]:
    return {group_id for group_id, _ in task_groups.with_queue(connection)}


async def report(opened: OpenHouse) -> None:
    """Have the endpoint say that it is there."""
    await opened.database.write(
        lambda connection: reports.put(connection, opened.endpoint_id, Presence(opened.clock.now), {})
    )


async def states(opened: OpenHouse, *task_ids: str) -> list[str]:
    return [(await opened.record(task_id)).state for task_id in task_ids]


def test_finished_tasks_go_after_two_weeks_with_their_groups_and_queues_and_unfinished_ones_stay(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            _, old = await opened.submit(450)
            mixed_group, mixed = await opened.submit(2)
            await opened.finish([*old, mixed[0]])
            opened.clock.now += WEEK_S
            new_group, new = await opened.submit(1)
            await opened.finish(new)
            retention = opened.house.retention

            assert await retention.sweep() == 0
            opened.clock.now += WEEK_S + 1
            queues_before = opened.broker.statistics().queues
            assert await retention.sweep() == 451

            assert opened.broker.statistics().queues == queues_before - 1
            assert await opened.house.groups.attach(opened.identity, mixed_group) == (mixed[1:], False)
            assert await opened.house.groups.attach(opened.identity, new_group) == (new, False)
            assert await opened.database.read(group_ids) == {mixed_group, new_group}

    asyncio.run(story())


def test_what_waits_for_an_endpoint_of_which_nothing_is_heard_is_given_up_and_deleted_in_its_turn(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            retention = opened.house.retention
            _, old = await opened.submit(3)
            opened.clock.now += 2 * WEEK_S
            _, (new,) = await opened.submit()

            assert await retention.give_up_idle() == 0
            opened.clock.now += WEEK_S + 1
            assert await retention.give_up_idle() == 3
            assert await retention.give_up_idle() == 0

            assert await states(opened, *old) == ["cancelled"] * 3
            assert (await opened.record(new)).finished_at is None
            message = decode((await opened.record(old[0])).message or b"")
            assert isinstance(message, Result)
            assert f"task {old[0]} was given up: for 21 days nothing has been heard of endpoint" in message.data
            opened.clock.now += 2 * WEEK_S + 1
            assert await retention.sweep() == 3

    asyncio.run(story())


def test_an_endpoint_that_reports_keeps_its_tasks_however_long_they_take(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            _, (task_id,) = await opened.submit()
            opened.clock.now += 4 * WEEK_S
            await report(opened)
            assert await opened.house.retention.give_up_idle() == 0

            opened.clock.now += 2 * WEEK_S  # it is away, but not for long enough
            assert await opened.house.retention.give_up_idle() == 0
            assert (await opened.record(task_id)).finished_at is None

            opened.clock.now += 2 * WEEK_S
            assert await opened.house.retention.give_up_idle() == 1

    asyncio.run(story())


def test_an_endpoint_that_comes_back_after_all_is_told_what_was_given_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            registration = EndpointRegistration("e", metadata={"takes_cancels": True})
            registry = opened.house.registry
            await registry.register(opened.identity, opened.endpoint_id, registration)
            _, (task_id,) = await opened.submit()
            while (await opened.record(task_id)).state != TaskState.WAITING_FOR_EP.value:
                await asyncio.sleep(0.01)
            opened.clock.now += 4 * WEEK_S
            assert await opened.house.retention.give_up_idle() == 1

            answer = await registry.register(opened.identity, opened.endpoint_id, registration)
            assert answer["cancelled_tasks"] == {task_id: True}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(14 * DAY_S, "14 days"), (DAY_S, "1 day"), (DAY_S / 2, "0.5 days"), (60, "60 s"), (365.25 * DAY_S, "365 days")],
)
def test_how_long_is_written_in_days(seconds: float, text: str) -> None:
    assert written_days(seconds) == text
