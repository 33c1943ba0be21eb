"""CPython's own tests of pools, run against `ex.pool()` on the embedded stack.

Prints one JSON object: how many ran, and what did not pass.
"""

from __future__ import annotations

import io
import json
import unittest
from typing import Any

import test._test_multiprocessing as standard  # CPython's

from farpool import Executor
from farpool.executor.pool.pool import Pool

executors: list[Executor] = []


class FarpoolPool(Pool):
    """Made as `multiprocessing.Pool` is."""

    def __init__(self, processes: int | None = None, initializer: Any = None, initargs: tuple[Any, ...] = ()) -> None:
        workers = 2 if processes is None else processes
        executors.append(Executor(max_workers=workers, initializer=initializer, initargs=initargs))
        super().__init__(executors[-1])


class PoolTest(standard._TestPool, standard.ThreadsMixin, unittest.TestCase):
    Pool = FarpoolPool

    @classmethod
    def setUpClass(cls) -> None:
        cls.pool = cls.Pool(4)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.pool.terminate()
        cls.pool.join()


def main() -> None:
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(PoolTest)
    result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    for executor in executors:
        executor.shutdown()
    failed = {test.id().rpartition(".")[2]: text for test, text in [*result.failures, *result.errors]}
    print(json.dumps({"ran": result.testsRun, "failed": failed}))


if __name__ == "__main__":
    main()
