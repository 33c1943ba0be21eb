"""A service that is killed and a result connection that is cut, while an executor works through both."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farpool import Client, Executor

from .command import Command
from .proxy import proxy_to
from .service import ServiceProcess

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Aftermath:
    """What came of the tasks.

    Attributes:
        right, wrong: how many results were right, and wrong.
        errors: how often each error came.
        connections: how many result connections there were.
    """

    right: int
    wrong: int
    errors: dict[str, int]
    connections: int


class Striker:
    """Strikes in the middle of the work: each event when a further equal share of the results is there."""

    def __init__(self, tasks: int, events: Sequence[Callable[[], object]]) -> None:
        self._marks = {tasks * (place + 1) // (len(events) + 1): event for place, event in enumerate(events)}
        self._lock = threading.Lock()
        self._counted = 0
        self._threads: list[threading.Thread] = []

    def count(self, _future: object) -> None:
        """Count a result; for `add_done_callback`."""
        with self._lock:
            self._counted += 1
            event = self._marks.pop(self._counted, None)
        if event is not None:
            thread = threading.Thread(target=event)
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait until every event is over, and make sure that every one struck."""
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        assert not self._marks


def run_through(
    directory: Path, *, tasks: int, kills: int, cuts: int, broker_port: int | None = None, **options: Any
) -> Aftermath:
    """Submit tasks; while their results come, kill and restart the service, and cut the result connection.

    Args:
        directory: where service and endpoint keep their state.
        tasks, kills, cuts: how many of each.
        broker_port: where the broker listens, if that is not the service's own.
        options: for the service.
    """

    def triple(number: int) -> int:
        return 3 * number

    with ServiceProcess(directory / "service", **options) as process:
        service = process.start()
        command = Command(directory / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)

        def restart() -> None:
            process.kill()
            process.start()

        with (
            command.running("endpoint", "start", "chaos", "--workers", "2", "--foreground") as endpoint,
            proxy_to(broker_port or service.amqp_port) as proxy,
            Client(service_url=service.url, token=service.token) as client,
            Executor(endpoint_id=endpoint["endpoint_id"], client=client, amqp_port=proxy.port) as executor,
        ):
            events: list[Callable[[], object]] = [*[restart] * kills, *[proxy.cut] * cuts]
            random.Random(1).shuffle(events)
            striker = Striker(tasks, events)
            futures: list[Future[int]] = []
            for number in range(tasks):
                futures.append(executor.submit(triple, number))
                futures[-1].add_done_callback(striker.count)
            right, wrong, errors = _sum_up(futures)
            striker.join()
            return Aftermath(right, wrong, errors, proxy.accepted)


def _sum_up(futures: Sequence[Future[int]]) -> tuple[int, int, dict[str, int]]:
    errors: Counter[str] = Counter()
    right = 0
    for number, future in enumerate(futures):
        error = future.exception(TIMEOUT_S)
        if error is not None:
            errors[f"{type(error).__name__}: {error}"[:300]] += 1
        else:
            right += future.result() == 3 * number
    return right, len(futures) - right - errors.total(), dict(errors)
