"""The three connections of an agent: tasks in, results out, reports out; and the credentials they share.

lost -> opened again by themselves, with the credentials at hand
     -> still down after a while: register again, which gives new ones (a service that moved, or forgot us)
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from ..amqp import Address, Backoff, Consumer, Delivery, Loop, Patience, Publisher
from ..errors import StreamError, WireError
from ..wire.queues import QueueInfo
from .registration import Registered

log = logging.getLogger(__name__)

#: A connection that is down this long is not a passing break: the credentials may be outdated.
REGISTER_AFTER_S = 2.0
#: Between one registration and the next while a connection stays down.
REGISTER_EVERY_S = 15.0

_BACKOFF = Backoff(base_s=0.1, cap_s=3.0)


class Links:
    """The connections of one agent; lives on a loop.

    Args:
        loop: where it lives.
        prefetch: how many unacknowledged tasks the broker may hand over.
        patience_s: how long to try to make a first connection: a wrong address should be told. A broker that was once
            there is waited for without end.
        deliver: called with each message of the task queue, and of the one that says which are no longer wanted.
        opened: called with ``"tasks"``, ``"results"`` or ``"heartbeats"`` at each (re)connect.
        lost: called with that name when a connection is gone.
        failed: called with the error when a first connection cannot be made.
        outdated: called when new credentials may help.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        prefetch: int,
        patience_s: float,
        deliver: Callable[[Delivery], None],
        opened: Callable[[str], None],
        lost: Callable[[str], None],
        failed: Callable[[StreamError], None],
        outdated: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._opened = opened
        self._lost = lost
        self._outdated = outdated
        self._credentials: Registered | None = None
        self._down = {"tasks", "results", "heartbeats"}
        self._is_watching = False
        self._is_closed = False
        self._patience = Patience(first_s=patience_s, away_s=float("inf"), broken_s=float("inf"))
        self.tasks = Consumer(
            loop,
            name="tasks",
            locate=self._task_address,
            deliver=deliver,
            prefetch=prefetch,
            exclusive=True,
            on_open=partial(self._on_open, "tasks"),
            on_lost=partial(self._on_lost, "tasks"),
            on_gave_up=failed,
            patience=self._patience,
            backoff=_BACKOFF,
        )
        self.results = self._publisher("results", lambda known: known.results, failed)
        self.heartbeats = self._publisher("heartbeats", lambda known: known.heartbeats, failed)

    @property
    def is_up(self) -> bool:
        """Whether all three connections stand."""
        return not self._down

    def use(self, credentials: Registered) -> None:
        """Open the connections; or, when they are open, use these credentials from the next reconnect on."""
        is_first = self._credentials is None
        self._credentials = credentials
        if is_first and not self._is_closed:
            self.results.open()
            self.heartbeats.open()
            self.tasks.open()

    def close(self, done: Callable[[], None]) -> None:
        """Close all connections; what was not acknowledged goes back to the queue."""
        self._is_closed = True
        remaining: list[Consumer | Publisher] = [self.tasks, self.results, self.heartbeats]

        def closed(one: Consumer | Publisher) -> None:
            remaining.remove(one)
            if not remaining:
                done()

        for one in tuple(remaining):
            one.close(partial(closed, one))

    def _publisher(
        self, name: str, info: Callable[[Registered], QueueInfo], failed: Callable[[StreamError], None]
    ) -> Publisher:
        return Publisher(
            self._loop,
            name=name,
            locate=lambda: info(self._known()),
            on_open=partial(self._on_open, name),
            on_lost=partial(self._on_lost, name),
            on_gave_up=failed,
            patience=self._patience,
            backoff=_BACKOFF,
        )

    def _known(self) -> Registered:
        if self._credentials is None:
            raise WireError("not registered yet")
        return self._credentials

    def _task_address(self) -> Address:
        known = self._known()
        # On the channel of the tasks: then nothing that was called off while we were away is run before we hear of it.
        before = None if known.cancels is None else known.cancels.queue
        return Address(known.tasks.connection_url, known.tasks.queue, before)

    def _on_open(self, name: str) -> None:
        was_down = not self.is_up
        self._down.discard(name)
        if was_down and self.is_up:
            log.info("connected to the broker")
        self._opened(name)

    def _on_lost(self, name: str) -> None:
        if self.is_up:
            log.warning("the connection to the broker is lost; tasks go on, and it is opened again")
        self._down.add(name)
        self._lost(name)
        if not self._is_watching and not self._is_closed:
            self._is_watching = True
            self._loop.call_later(REGISTER_AFTER_S, self._look_after)

    def _look_after(self) -> None:
        self._is_watching = not self.is_up and not self._is_closed
        if self._is_watching:
            self._outdated()
            self._loop.call_later(REGISTER_EVERY_S, self._look_after)
