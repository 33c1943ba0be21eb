"""Feeders: each carries messages to one queue, in order, no faster than the broker takes them.

    put(queue, parcels) --> [parcel][parcel][17][18][19]... --> broker.publish --> published(parcels)
                             bodies while there is room,  `--> load(numbers): from the store
                             then numbers only

The memory for bodies is bounded over all queues together. What is beyond it waits as a task number, and its body is
loaded from the store when its turn comes. A feeder runs while it has something to carry, and is then gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from .broker import Broker, Outgoing, QueueMissing

log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Bodies held in memory, over all queues, in bytes.
HELD_BYTES = 64 * 1024 * 1024
#: At most this much is published in one call, in messages and bytes.
RUN_MESSAGES = 256
RUN_BYTES = 4 * 1024 * 1024
#: After a failure of the broker, wait this long before the next attempt, doubling up to the second figure (seconds).
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0


class Parcel(Protocol):
    """Something that can be made a message when its turn comes."""

    @property
    def seq(self) -> int:
        """The number of its task."""
        ...

    @property
    def task_id(self) -> str:
        """The id of its task."""
        ...

    @property
    def size_bytes(self) -> int:
        """About how large it is."""
        ...

    def message(self) -> Outgoing:
        """Make the message."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """What feeders of one kind of queue do besides carrying.

    Attributes:
        load: finds the parcels of task numbers, `(numbers, max_bytes) -> (parcels, how many numbers were looked at)`;
            those no longer to be sent are left out.
        published: is told what the broker has taken over.
    """

    load: Callable[[Sequence[int], int], Awaitable[tuple[Sequence[Parcel], int]]]
    published: Callable[[Sequence[Parcel]], None]


class Budget:
    """The memory for bodies, shared by all feeders."""

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes

    def take(self, size_bytes: int) -> bool:
        """Take a share; False when there is not that much left."""
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """Give a share back."""
        self._left_bytes += size_bytes


class Feeders:
    """All feeders. Every method belongs to the event loop's thread.

    Args:
        broker: takes the messages.
        held_bytes: the bound on bodies in memory.
    """

    def __init__(self, broker: Broker, *, held_bytes: int = HELD_BYTES) -> None:
        self._broker = broker
        self._budget = Budget(held_bytes)
        self._feeders: dict[str, _Feeder] = {}
        self._declared: set[str] = set()

    async def declare(self, queue: str, *, anew: bool = False) -> None:
        """Make a queue; nothing happens when it is there.

        Args:
            queue: the queue.
            anew: it may have been deleted behind our back.
        """
        if anew or queue not in self._declared:
            await self._broker.declare(queue)
            self._declared.add(queue)

    async def drop(self, queue: str) -> None:
        """Delete a queue, with what is in it and on its way to it."""
        feeder = self._feeders.pop(queue, None)
        if feeder is not None:
            await feeder.stop()
        self._declared.discard(queue)
        await self._broker.delete(queue)

    def put(self, queue: str, source: Source, parcels: Iterable[Parcel | int]) -> None:
        """Carry parcels to a queue, after what was put before.

        Args:
            queue: a declared queue.
            source: where bodies are found that are not held; the same for every call with this queue.
            parcels: each a parcel, or the number of one that is in the store.
        """
        feeder = self._feeders.get(queue)
        if feeder is None:
            feeder = self._feeders[queue] = _Feeder(queue, source, self._broker, self._budget)
        feeder.put(parcels)
        feeder.start(self._ended)

    def take_back(self, queue: str, seqs: Collection[int]) -> set[int]:
        """Carry some parcels no further.

        Returns:
            The numbers of those that were still here: they will not get to the queue.
        """
        feeder = self._feeders.get(queue)
        return set() if feeder is None else feeder.take_back(seqs)

    async def wait_empty(self, queue: str, timeout_s: float) -> None:
        """Wait until all that was put so far is in its queue, or the time is over."""
        feeder = self._feeders.get(queue)
        if feeder is not None:
            await feeder.wait_empty(timeout_s)

    def waiting(self, queue: str) -> int:
        """Count what waits to be published to a queue."""
        feeder = self._feeders.get(queue)
        return 0 if feeder is None else feeder.waiting

    async def stop(self) -> None:
        """Stop carrying. What was not published is in the store."""
        feeders = list(self._feeders.values())
        self._feeders.clear()
        for feeder in feeders:
            await feeder.stop()

    def _ended(self, feeder: _Feeder) -> None:
        if self._feeders.get(feeder.queue) is feeder:
            del self._feeders[feeder.queue]


class _Feeder:
    """Carries parcels to one queue."""

    def __init__(self, queue: str, source: Source, broker: Broker, budget: Budget) -> None:
        self.queue = queue
        self._source = source
        self._broker = broker
        self._budget = budget
        self._parcels: deque[Parcel | int] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._parcels)

    def put(self, parcels: Iterable[Parcel | int]) -> None:
        for parcel in parcels:
            is_held = not isinstance(parcel, int) and self._budget.take(parcel.size_bytes)
            self._parcels.append(parcel if is_held or isinstance(parcel, int) else parcel.seq)

    def take_back(self, seqs: Collection[int]) -> set[int]:
        taken: set[int] = set()
        kept: deque[Parcel | int] = deque()
        for parcel in self._parcels:
            seq = parcel if isinstance(parcel, int) else parcel.seq
            if seq not in seqs:
                kept.append(parcel)
                continue
            taken.add(seq)
            if not isinstance(parcel, int):
                self._budget.give_back(parcel.size_bytes)
        self._parcels = kept
        return taken

    async def wait_empty(self, timeout_s: float) -> None:
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)

    def start(self, ended: Callable[[_Feeder], None]) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(ended), name=f"feed {self.queue}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        for parcel in self._parcels:
            if not isinstance(parcel, int):
                self._budget.give_back(parcel.size_bytes)
        self._parcels.clear()

    async def _run(self, ended: Callable[[_Feeder], None]) -> None:
        while self._parcels:
            is_held = not isinstance(self._parcels[0], int)
            run = self._take_held() if is_held else await self._load()
            try:
                if run:
                    await self._publish([parcel.message() for parcel in run])
                    self._source.published(run)
            finally:
                if is_held:
                    self._budget.give_back(sum(parcel.size_bytes for parcel in run))
        # No await since the last look at the parcels: nobody can have put one in between.
        self._task = None
        ended(self)

    def _take_held(self) -> Sequence[Parcel]:
        run: list[Parcel] = []
        size = 0
        while self._parcels and len(run) < RUN_MESSAGES and size < RUN_BYTES:
            parcel = self._parcels[0]
            if isinstance(parcel, int):
                break
            self._parcels.popleft()
            size += parcel.size_bytes
            run.append(parcel)
        return run

    async def _load(self) -> Sequence[Parcel]:
        numbers: list[int] = []
        while self._parcels and len(numbers) < RUN_MESSAGES:
            parcel = self._parcels[0]
            if not isinstance(parcel, int):
                break
            numbers.append(parcel)
            self._parcels.popleft()
        numbers.sort()
        parcels, looked_at = await self._patiently(lambda: self._source.load(numbers, RUN_BYTES), "load messages for")
        self._parcels.extendleft(reversed(numbers[looked_at:]))
        return parcels

    async def _publish(self, messages: Sequence[Outgoing]) -> None:
        async def publish() -> None:
            try:
                await self._broker.publish(self.queue, messages)
            except QueueMissing:
                # Somebody deleted it behind our back: what is in the store is still owed to it.
                await self._broker.declare(self.queue)
                await self._broker.publish(self.queue, messages)

        await self._patiently(publish, "publish to")

    async def _patiently(self, attempt: Callable[[], Awaitable[_T]], what: str) -> _T:
        delay_s = FIRST_RETRY_S
        while True:
            try:
                return await attempt()
            except Exception as error:  # noqa: BLE001 - store or broker may be back soon, and the messages are owed
                log.warning("could not %s queue %s, trying again in %.1f s: %r", what, self.queue, delay_s, error)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LAST_RETRY_S)
