"""What a thousand short calls cost through each library: `python benchmarks/libraries.py`.

Two workers on the embedded stack, started before the clock is. Figures of one run: quote medians of several. It needs
the dependency group `ecosystem`.
"""

# dask, joblib and Parsl are not typed:
# mypy: disable-error-code="attr-defined,no-untyped-call,no-untyped-def,misc"
# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import dask
import joblib
from dask.local import get_async

from farpool import Executor
from farpool.adapters.joblib import register

CALLS = 1000


def square(number: int) -> int:
    """Square a number."""
    return number * number


def timed(what: str, run: Callable[[], Any]) -> None:
    """Run twice, as the first imports what it needs in the workers; print both times."""
    seconds: list[float] = []
    for _ in range(2):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    print(f"{what:<56} {seconds[0]:>8.2f} s {seconds[1]:>8.2f} s")


def main() -> None:
    """Measure."""
    register()
    calls = [joblib.delayed(square)(number) for number in range(CALLS)]
    graph = dask.delayed(sum)([dask.delayed(square)(number) for number in range(CALLS)])
    print(f"{CALLS} calls{'first':>61}{'then':>11}")
    with Executor(max_workers=2) as ex, ex.pool() as pool:
        ex.submit(square, 2).result()
        timed("ex.map", lambda: list(ex.map(square, range(CALLS))))
        timed("ex.pool().map", lambda: pool.map(square, range(CALLS)))
        timed("ex.pool().imap", lambda: list(pool.imap(square, range(CALLS))))
        with joblib.parallel_config(backend="farpool", executor=ex):
            timed("joblib, batches by itself", lambda: joblib.Parallel()(calls))
            single: Any = {"batch_size": 1}
            timed("joblib, batch_size=1", lambda: joblib.Parallel(**single)(calls))
        with joblib.parallel_config(backend="loky"):
            timed("joblib, its own processes (loky)", lambda: joblib.Parallel(n_jobs=2)(calls))
        timed("dask, scheduler=ex", lambda: graph.compute(scheduler=ex))
        timed("dask, scheduler=ex, chunksize=50", lambda: graph.compute(scheduler=ex, chunksize=50))
        wide = partial(get_async, ex.submit, 64)
        timed("dask, 64 tasks under way", lambda: graph.compute(scheduler=wide))


if __name__ == "__main__":
    main()
