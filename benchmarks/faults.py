"""1,000 random faults between an executor and a real stack, while tasks are submitted all along.

    PYTHONPATH=tests python benchmarks/faults.py [--faults 1000] [--seed 4]
    PYTHONPATH=tests python benchmarks/faults.py --away 300

The second has the service and its broker away for five minutes, while 100 tasks finish.

Ends with an error unless every future has its right result, no task ran twice, and the executor works afterwards.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from support.storm import away, weather


def main() -> None:
    """Run it once and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--away", type=float)
    asked = parser.parse_args()
    if asked.away is not None:
        with tempfile.TemporaryDirectory() as directory:
            right, late_s = away(Path(directory), seconds=asked.away)
        print(f"away for {asked.away:g} s: {right} of 100 results are right, the last {late_s:.2f} s after the return")
        return
    with tempfile.TemporaryDirectory() as directory:
        begun = time.perf_counter()
        left = weather(Path(directory), seed=asked.seed, faults=asked.faults, clocks=True)
        took = time.perf_counter() - begun
    for fault, count in sorted(left.faults.items()):
        print(f"{count:>6} {fault}")
    print(f"{left.faults.total():,} faults, seed {asked.seed}, {left.tasks:,} tasks, in {took:.0f} s")
    print(f"{left.unresolved} unresolved, {left.wrong} wrong, {left.twice} ran twice, {left.never} never ran")
    print(f"errors {dict(left.errors)}; usable afterwards: {left.usable}")
    for stats in left.stats:
        print(f"{stats.retries} retries, {stats.resubmissions} resubmissions, {stats.reconnects} reconnects")
    bad = left.unresolved + left.wrong + left.twice + left.never + left.errors.total()
    if bad or not left.usable:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
