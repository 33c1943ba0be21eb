"""The parts together, without web and network: what is stored when, and in which order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from farpool.service.faults import Fault
from farpool.wire import ErrorDetails, Result, decode, new_id
from support.house import NOW, open_house


def test_of_two_results_in_one_batch_the_first_stands(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            _, (task_id,) = await opened.submit()

            await opened.take_in(
                Result(task_id, "00\none"),
                Result(task_id, "", None, ErrorDetails("x", "y")),
                Result(task_id, "00\ntwo"),
            )

            record = await opened.record(task_id)
            assert record.state == "success"
            assert record.finished_at == NOW
            assert decode(record.message or b"") == Result(task_id, "00\none")

    asyncio.run(story())


def test_a_result_is_stored_when_its_handler_returns(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            _, task_ids = await opened.submit(3)

            await opened.finish(task_ids[:2])

            assert [(await opened.record(task_id)).state for task_id in task_ids] == ["success", "success", "received"]

    asyncio.run(story())


def test_the_mark_that_a_task_was_published_comes_late_and_does_not_undo_its_result(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            _, (done, waiting) = await opened.submit(2)
            await asyncio.sleep(0)
            await opened.finish([done])
            while (await opened.record(waiting)).state != "waiting-for-ep":
                await asyncio.sleep(0.01)

            assert (await opened.record(done)).state == "success"

    asyncio.run(story())


def test_marks_are_written_at_the_end_at_the_latest(tmp_path: Path) -> None:
    async def story() -> str:
        async with open_house(tmp_path) as opened:
            _, (task_id,) = await opened.submit()
            while opened.broker.statistics().ready == 0:
                await asyncio.sleep(0)
        return task_id

    async def afterwards(task_id: str) -> str:
        # The next start sends it again, and begins with that: so look before.
        from farpool.service.store import Database, outcomes

        database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}")
        database.open()
        records = await database.read(lambda connection: outcomes.records(connection, [task_id]))
        database.close()
        return records[task_id].state

    assert asyncio.run(afterwards(asyncio.run(story()))) == "waiting-for-ep"


def test_nobody_can_attach_to_a_group_that_is_not_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            with pytest.raises(Fault, match="no task group"):
                await opened.house.groups.attach(opened.identity, new_id())

    asyncio.run(story())
