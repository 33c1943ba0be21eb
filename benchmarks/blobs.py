"""One large array used by many tasks: how often it crosses the wire, how long that takes, and what it costs in memory.

    python benchmarks/blobs.py [megabytes] [tasks]

Prints one JSON line per figure. Memory is that of this program, its peak over what it was with the array in it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import numpy as np

from farpool import Executor
from farpool.client import transport


def main(megabytes: int, tasks: int) -> None:
    """Run it."""
    with Executor(max_workers=2) as ex:
        ex.submit(pow, 2, 2).result()
        array = np.random.default_rng(0).random(megabytes * 1_000_000 // 8)
        expected = float(array[::1000].sum())
        before_kb = peak_kb()
        requests = counted_requests()
        began = time.perf_counter()
        first = ex.submit(strided, array)
        submitted = time.perf_counter()
        first.result()
        tell("first task", seconds=time.perf_counter() - began, submit_s=submitted - began)
        began = time.perf_counter()
        futures = [ex.submit(strided, array) for _ in range(tasks - 1)]
        submitted = time.perf_counter()
        values = [future.result() for future in futures]
        tell("the other tasks", tasks=tasks - 1, seconds=time.perf_counter() - began, submit_s=submitted - began)
        assert values == [expected] * (tasks - 1)
        tell("uploads", count=sum(1 for method in requests if method == "PUT"))
        grown_mb = (peak_kb() - before_kb) / 1024
        tell(
            "peak memory of the client",
            over_the_array_mb=round(grown_mb),
            of_array_size=round((before_kb / 1024 + grown_mb) / (megabytes * 1e6 / 1024**2), 2),
        )
        before_kb = peak_kb()
        began = time.perf_counter()
        result = ex.submit(made, len(array)).result()
        tell(
            "a result of that size",
            seconds=time.perf_counter() - began,
            more_peak_mb=round((peak_kb() - before_kb) / 1024),
            writable=bool(result.flags.writeable),
        )


def strided(values: Any) -> float:
    """Look at the whole array, a little of it."""
    return float(values[::1000].sum())


def made(count: int) -> Any:
    """Make an array."""
    import numpy

    return numpy.ones(count)


def peak_kb() -> int:
    """Give the largest resident size of this program so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def counted_requests() -> list[str]:
    """Note the methods of all requests from here on."""
    methods: list[str] = []
    upload = transport.Pair.upload

    def counted(self: transport.Pair, path: str, body: Any) -> Any:
        methods.append("PUT")
        return upload(self, path, body)

    transport.Pair.upload = counted  # type: ignore[method-assign]  # a benchmark may look
    return methods


def tell(what: str, **figures: object) -> None:
    """Print a figure."""
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps({"what": what, **rounded}))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3] or ("200", "100")))
