"""What the map family costs, on this machine: `python benchmarks/maps.py`. Quote medians of several runs."""

from __future__ import annotations

import itertools
import operator
import sys
import time
from concurrent.futures import Future

from farpool import Executor
from farpool.executor.maps.crew import Crew, Submit
from farpool.executor.maps.mapping import mapped

CALLS = 10_000


def say(what: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(f"{what:<72} {value:>12,.3f} {unit}")


def rest(milliseconds: float) -> float:
    """Take a time, and no processor."""
    import time

    time.sleep(milliseconds / 1000)
    return milliseconds


def own_cost() -> None:
    """What a map costs by itself: calls that are done when they are submitted."""

    def submit(number: int) -> Future[int]:
        future: Future[int] = Future()
        future.set_result(number)
        return future

    def bind(_fn: object, _chunk_of: object = None) -> Submit:
        return submit

    crew = Crew(bind=bind, workers=2)
    for ordered in (True, False):
        begun = time.process_time()
        for _ in mapped(crew, abs, ((number,) for number in range(100_000)), buffersize=64, ordered=ordered):
            pass
        say(f"the map itself, ordered={ordered}", (time.process_time() - begun) * 10, "us CPU per call")


def main() -> int:
    """Measure."""
    own_cost()
    with Executor(max_workers=2) as ex:
        list(ex.map(abs, range(100)))
        begun = time.perf_counter()
        list(ex.map(abs, range(CALLS)))
        say(f"{CALLS:,} no-ops, a task each", time.perf_counter() - begun, "s")
        begun = time.perf_counter()
        list(ex.map(abs, itertools.islice(itertools.count(), CALLS), buffersize=64))
        say(f"{CALLS:,} no-ops, a task each, buffersize=64", time.perf_counter() - begun, "s")
        for chunksize in (100, "auto"):
            before = ex.stats().submitted
            begun = time.perf_counter()
            list(ex.map(abs, range(CALLS), chunksize=chunksize))
            tasks = ex.stats().submitted - before
            say(f"{CALLS:,} no-ops, chunksize={chunksize!r}, {tasks} tasks", time.perf_counter() - begun, "s")
        for milliseconds, count in ((0.1, 40_000), (1, 4_000), (20, 200), (200, 20)):
            before = ex.stats().submitted
            begun = time.perf_counter()
            list(ex.map(rest, [milliseconds] * count, chunksize="auto"))
            seconds = time.perf_counter() - begun
            tasks = ex.stats().submitted - before
            what = f"{count:,} calls of {milliseconds} ms, chunksize='auto', {tasks} tasks: of two workers' time"
            say(what, 100 * milliseconds * count / 2000 / seconds, "%")
        before = ex.stats().submitted
        begun = time.perf_counter()
        ex.map_reduce(rest, [0.1] * 40_000, operator.add)
        seconds = time.perf_counter() - begun
        say(f"map_reduce of the same 0.1 ms calls, {ex.stats().submitted - before} tasks", 200 / seconds, "%")
    return 0


if __name__ == "__main__":
    sys.exit(main())
