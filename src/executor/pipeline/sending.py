"""What is being sent: a request with its key, and when it is sent again after a fault. Decides; sends nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...amqp import Backoff, Spell
from ...errors import FarpoolError, PayloadTooLarge, ServiceError, ServiceRefused
from ...wire.blobs import BLOB_NOT_FOUND
from ...wire.rest import SubmitRequest
from .task import Batch

log = logging.getLogger(__name__)

_BACKOFF = Backoff(base_s=0.05, cap_s=2.0)
#: Tries before somebody is told: by then about a second has gone by.
_QUIET_TRIES = 5
_BROKEN = 500
#: Requests that may be under way to a service that answers 500: it may be one of them that it cannot take.
_MOST_BROKEN = 4


@dataclass(slots=True, eq=False)
class Sending:
    """A batch on its way to the service: sent again as it is, under the same key, so that it is taken once.

    Attributes:
        tries: how often it has failed.
        is_uncertain: whether the service may have taken it.
        spell: how long it has been failing.
        waited_s: how long it was to wait since the last try.
    """

    batch: Batch
    request: SubmitRequest
    key: str
    tries: int = 0
    is_uncertain: bool = False
    spell: Spell = field(default_factory=Spell)
    waited_s: float = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still waits for one of its tasks."""
        return any(not task.future.done() for task in self.batch.tasks)

    @property
    def age_s(self) -> float:
        """The age of its youngest task."""
        return min(task.future.age_s for task in self.batch.tasks)


class Outage:
    """How long the service has been away, and when a request that failed is sent again. One thread's.

    Requests that wait behind the one that fails are as old as they are: when the patience ends, it ends for them too.

    Args:
        patience_s: how long to keep trying.
        clock: monotonic seconds.
    """

    def __init__(self, patience_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._spell = Spell(clock)
        self._waited_s = 0.0
        self._is_told = False

    def next_s(self, sending: Sending, error: ServiceError) -> float | None:
        """Say in how many seconds a request that failed is sent again; None: the patience has ended."""
        spent_s = sending.spell.count(sending.waited_s)
        if error.http_status != _BROKEN:
            spent_s = max(spent_s, min(self._spell.count(self._waited_s), sending.age_s))
        wait_s = _BACKOFF.delay(sending.tries) if error.retry_after_s is None else error.retry_after_s
        if self._patience_s <= 0 or spent_s + wait_s > self._patience_s:
            return None
        sending.tries += 1
        sending.waited_s = self._waited_s = wait_s
        if sending.tries == _QUIET_TRIES and not self._is_told:
            self._is_told = True
            log.warning("%s; trying for up to %.0f s more", error, self._patience_s - spent_s)
        return wait_s

    def is_for_all(self, error: ServiceError, held: int) -> bool:
        """Whether other requests would fail as well, so that they had better wait.

        Args:
            error: how one failed.
            held: how many wait to be sent again already.
        """
        return error.http_status != _BROKEN or held >= _MOST_BROKEN

    def end(self) -> None:
        """Take note that the service has answered."""
        self._spell.end()
        if self._is_told:
            self._is_told = False
            log.warning("the service answers again")


def parts_of(batch: Batch, error: FarpoolError) -> list[Batch]:
    """Take a refused batch apart: a refusal may concern one function, the size only, or what one task refers to."""
    if not isinstance(error, ServiceRefused) or error.is_passing:
        return [batch]
    if isinstance(error, PayloadTooLarge) or error.code == BLOB_NOT_FOUND:
        middle = len(batch.tasks) // 2
        parts = [batch.tasks[:middle], batch.tasks[middle:]]
    else:
        parts = list(batch.by_function().values())
    return [Batch(batch.route, part) for part in parts if part]
