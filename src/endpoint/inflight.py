"""Which tasks this endpoint has taken, and which deliveries to acknowledge when: pure, no I/O, no clock.

    accept -> RUN ----> taken --- finished ---> unconfirmed --- confirmed ---> recent (bounded)
                          |                         |                            |
    accept again       WAIT: adopt the new delivery, do not run again          ACK: it is over
                          `-- withdrawn -> forgotten

    call_off before it came -> called off (bounded);  accept -> REFUSE: taken, to be finished at once

A broker delivers again what was not acknowledged when a connection broke, and a service publishes again what its broker
forgot. Neither must run a task twice here. A delivery is acknowledged when the broker has confirmed the task's result.
A task may be called off long before it comes: it waits in the queue behind others.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Generic, TypeVar
from uuid import UUID

#: How many finished tasks are remembered, so that a late delivery of one is acknowledged and not run.
REMEMBER = 20_000
#: How many tasks that were called off before they came are remembered, the latest; each takes some 100 bytes.
REMEMBER_CALLED_OFF = 1_000_000

D = TypeVar("D")


class Verdict(Enum):
    """What to do with a delivery."""

    RUN = "run it: it is new"
    WAIT = "do nothing: the task runs already, or its result waits to be confirmed"
    ACK = "acknowledge it: the task is over"
    REFUSE = "do not run it, and say so: it was called off before it came"


class Inflight(Generic[D]):
    """The table of tasks between their first delivery and the confirmation of their results.

    Args:
        remember: how many finished tasks to remember.
        remember_called_off: how many tasks to remember that were called off before they came.
    """

    def __init__(self, *, remember: int = REMEMBER, remember_called_off: int = REMEMBER_CALLED_OFF) -> None:
        self._remember = remember
        self._remember_called_off = remember_called_off
        self._called_off: dict[bytes, None] = {}  # as 16 bytes: there may be many
        self._taken: dict[str, list[D]] = {}
        self._unconfirmed: dict[str, list[D]] = {}
        self._recent: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._taken) + len(self._unconfirmed)

    @property
    def taken(self) -> Collection[str]:
        """Ids of the tasks that have no outcome yet."""
        return self._taken.keys()

    @property
    def unconfirmed(self) -> Collection[str]:
        """Ids of the tasks whose results wait to be confirmed."""
        return self._unconfirmed.keys()

    def accept(self, task_id: str, delivery: D | None) -> Verdict:
        """Note a delivery of a task and say what to do with it.

        Args:
            task_id: the task.
            delivery: what to acknowledge when the task is over; None when that has been done.
        """
        if task_id in self._recent:
            return Verdict.ACK
        deliveries = self._taken.get(task_id, self._unconfirmed.get(task_id))
        verdict = Verdict.WAIT
        if deliveries is None:
            deliveries = self._taken[task_id] = []
            verdict = Verdict.REFUSE if self._called_off and self._forget_called_off(task_id) else Verdict.RUN
        if delivery is not None:
            deliveries.append(delivery)
        return verdict

    def call_off(self, task_id: str) -> bool:
        """Have a task that has not come be refused when it does; False when it has come, or is over."""
        if task_id in self._taken or task_id in self._unconfirmed or task_id in self._recent:
            return False
        self._called_off[UUID(task_id).bytes] = None
        if len(self._called_off) > self._remember_called_off:
            del self._called_off[next(iter(self._called_off))]
        return True

    def _forget_called_off(self, task_id: str) -> bool:
        key = UUID(task_id).bytes
        if key not in self._called_off:
            return False
        del self._called_off[key]
        return True

    def finished(self, task_id: str) -> bool:
        """Note that a task has an outcome, which is to be published; False when the task is not, or no longer, ours."""
        deliveries = self._taken.pop(task_id, None)
        if deliveries is None:
            return False
        self._unconfirmed[task_id] = deliveries
        return True

    def confirmed(self, task_id: str) -> list[D]:
        """Note that the broker has the result of a task; give the deliveries to acknowledge."""
        deliveries = self._unconfirmed.pop(task_id, None)
        if deliveries is None:
            return []
        self._recent[task_id] = None
        if len(self._recent) > self._remember:
            del self._recent[next(iter(self._recent))]
        return deliveries

    def withdrawn(self, task_id: str) -> list[D]:
        """Forget a task that will not be run here; give its deliveries."""
        return self._taken.pop(task_id, [])

    def lost(self) -> None:
        """Note that the connection broke: the deliveries so far mean nothing any more, the tasks go on."""
        for deliveries in (*self._taken.values(), *self._unconfirmed.values()):
            deliveries.clear()
