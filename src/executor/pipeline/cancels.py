"""The cancels: tells the service which tasks are called off, many in one request. Lives on one loop."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Sequence

from ...amqp import Backoff, Loop
from ...errors import FarpoolError, ServiceError

log = logging.getLogger(__name__)

#: Task ids in one request, at most.
CHUNK = 10_000

#: A fault that lasts for longer, some five minutes, is told: the tasks may run.
MOST_TRIES = 150
#: So many, some two seconds, while somebody waits to hear what is running.
SHORT_TRIES = 6
_BACKOFF = Backoff(base_s=0.05, cap_s=2.0)


class Cancels:
    """Gathers the ids of tasks that are called off until the loop comes round, and sends them in one request.

    Args:
        loop: where requests are made from.
        request: asks the service to cancel tasks, running ones too or not; blocks; raises a `FarpoolError`. None where
            the service cannot: then nothing is sent.
        not_told: called with tasks that were to be left alone when they run, and the service is away: nobody should
            wait until it can say which do.
    """

    def __init__(
        self,
        loop: Loop,
        request: Callable[[Sequence[str], bool], object] | None,
        not_told: Callable[[Sequence[str]], None] = lambda _task_ids: None,
    ) -> None:
        self._loop = loop
        self._request = request
        self._not_told = not_told
        self._lock = threading.Lock()
        self._gathered: dict[bool, list[str]] = {True: [], False: []}
        self._holders = 0
        self._tries = 0

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Send nothing while the body runs: what it adds makes one request."""
        with self._lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
            self._loop.call(self.flush)

    def add(self, task_ids: Iterable[str], *, running: bool = True) -> None:
        """Have tasks cancelled. Thread-safe.

        Args:
            task_ids: the tasks.
            running: also those that run.
        """
        if self._request is None:
            return
        with self._lock:
            gathered = self._gathered[running]
            is_first = not gathered
            gathered.extend(task_ids)
        if is_first:
            self._loop.call(self.flush)

    def flush(self, *, last: bool = False) -> None:
        """Send what was gathered. Loop thread only.

        Args:
            last: there is no other time: what meets a fault is given up.
        """
        with self._lock:
            if self._holders:
                return
            gathered, self._gathered = self._gathered, {True: [], False: []}
        for running, task_ids in gathered.items():
            for start in range(0, len(task_ids), CHUNK):
                self._send(task_ids[start : start + CHUNK], running, last)

    def _send(self, task_ids: Sequence[str], running: bool, last: bool) -> None:
        if self._request is None:
            return
        try:
            self._request(task_ids, running)
            self._tries = 0
        except FarpoolError as error:
            is_passing = isinstance(error, ServiceError) and error.is_passing
            if is_passing and not running and self._tries >= SHORT_TRIES:
                self._not_told(task_ids)
            elif is_passing and not last and self._tries < MOST_TRIES:
                with self._lock:
                    self._gathered[running].extend(task_ids)
                self._loop.call_later(_BACKOFF.delay(self._tries), self.flush)
                self._tries += 1
            else:
                message = "%d tasks could not be cancelled at the service, they may still run: %s"
                log.warning(message, len(task_ids), error)
