from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from farpool.service.broker import Incoming
from farpool.service.brokers import EmbeddedBroker
from farpool.service.presence import Presence, read_report
from farpool.service.store import Database, endpoints, identities, reports, task_groups, tasks
from farpool.service.store.task_groups import TaskGroup
from farpool.service.store.tasks import NewTask, Submission
from farpool.service.user_endpoints import RESEND_S, Plan, UserEndpoints, find_or_add, plan
from farpool.wire import new_id
from farpool.wire.queues import command_queue
from farpool.wire.rest import EndpointRegistration

NOW = 1_000_000.0
ONLINE = read_report({"heartbeat_period": 30}, NOW)
GONE = read_report({"heartbeat_period": 30, "active": False}, NOW)
NEVER = Presence()


def planned(
    presence: Presence = NEVER,
    *,
    manager: Presence = ONLINE,
    commanded_at: float | None = None,
    has_waiting: bool = True,
    now: float = NOW,
) -> Plan:
    return plan(presence=presence, manager=manager, commanded_at=commanded_at, has_waiting=has_waiting, now=now)


def test_a_user_endpoint_with_waiting_tasks_is_started() -> None:
    assert planned() == Plan(True, NOW + RESEND_S)


def test_one_without_waiting_tasks_is_left_alone() -> None:
    assert planned(has_waiting=False) == Plan(False, None)


def test_nothing_is_sent_to_a_manager_that_is_away() -> None:
    assert planned(manager=GONE) == Plan(False, None)


def test_one_that_is_online_is_looked_at_again_when_its_reports_would_be_missed() -> None:
    assert planned(ONLINE) == Plan(False, ONLINE.expires_at)


def test_one_that_has_been_told_is_given_time_to_start() -> None:
    assert planned(commanded_at=NOW - 10) == Plan(False, NOW + RESEND_S - 10)


def test_one_that_has_been_told_and_is_not_heard_of_is_told_again() -> None:
    assert planned(commanded_at=NOW - RESEND_S).is_due


def test_one_that_ended_is_started_again_while_tasks_wait() -> None:
    assert planned(GONE).is_due


def test_one_that_fell_silent_is_started_again() -> None:
    later = NOW + 66
    still_there = read_report({"heartbeat_period": 30}, later)

    assert planned(ONLINE, manager=still_there, now=later).is_due


def test_a_command_that_went_lost_is_sent_again_until_nothing_waits(tmp_path: Path) -> None:
    manager_id, group_id, task_id = new_id(), new_id(), new_id()

    def fill(connection: Connection) -> str:
        now = time.time()
        owner = identities.ensure(connection, "ann", now)
        endpoints.put(
            connection,
            manager_id,
            owner.identity_id,
            EndpointRegistration("m", multi_user=True),
            reached_at=None,
            now=now,
        )
        reports.put(connection, manager_id, read_report({"heartbeat_period": 30}, now), {})
        endpoint_id = find_or_add(connection, manager_id, owner, user_options={}, user_runtime=None, now=now)
        task_groups.add(connection, TaskGroup(group_id, owner.identity_id, has_queue=False), now)
        seq = tasks.take_numbers(connection, 1)
        new = [NewTask(seq, task_id, new_id(), "p")]
        tasks.add(connection, Submission(owner.identity_id, group_id, endpoint_id, None), new, now)
        return endpoint_id

    async def story() -> None:
        broker, database = EmbeddedBroker(b"s" * 32), Database(f"sqlite:///{tmp_path / 'store.sqlite'}")
        database.open()
        await broker.start()
        commands: asyncio.Queue[str] = asyncio.Queue()

        async def take(batch: Sequence[Incoming]) -> None:
            for one in batch:
                commands.put_nowait(json.loads(one.body)["kwargs"]["amqp_creds"]["endpoint_id"])

        await broker.declare(command_queue(manager_id))
        await broker.consume(command_queue(manager_id), take)
        user_endpoints = UserEndpoints(database, broker, resend_s=0.05)
        try:
            endpoint_id = await database.write(fill)
            await user_endpoints.wake(endpoint_id)
            for _ in range(3):
                assert await asyncio.wait_for(commands.get(), 10) == endpoint_id
            await database.write(lambda connection: tasks.remove(connection, [1]))
            await user_endpoints.wake(endpoint_id)
            while not commands.empty():
                commands.get_nowait()
            await asyncio.sleep(0.2)
            assert commands.empty()
        finally:
            await user_endpoints.stop()
            await broker.stop()
            database.close()

    asyncio.run(story())
