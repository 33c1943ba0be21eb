"""Count the words of Python's standard library in tasks: a map-reduce over real text that checks itself.

Run it with `python examples/wordcount.py`; `--workers 4` sets the number of worker processes.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

from farpool import Executor, as_completed


def count_words(path: str) -> tuple[Counter[str], int]:
    """Count the words of one file; return the counts and the id of this process. Runs in a worker."""
    import os
    import re
    from collections import Counter
    from pathlib import Path

    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return Counter(re.findall(r"[a-z]{3,}", text.lower())), os.getpid()


def standard_library() -> list[str]:
    """List every Python file of the standard library, but not what was installed beside it."""
    root = Path(sysconfig.get_path("stdlib"))
    apart = {"site-packages", "dist-packages", "test", "tests", "__pycache__"}
    return sorted(str(path) for path in root.rglob("*.py") if not apart & set(path.relative_to(root).parts))


def main() -> int:
    """Count in tasks, print the twenty most common words, and count once more without farpool to compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, help="worker processes (default: one per CPU)")
    arguments = parser.parse_args()
    paths = standard_library()

    begun = time.perf_counter()
    total: Counter[str] = Counter()
    workers: set[int] = set()
    with Executor(max_workers=arguments.workers) as executor:
        futures = [executor.submit(count_words, path) for path in paths]
        for future in as_completed(futures, progress="counting words"):
            words, worker = future.result()
            total.update(words)
            workers.add(worker)
    seconds = time.perf_counter() - begun

    for word, count in total.most_common(20):
        print(f"{count:8,}  {word}")
    print(f"\n{total.total():,} words in {len(futures)} tasks on {len(workers)} workers: {seconds:.2f} s")

    alone: Counter[str] = Counter()
    for path in paths:
        words, _ = count_words(path)
        alone.update(words)
    if total != alone:
        print("counted once more without farpool: the counts differ", file=sys.stderr)
        return 1
    print("counted once more without farpool: the counts are equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
