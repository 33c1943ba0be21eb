"""A house for tests: all of a service but its web, on an embedded broker, with a clock to set."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection

from farpool.service.blobs import BlobPlace, FileStore
from farpool.service.broker import Incoming
from farpool.service.brokers import EmbeddedBroker
from farpool.service.house import House
from farpool.service.store import Database, endpoints, functions, outcomes
from farpool.service.store.identities import Identity, ensure
from farpool.service.store.outcomes import Record
from farpool.service.submissions import Order
from farpool.wire import Result, encode, new_id
from farpool.wire.queues import results_routing_key
from farpool.wire.rest import EndpointRegistration, FunctionRegistration, SubmitRequest

NOW = 1_700_000_000.0
WEEK_S = 7 * 24 * 3600.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class OpenHouse:
    """A house, somebody in it, a function of theirs, and an endpoint that nobody serves."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.database = Database(f"sqlite:///{directory / 'store.sqlite'}")
        self.broker = EmbeddedBroker(b"s" * 32)
        self.house = House(
            self.database,
            self.broker,
            token="t",
            secret=b"s" * 32,
            lock_s=1,
            blobs=BlobPlace(FileStore(directory / "blobs"), directory / "spool", 1_000_000, durable=False),
            keep_finished_s=2 * WEEK_S,
            keep_waiting_s=3 * WEEK_S,
            clock=self.clock,
        )
        self.function_id, self.endpoint_id = new_id(), new_id()
        self.identity = Identity("", "", "")

    async def furnish(self) -> None:
        """Put somebody, a function and an endpoint into the store."""

        def fill(connection: Connection) -> Identity:
            identity = ensure(connection, "ann", NOW)
            functions.add(connection, self.function_id, identity.identity_id, FunctionRegistration("f", "CODE"), NOW)
            endpoints.put(
                connection, self.endpoint_id, identity.identity_id, EndpointRegistration("e"), reached_at=None, now=NOW
            )
            return identity

        self.identity = await self.database.write(fill)

    async def submit(self, count: int = 1, *, payloads: Sequence[str] = ()) -> tuple[str, list[str]]:
        """Submit tasks in a new group with a queue; return the group's id and theirs."""
        request = SubmitRequest({self.function_id: payloads or ["p"] * count}, create_queue=True)
        reply = await self.house.submissions.submit(Order(self.identity, self.endpoint_id, request, new_id()))
        return reply.task_group_id, list(reply.tasks[self.function_id])

    async def finish(self, task_ids: Sequence[str]) -> None:
        """Have tasks succeed, as if their endpoint had returned a value for each, all at once."""
        await self.take_in(*(Result(task_id, "00\nvalue") for task_id in task_ids))

    async def take_in(self, *results: Result) -> None:
        """Take results in from the endpoint, as one batch."""
        key = results_routing_key(self.endpoint_id)
        await self.house.results.handle([Incoming(encode(result), key) for result in results])

    async def record(self, task_id: str) -> Record:
        """Look a task up in the store."""
        return (await self.database.read(lambda connection: outcomes.records(connection, [task_id])))[task_id]


@asynccontextmanager
async def open_house(directory: Path) -> AsyncGenerator[OpenHouse]:
    """Open a house, and close it at the end of the block."""
    opened = OpenHouse(directory)
    await opened.house.start()
    try:
        await opened.furnish()
        yield opened
    finally:
        await opened.house.stop()
