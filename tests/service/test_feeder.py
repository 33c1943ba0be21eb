"""The feeder on a real broker: order, bounded memory, back-pressure, and queues that go away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from farpool.broker import Limits
from farpool.service.broker import Incoming, Outgoing
from farpool.service.brokers import EmbeddedBroker
from farpool.service.feeder import Feeders, Parcel, Source


@dataclass(frozen=True)
class Letter:
    seq: int
    size_bytes: int = 10

    @property
    def task_id(self) -> str:
        return str(self.seq)

    def message(self) -> Outgoing:
        return Outgoing(str(self.seq).encode().ljust(self.size_bytes), self.task_id)


class PostOffice:
    """A broker, feeders on it, and the numbers that went through."""

    def __init__(self, *, queue_bytes: int = 1 << 20, held_bytes: int = 1 << 20) -> None:
        self.broker = EmbeddedBroker(b"s" * 32, limits=Limits(queue_bytes=queue_bytes))
        self.feeders = Feeders(self.broker, held_bytes=held_bytes)
        self.source = Source(self._load, self._published)
        self.published: list[int] = []
        self.loaded: list[int] = []
        self.arrived: list[int] = []
        self.gone: set[int] = set()
        self.troubles = 0

    async def _load(self, numbers: Sequence[int], _max_bytes: int) -> tuple[list[Letter], int]:
        if self.troubles:
            self.troubles -= 1
            raise OSError("the disk is having a rest")
        some = numbers[:3]
        self.loaded += some
        return [Letter(number) for number in some if number not in self.gone], len(some)

    def _published(self, parcels: Sequence[Parcel]) -> None:
        self.published += [parcel.seq for parcel in parcels]

    async def collect(self, queue: str) -> None:
        async def take(batch: Sequence[Incoming]) -> None:
            self.arrived += [int(one.body) for one in batch]

        await self.broker.consume(queue, take)


async def eventually(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 10)


def opened(
    story: Callable[[PostOffice], Awaitable[None]], *, queue_bytes: int = 1 << 20, held_bytes: int = 1 << 20
) -> PostOffice:
    async def tell() -> PostOffice:
        office = PostOffice(queue_bytes=queue_bytes, held_bytes=held_bytes)
        await office.broker.start()
        try:
            await story(office)
        finally:
            await office.feeders.stop()
            await office.broker.stop()
        return office

    return asyncio.run(tell())


def test_parcels_arrive_in_order_and_are_reported_published() -> None:
    async def story(office: PostOffice) -> None:
        await office.feeders.declare("q")
        await office.collect("q")
        office.feeders.put("q", office.source, [Letter(number) for number in range(600)])
        office.feeders.put("q", office.source, [Letter(600)])
        await eventually(lambda: len(office.arrived) == 601)

    office = opened(story)

    assert office.arrived == office.published == list(range(601))
    assert office.loaded == []


def test_numbers_are_loaded_when_their_turn_comes_and_what_is_gone_is_left_out() -> None:
    async def story(office: PostOffice) -> None:
        office.gone = {4, 5}
        await office.feeders.declare("q")
        await office.collect("q")
        office.feeders.put("q", office.source, [Letter(0), 1, 2, 3, 4, 5, Letter(6), 7])
        await eventually(lambda: office.arrived[-1:] == [7])

    office = opened(story)

    assert office.arrived == office.published == [0, 1, 2, 3, 6, 7]
    assert office.loaded == [1, 2, 3, 4, 5, 7]


def test_bodies_beyond_the_bound_are_let_go_of_and_loaded_later() -> None:
    async def story(office: PostOffice) -> None:
        await office.feeders.declare("q")
        await office.collect("q")
        office.feeders.put("q", office.source, [Letter(number) for number in range(10)])
        await eventually(lambda: len(office.arrived) == 10)
        # The memory is given back: there is room for as many again.
        office.feeders.put("q", office.source, [Letter(number) for number in range(10, 14)])
        await eventually(lambda: len(office.arrived) == 14)

    office = opened(story, held_bytes=45)

    assert office.arrived == list(range(14))
    assert office.loaded == [4, 5, 6, 7, 8, 9]


def test_a_full_queue_holds_the_feeder_back_and_no_other() -> None:
    async def story(office: PostOffice) -> None:
        for queue in ("full", "free"):
            await office.feeders.declare(queue)
        office.feeders.put("full", office.source, [Letter(number, 1000) for number in range(2000)])
        await asyncio.sleep(0.1)
        assert office.published == []
        await office.collect("free")
        office.feeders.put("free", office.source, [Letter(9999)])
        await eventually(lambda: office.arrived == [9999])
        await office.collect("full")
        await eventually(lambda: len(office.arrived) == 2001)

    office = opened(story, queue_bytes=50_000, held_bytes=1 << 30)

    assert office.arrived[1:] == list(range(2000))


def test_a_store_in_trouble_is_asked_again() -> None:
    async def story(office: PostOffice) -> None:
        office.troubles = 2
        await office.feeders.declare("q")
        await office.collect("q")
        office.feeders.put("q", office.source, [1, 2])
        await eventually(lambda: office.arrived == [1, 2])

    assert opened(story).troubles == 0


def test_a_queue_that_somebody_deleted_is_made_again() -> None:
    async def story(office: PostOffice) -> None:
        await office.feeders.declare("q")
        await office.broker.delete("q")
        office.feeders.put("q", office.source, [Letter(1)])
        await eventually(lambda: office.published == [1])
        await office.collect("q")
        await eventually(lambda: office.arrived == [1])

    opened(story)


def test_what_is_on_its_way_to_a_dropped_queue_is_dropped_and_its_memory_given_back() -> None:
    async def story(office: PostOffice) -> None:
        await office.feeders.declare("q")
        office.feeders.put("q", office.source, [Letter(number, 1000) for number in range(100)])
        await asyncio.sleep(0.05)
        await office.feeders.drop("q")
        await office.feeders.declare("q")
        await office.collect("q")
        office.feeders.put("q", office.source, [Letter(number, 1000) for number in range(100, 200)])
        await eventually(lambda: len(office.arrived) == 100)

    office = opened(story, queue_bytes=10_000, held_bytes=100_000)

    assert office.arrived == list(range(100, 200))
    assert office.loaded == []


def test_what_is_taken_back_is_carried_no_further_and_gives_its_memory_back() -> None:
    async def story(office: PostOffice) -> None:
        await office.feeders.declare("q")
        await office.collect("q")
        office.feeders.put("q", office.source, [Letter(0), Letter(1), Letter(2), 3, 4])

        assert office.feeders.take_back("q", {1, 3, 99}) == {1, 3}
        assert office.feeders.take_back("nowhere", {1}) == set()
        await office.feeders.wait_empty("q", 10)
        await eventually(lambda: len(office.arrived) == 3)
        assert office.feeders.take_back("q", {0}) == set()

        # All of the memory is there again: nothing has to be loaded.
        office.loaded.clear()
        office.feeders.put("q", office.source, [Letter(5), Letter(6), Letter(7)])
        await eventually(lambda: len(office.arrived) == 6)
        assert office.loaded == []

    office = opened(story, held_bytes=30)

    assert office.arrived == [0, 2, 4, 5, 6, 7]
