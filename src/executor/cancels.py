"""The cancels: tells the service which tasks are called off, many in one request. Lives on one loop."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Sequence

from ..amqp import Loop
from ..errors import FarpoolError

log = logging.getLogger(__name__)

#: Task ids in one request, at most.
CHUNK = 10_000


class Cancels:
    """Gathers the ids of tasks that are called off until the loop comes round, and sends them in one request.

    Args:
        loop: where requests are made from.
        request: asks the service to cancel tasks, running ones too or not; blocks; raises a `FarpoolError`. None where
            the service cannot: then nothing is sent.
    """

    def __init__(self, loop: Loop, request: Callable[[Sequence[str], bool], object] | None) -> None:
        self._loop = loop
        self._request = request
        self._lock = threading.Lock()
        self._gathered: dict[bool, list[str]] = {True: [], False: []}
        self._holders = 0

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

    def flush(self) -> None:
        """Send what was gathered. Loop thread only."""
        with self._lock:
            if self._holders:
                return
            gathered, self._gathered = self._gathered, {True: [], False: []}
        for running, task_ids in gathered.items():
            for start in range(0, len(task_ids), CHUNK):
                self._send(task_ids[start : start + CHUNK], running)

    def _send(self, task_ids: Sequence[str], running: bool) -> None:
        if self._request is None:
            return
        try:
            self._request(task_ids, running)
        except FarpoolError as error:
            log.warning("%d tasks could not be cancelled at the service, they may still run: %s", len(task_ids), error)
