"""10,000 tasks while the service is killed twice and the result connection is cut five times.

    PYTHONPATH=tests python benchmarks/chaos.py

Ends with an error unless every result is right.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from support.chaos import run_through

TASKS = 10_000


def main() -> None:
    """Run it once and print what came of it."""
    with tempfile.TemporaryDirectory() as directory:
        begun = time.perf_counter()
        aftermath = run_through(Path(directory), tasks=TASKS, kills=2, cuts=5)
        took = time.perf_counter() - begun
    print(f"{aftermath.right:,} right, {aftermath.wrong} wrong, errors {aftermath.errors}, in {took:.1f} s")
    print(f"{aftermath.connections} result connections")
    if aftermath.right != TASKS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
