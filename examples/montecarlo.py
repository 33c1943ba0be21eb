"""Estimate pi by throwing darts in tasks, with `as_completed`: the estimate sharpens as results come in.

Run it with `python examples/montecarlo.py`; `--tasks 100 --darts 1000000` makes it more exact.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import as_completed

from farpool import Executor


def throw(darts: int, seed: int) -> int:
    """Count the darts, of so many thrown at a square, that hit the circle in it. Runs in a worker."""
    from random import Random

    random = Random(seed).random
    return sum(random() ** 2 + random() ** 2 <= 1.0 for _ in range(darts))


def main() -> None:
    """Throw, and print the estimate after every tenth of the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--darts", type=int, default=200_000, help="darts per task")
    arguments = parser.parse_args()

    hits = 0
    with Executor() as executor:
        futures = [executor.submit(throw, arguments.darts, seed) for seed in range(arguments.tasks)]
        for done, future in enumerate(as_completed(futures), start=1):
            hits += future.result()
            if done % max(1, arguments.tasks // 10) == 0 or done == arguments.tasks:
                estimate = 4 * hits / (done * arguments.darts)
                print(f"{done:4} tasks  pi is about {estimate:.6f}  (off by {abs(estimate - math.pi):.6f})")


if __name__ == "__main__":
    main()
