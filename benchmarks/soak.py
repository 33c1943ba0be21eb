"""Mixed load for a while: does memory grow, do file descriptors or threads stay behind?

    PYTHONPATH=tests python benchmarks/soak.py [--minutes 20]

Small tasks, new functions, large arguments, maps, failures, retries and cancels, on a service and an endpoint of their
own, through a proxy that cuts the result connection every half minute. Prints, for the client, the service and the
agent, memory at the quarters and its slope in the second half, and file descriptors and threads at the beginning and
the end. The service's database keeps up to 32 MB of pages in memory for each of its connections: that fills first.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from farpool import Client, Executor, TaskError
from support.command import Command
from support.proxy import Proxy
from support.proxy import running as proxy_running
from support.service import ServiceProcess

SAMPLE_S = 5.0
CUT_S = 30.0
LARGE = b"x" * (1 << 20)


@dataclass
class Watched:
    """A process, and what was seen of it: (seconds, bytes) of memory, file descriptors, threads."""

    name: str
    process: psutil.Process
    memory: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    descriptors: list[int] = field(default_factory=list[int])
    threads: list[int] = field(default_factory=list[int])

    def look(self, at: float) -> None:
        """Take a sample."""
        self.memory.append((at, self.process.memory_info().rss / (1 << 20)))
        self.descriptors.append(self.process.num_fds())
        self.threads.append(self.process.num_threads())

    def say(self) -> None:
        """Print what there is to say."""
        late = self.memory[len(self.memory) // 2 :]
        places = [len(self.memory) * quarter // 4 for quarter in range(4)] + [-1]
        sizes = " ".join(f"{self.memory[place][1]:.0f}" for place in places)
        slope = statistics.linear_regression([at for at, _ in late], [size for _, size in late]).slope * 3600
        print(
            f"{self.name:<10} MB by quarters: {sizes:<24} {slope:>+8.1f} MB/h in the second half   "
            f"descriptors {self.descriptors[0]:>3} -> {self.descriptors[-1]:>3}   "
            f"threads {self.threads[0]:>3} -> {self.threads[-1]:>3}"
        )


def square(number: int) -> int:
    """Be a small task."""
    return number * number


def size_of(data: bytes) -> int:
    """Be a task with a large argument."""
    return len(data)


def echo(data: bytes) -> bytes:
    """Be a task with a large argument and a large result."""
    return data


def fail(number: int) -> None:
    """Fail."""
    raise ValueError(number)


def load(executor: Executor, turn: int) -> int:
    """Do one turn of the load, and give the number of tasks."""
    salt = turn

    def new(number: int) -> int:
        return number + salt

    futures = [executor.submit(square, number) for number in range(100)]
    futures += [executor.submit(new, number) for number in range(20)]
    futures += [executor.submit(size_of, LARGE + bytes([turn % 256])) for _ in range(2)]
    failing = [executor.options(retries=1, backoff=0).submit(fail, number) for number in range(5)]
    unwanted = [executor.submit(time.sleep, 0.01) for _ in range(10)]
    for one in unwanted:
        one.cancel_remote()
    assert sum(executor.map(square, range(200), chunksize=20)) == sum(number * number for number in range(200))
    assert len(executor.submit(echo, LARGE).result()) == len(LARGE)
    for future in futures:
        future.result()
    for failed in failing:
        assert isinstance(failed.exception(), TaskError)
    for one in unwanted:
        with contextlib.suppress(CancelledError):
            one.result()
    return len(futures) + len(failing) + len(unwanted) + 11


def every(seconds: float, do: Callable[[], object], ended: threading.Event) -> threading.Thread:
    """Have something done every so often, until the end."""

    def run() -> None:
        while not ended.wait(seconds):
            do()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def soak(directory: Path, minutes: float) -> tuple[list[Watched], int]:
    """Run the load, and give what was seen of each process, and the number of tasks."""
    with ServiceProcess(directory / "service") as process:
        service = process.start()
        command = Command(directory / "home", FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        with (
            command.running("endpoint", "start", "soak", "--workers", "2", "--foreground") as endpoint,
            proxy_running(Proxy(service.amqp_port)) as proxy,
            Client(service_url=service.url, token=service.token) as client,
            Executor(endpoint["endpoint_id"], client=client, amqp_port=proxy.port) as executor,
        ):
            tasks = sum(load(executor, turn) for turn in range(5))  # what is made once is made
            agent = psutil.Process(endpoint["pid"])
            watched = [
                Watched("client", psutil.Process()),
                Watched("service", psutil.Process(service.pid)),
                Watched("agent", agent),
            ]
            ended = threading.Event()
            begun = time.monotonic()
            cutting = every(CUT_S, proxy.cut, ended)
            turn, next_look = 5, 0.0
            while (at := time.monotonic() - begun) < minutes * 60:
                if at >= next_look:
                    gc.collect()
                    for one in watched:
                        one.look(at)
                    next_look = at + SAMPLE_S
                tasks += load(executor, turn)
                turn += 1
            ended.set()
            cutting.join()
            print(executor.stats())
            return watched, tasks


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=20)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as directory:
        watched, tasks = soak(Path(directory), minutes)
    print(f"{tasks:,} tasks in {minutes:g} minutes")
    for one in watched:
        one.say()


if __name__ == "__main__":
    main()
