"""A storm of faults between an executor and a real stack, seeded, while tasks are submitted all along."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farpool import Client, Executor, Stats

from .command import Command
from .fault_proxy import AFTER, BEFORE, AmqpFaults, HttpFaults
from .proxy import running
from .service import ServiceProcess
from .waiting import eventually

#: The faults, and how often each comes.
HTTP = dict.fromkeys((*BEFORE, *AFTER), 6) | {"refused": 4, "cut": 4}
AMQP = {
    "cut": 5,
    "cut in a frame": 4,
    "channel": 4,
    "consumer": 4,
    "connection": 4,
    "no queue": 4,
    "login": 4,
    "refused": 3,
    "pause": 2,
}
SYSTEM = {"no name": 10, "restart": 1}
CLOCKS = {"asleep": 4, "clock": 4}

TIMEOUT_S = 200.0
#: Tasks without an outcome, at most.
MOST_OUTSTANDING = 200


@dataclass
class Wreckage:
    """What a storm left behind.

    Attributes:
        tasks: how many were submitted.
        faults: how often each fault struck.
        unresolved: futures without an outcome.
        wrong: results that are not right.
        errors: how often each error came.
        twice: tasks that ran more than once.
        never: tasks that have a result and did not run.
        usable: whether tasks ran afterwards.
        stats: the figures of each executor.
    """

    tasks: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    unresolved: int = 0
    wrong: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])
    twice: int = 0
    never: int = 0
    usable: bool = False
    stats: list[Stats] = field(default_factory=list[Stats])


class Names:
    """Host names that cannot be looked up, for a while."""

    def __init__(self) -> None:
        self.broken = 0
        self._look_up = socket.getaddrinfo

    def look_up(self, *args: Any, **kwargs: Any) -> Any:
        if self.broken > 0:
            self.broken -= 1
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._look_up(*args, **kwargs)

    @contextmanager
    def installed(self) -> Generator[None, None, None]:
        socket.getaddrinfo = self.look_up
        try:
            yield
        finally:
            socket.getaddrinfo = self._look_up


class Clocks:
    """The clocks of this process, which jump: monotonic time as after a sleep, the time of day in both directions."""

    def __init__(self) -> None:
        self._real = (time.monotonic, time.time)
        self.asleep_s = self.set_s = 0.0

    @contextmanager
    def installed(self) -> Generator[None, None, None]:
        monotonic, wall = self._real
        time.monotonic = lambda: monotonic() + self.asleep_s
        time.time = lambda: wall() + self.set_s
        try:
            yield
        finally:
            time.monotonic, time.time = self._real


class Storm:
    """Faults, one after the other: of the two ways each in a thread of its own."""

    def __init__(
        self, rng: random.Random, http: HttpFaults, amqp: AmqpFaults, restart: Callable[[], None], clocks: Clocks
    ) -> None:
        self._http, self._amqp, self._restart = http, amqp, restart
        self._calm, self._calms = threading.Event(), random.Random(rng.random())
        self._names, self._clocks = Names(), clocks
        self._lock = threading.Lock()
        self.struck: Counter[str] = Counter()

    def rage(self, faults: list[tuple[str, str]]) -> list[threading.Thread]:
        """Begin; the threads end when the last fault has struck."""
        ways = {
            "amqp": [one for one in faults if one[0] == "amqp"],
            "rest": [one for one in faults if one[0] != "amqp"],
        }
        threads = [threading.Thread(target=self._run, args=(way,), name=name) for name, way in ways.items()]
        for thread in threads:
            thread.start()
        return threads

    def _run(self, faults: list[tuple[str, str]]) -> None:
        for way, fault in faults:
            strike = {"amqp": self._strike_amqp, "http": self._strike_http}.get(way, self._strike_system)
            strike(fault)
            with self._lock:
                self.struck[f"{way}: {fault}"] += 1

    def _strike_http(self, fault: str) -> None:
        if fault == "refused":
            self._http.vanish(0.1)
        elif fault == "cut":
            self._http.cut()
        else:
            assert self._http.arm(fault).wait(TIMEOUT_S), fault
        for _ in range(self._calms.randint(0, 3)):
            assert self._http.arm("").wait(TIMEOUT_S), fault

    def _strike_amqp(self, fault: str) -> None:
        assert self._amqp.ready.wait(TIMEOUT_S), fault
        self._calm.wait(self._calms.random())
        if fault == "cut":
            self._amqp.cut()
        elif fault == "cut in a frame":
            self._amqp.halve()
        elif fault == "no queue":
            self._amqp.refuse("queue")
        elif fault == "login":
            self._amqp.refuse("login")
        elif fault == "pause":
            self._amqp.pause(0.2)
        elif fault == "refused":
            self._amqp.vanish(0.3)
        else:
            self._amqp.inject(fault)

    def _strike_system(self, fault: str) -> None:
        if fault == "restart":
            self._restart()
        elif fault == "no name":
            with self._names.installed():
                self._names.broken = 3
                self._http.cut()
                eventually(lambda: self._names.broken <= 0, TIMEOUT_S)
        elif fault == "asleep":
            self._clocks.asleep_s += 8 * 3600
        else:
            self._clocks.set_s = 86_400.0 if self._clocks.set_s <= 0 else -86_400.0


def chosen(rng: random.Random, count: int, *, clocks: bool) -> list[tuple[str, str]]:
    """Choose faults."""
    ways = {"http": HTTP, "amqp": AMQP, "system": SYSTEM, **({"clocks": CLOCKS} if clocks else {})}
    kinds = [((way, fault), weight) for way, faults in ways.items() for fault, weight in faults.items()]
    return rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds], k=count)


@dataclass(frozen=True)
class Site:
    """A stack, and the ways to it."""

    endpoint_id: str
    client: Client
    http: HttpFaults
    amqp: AmqpFaults
    restart: Callable[[], None]


@contextmanager
def _site(directory: Path, **options: Any) -> Generator[Site, None, None]:
    with ServiceProcess(directory / "service", **options) as process:
        service = process.start()

        def restart() -> None:
            process.kill()
            process.start()

        command = Command(directory / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        with (
            command.running("endpoint", "start", "storm", "--workers", "2", "--foreground") as endpoint,
            running(HttpFaults(int(service.url.rpartition(":")[2]))) as http,
            running(AmqpFaults(service.amqp_port)) as amqp,
            Client(service_url=f"http://localhost:{http.port}", token=service.token) as client,
        ):
            yield Site(endpoint["endpoint_id"], client, http, amqp, restart)


def away(directory: Path, *, seconds: float, tasks: int = 100) -> tuple[int, float]:
    """Have the service and its broker away for a while, which is when tasks finish.

    Returns:
        How many results were right, and how many seconds after the return the last of them was there.
    """

    def finish_meanwhile(number: int) -> int:
        import time

        time.sleep(seconds / tasks)
        return 3 * number

    with (
        _site(directory) as site,
        Executor(site.endpoint_id, client=site.client, amqp_port=site.amqp.port) as executor,
    ):
        futures = [executor.submit(finish_meanwhile, number) for number in range(tasks)]
        assert site.amqp.ready.wait(TIMEOUT_S)
        eventually(lambda: all(future.task_id for future in futures), TIMEOUT_S)
        ways = [threading.Thread(target=way.vanish, args=(seconds,)) for way in (site.http, site.amqp)]
        for way in ways:
            way.start()
        for way in ways:
            way.join()
        back = time.monotonic()
        right = sum(future.result(TIMEOUT_S) == 3 * number for number, future in enumerate(futures))
        return right, time.monotonic() - back


def weather(directory: Path, *, seed: int, faults: int, clocks: bool = False, **options: Any) -> Wreckage:
    """Submit tasks through a storm, until it is over, and see what is left.

    Args:
        directory: where service, endpoint and tasks keep their files.
        seed: of the faults.
        faults: how many.
        clocks: whether clocks jump, too: of this whole process.
        options: for the service.
    """
    rng = random.Random(seed)
    runs = directory / "runs"
    runs.mkdir()
    jumping = Clocks()
    with ExitStack() as stack:
        site = stack.enter_context(_site(directory, **options))
        http, amqp = site.http, site.amqp
        if clocks:
            stack.enter_context(jumping.installed())
        given: dict[str, Any] = {"client": site.client, "amqp_port": amqp.port, "patience": 3600}
        with (
            Executor(site.endpoint_id, **given) as one,
            Executor(site.endpoint_id, **given) as other,
        ):
            works = [Work(executor, random.Random(rng.random()), runs) for executor in (one, one, other)]
            for work in works:
                work.wave().result(TIMEOUT_S)
            storm = Storm(rng, http, amqp, site.restart, jumping)
            threads = storm.rage(chosen(rng, faults, clocks=clocks))
            _work_on(works, lambda: any(thread.is_alive() for thread in threads))
            wreckage = Wreckage(faults=storm.struck)
            for work in works:
                work.sum_up(wreckage)
            wreckage.usable = all(work.wave().result(TIMEOUT_S) >= 0 for work in works)
            wreckage.stats = [one.stats(), other.stats()]
        return wreckage


def _work_on(works: list[Work], is_stormy: Callable[[], bool]) -> None:
    """Submit waves in a thread for each, until the storm is over."""

    def waves(work: Work) -> None:
        while is_stormy():
            work.wave()

    threads = [threading.Thread(target=waves, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Work:
    """Tasks, wave after wave; each notes in a file that it ran."""

    def __init__(self, executor: Executor, rng: random.Random, runs: Path) -> None:
        self._executor, self._rng = executor, rng
        self._runs = runs / f"{rng.randrange(1 << 60)}"
        self._runs.mkdir()
        self._futures: list[Future[int]] = []
        self._open: deque[Future[int]] = deque()

    def wave(self) -> Future[int]:
        """Submit some tasks, at times of a new function; wait where too many are without an outcome. Gives the last."""
        task = self._function(self._rng.randrange(1 << 30) if self._rng.random() < 0.3 else 0)
        for _ in range(self._rng.randint(1, 12)):
            number = len(self._futures)
            future = self._executor.submit(task, number)
            self._futures.append(future)
            self._open.append(future)
        while len(self._open) > MOST_OUTSTANDING:
            self._open.popleft().exception(TIMEOUT_S)
        if self._rng.random() < 0.2:
            self._futures[-1].exception(TIMEOUT_S)
        return self._futures[-1]

    def _function(self, salt: int) -> Callable[[int], int]:
        runs = str(self._runs)

        def task(number: int) -> int:
            import os

            with open(f"{runs}/{os.getpid()}", "a") as file:
                file.write(f"{number}\n")
            return 3 * number + salt - salt

        return task

    def sum_up(self, wreckage: Wreckage) -> None:
        """Wait for all, and count."""
        wreckage.tasks += len(self._futures)
        for number, future in enumerate(self._futures):
            try:
                error = future.exception(TIMEOUT_S)
            except TimeoutError:
                wreckage.unresolved += 1
                continue
            if error is not None:
                wreckage.errors[f"{type(error).__name__}: {error}"[:300]] += 1
            elif future.result() != 3 * number:
                wreckage.wrong += 1
        ran = Counter(int(line) for file in self._runs.iterdir() for line in file.read_text().split())
        wreckage.twice += sum(count > 1 for count in ran.values())
        wreckage.never += len(set(range(len(self._futures))) - ran.keys())
