"""What the whole stack costs, on this machine: `python benchmarks/stack.py [SECTION ...]`.

Sections: cold, latency, sequential, bulk, arrays. Each runs in a fresh interpreter and prints one line per figure, so
that peak memory and import cost are its own. Figures of one run on a shared machine: quote medians of several.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

BULK = 10_000
LATENCY_ROUNDS = 200
ARRAYS = 100
ARRAY_BYTES = 1 << 20


def say(what: str, value: float, unit: str, *, target: str = "") -> None:
    """Print one figure."""
    print(f"{what:<52} {value:>12,.3f} {unit:<8} {target}")


def noop() -> None:
    """Do nothing."""


def echo(value: Any) -> Any:
    """Give back what came."""
    return value


def cold() -> None:
    """From nothing to the first result, in this fresh interpreter."""
    before = time.process_time()
    import farpool

    say("import farpool", (time.process_time() - before) * 1000, "ms CPU", target="< 150")
    _ = farpool.Executor
    say("  and farpool.Executor", (time.process_time() - before) * 1000, "ms CPU")
    begun = time.perf_counter()
    with farpool.Executor() as ex:
        ex.submit(noop).result()
        say("Executor() to the first result", time.perf_counter() - begun, "s", target="< 3")
        begun = time.perf_counter()
    say("shutdown", time.perf_counter() - begun, "s")


def latency() -> None:
    """One no-op at a time."""
    from farpool import Executor

    with Executor(max_workers=2) as ex:
        for _ in range(20):
            ex.submit(noop).result()
        rounds: list[float] = []
        for _ in range(LATENCY_ROUNDS):
            begun = time.perf_counter()
            ex.submit(noop).result()
            rounds.append((time.perf_counter() - begun) * 1000)
    rounds.sort()
    say("one no-op at a time, p50", statistics.median(rounds), "ms", target="< 10")
    say("one no-op at a time, p99", rounds[int(len(rounds) * 0.99)], "ms")


def sequential() -> None:
    """Eight submits, each waited for."""
    from farpool import Executor

    with Executor(max_workers=2) as ex:
        ex.submit(noop).result()
        begun = time.perf_counter()
        for _ in range(8):
            ex.submit(noop).result()
        say("8 sequential no-ops", time.perf_counter() - begun, "s", target="< 0.3")


def bulk() -> None:
    """Many no-ops."""
    from farpool import Executor

    with Executor(max_workers=2) as ex:
        ex.submit(noop).result()
        begun, cpu = time.perf_counter(), time.process_time()
        futures = [ex.submit(noop) for _ in range(BULK)]
        submitted = time.perf_counter() - begun
        for future in futures:
            future.result()
        took = time.perf_counter() - begun
        say(f"{BULK:,} no-ops", BULK / took, "tasks/s", target="> 1,500")
        say("  of that, submit() returned after", submitted, "s")
        say("  client CPU per task", (time.process_time() - cpu) / BULK * 1e6, "us")


def arrays() -> None:
    """Large arguments and results."""
    import numpy as np

    from farpool import Executor

    with Executor(max_workers=2) as ex:
        ex.submit(noop).result()
        array = np.arange(ARRAY_BYTES // 8, dtype=np.float64)
        begun, cpu = time.perf_counter(), time.process_time()
        for result in ex.map(echo, [array] * ARRAYS):
            if not np.array_equal(array, result):
                raise SystemExit("an array came back changed")
        say(f"{ARRAYS} echoed arrays of 1 MiB", time.perf_counter() - begun, "s", target="< 3")
        say("  client CPU per array", (time.process_time() - cpu) / ARRAYS * 1000, "ms")
    say("  client peak RSS", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB", target="< 300")


SECTIONS: dict[str, Callable[[], None]] = {
    section.__name__: section for section in (cold, latency, sequential, bulk, arrays)
}


def main() -> None:
    """Run the sections named, or all."""
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        SECTIONS[sys.argv[2]]()
        return
    for section in sys.argv[1:] or SECTIONS:
        if section not in SECTIONS:
            raise SystemExit(f"no section {section!r}; there are: {', '.join(SECTIONS)}")
        subprocess.run([sys.executable, __file__, "--inside", section], check=True)


if __name__ == "__main__":
    main()
