from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import Connection

from farpool.service.retention import Retention
from farpool.service.store import task_groups
from support.house import WEEK_S, open_house


def group_ids(connection: Connection) -> set[str]:
    return {group_id for group_id, _ in task_groups.with_queue(connection)}


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
            retention = Retention(opened.database, opened.house.outbox, keep_finished_s=2 * WEEK_S, clock=opened.clock)

            assert await retention.sweep() == 0
            opened.clock.now += WEEK_S + 1
            queues_before = opened.broker.statistics().queues
            assert await retention.sweep() == 451

            assert opened.broker.statistics().queues == queues_before - 1
            assert await opened.house.groups.attach(opened.identity, mixed_group) == mixed[1:]
            assert await opened.house.groups.attach(opened.identity, new_group) == new
            assert await opened.database.read(group_ids) == {mixed_group, new_group}

    asyncio.run(story())
