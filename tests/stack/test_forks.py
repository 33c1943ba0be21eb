"""Executors in processes that were forked, and in those of multiprocessing: real programs, each with its own stack."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from farpool import Client, Executor
from farpool.local import StackLease
from support.environments import clean_environment

TIMEOUT = 100

#: Programs fork while threads run: what Python 3.12 and later warn of is what is tested.
WARNINGS = "ignore:This process:DeprecationWarning"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program from a file, as multiprocessing needs it; its stack is in a directory of its own."""
    environment = clean_environment(
        TMPDIR=str(tmp_path), FARPOOL_HOME=str(tmp_path / "home"), PYTHONWARNINGS=WARNINGS, PYTHONUNBUFFERED="1"
    )

    def start(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(code))
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return start


FORK = """
    import os, sys, time
    from farpool import Executor

    with Executor(max_workers=2) as executor:
        done = executor.submit(pow, 2, 2)
        done.result()
        pending = executor.submit(time.sleep, 1)
        results = executor.map(time.sleep, [1])
        child = os.fork()
        if child == 0:
            print("done before the fork:", done.result())
            for ask in (pending.result, pending.exception, lambda: next(results)):
                try:
                    print(ask())
                except RuntimeError as error:
                    print("RuntimeError:", str(error).split(" forked")[0])
            print("its own:", executor.submit(pow, 2, 5).result(), list(executor.map(pow, [2, 3], [2, 2])))
            if os.fork() == 0:
                print("of the grandchild:", executor.submit(pow, 2, 6).result())
                sys.exit(7)
            print("grandchild:", os.wait()[1] >> 8)
            {ending}
        print("child:", os.waitpid(child, 0)[1] >> 8)
        print("its parent's:", executor.submit(pow, 3, 3).result(), pending.result(), list(results))
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["os._exit(3)", "sys.exit(3)", "raise SystemExit(3)"])
def test_a_forked_child_uses_the_executor_and_its_parent_goes_on(run: Run, tmp_path: Path, ending: str) -> None:
    done = run(FORK.format(ending=ending))

    assert done.stdout.splitlines() == [
        "done before the fork: 4",
        *["RuntimeError: this Future was made before the process"] * 3,
        "its own: 32 [4, 9]",
        "of the grandchild: 64",
        "grandchild: 7",
        "child: 3",
        "its parent's: 27 None [None]",
    ], done.stderr
    assert done.stderr == ""
    assert list(tmp_path.glob("farpool-stack-*")) == []


@pytest.mark.slow
def test_a_fork_while_threads_submit_leaves_no_lock_held(run: Run) -> None:
    done = run("""
        import faulthandler, os, sys, threading
        from farpool import Executor

        def keep_busy(executor, number):
            while not stop.is_set():
                executor.submit(pow, number, 2).result()
                executor.stats()
                executor.label = str(number)

        stop = threading.Event()
        with Executor(max_workers=2) as executor:
            executor.submit(pow, 2, 2).result()  # a fork while modules are imported is more than Python can stand
            threads = [threading.Thread(target=keep_busy, args=(executor, number)) for number in range(4)]
            for thread in threads:
                thread.start()
            codes = []
            for _ in range(15):
                child = os.fork()
                if child == 0:
                    faulthandler.dump_traceback_later(60, exit=True)
                    executor.label = "child"
                    future = executor.submit(pow, 2, 5)
                    executor.register_function(len)
                    result = future.result(50)
                    executor.shutdown()
                    os._exit(result)
                codes.append(os.waitpid(child, 0)[1] >> 8)
            stop.set()
            for thread in threads:
                thread.join()
        print(codes)
    """)

    assert done.stdout == f"{[32] * 15}\n", done.stderr
    assert done.stderr == ""


@pytest.mark.slow
def test_a_child_that_forks_before_the_first_submit_has_a_stack_of_its_own(run: Run) -> None:
    done = run("""
        import os
        from farpool import Executor

        executor = Executor(max_workers=1)
        child = os.fork()
        if child == 0:
            print(executor.submit(os.getppid).result() != os.getppid())
            executor.shutdown()
            os._exit(0)
        os.waitpid(child, 0)
        print(executor.submit(pow, 3, 3).result())
        executor.shutdown()
    """)

    assert (done.stdout, done.stderr) == ("True\n27\n", "")


@pytest.mark.slow
def test_a_child_that_outlives_its_parents_stack_is_told(run: Run) -> None:
    done = run("""
        import os, sys, time
        from farpool import Executor

        executor = Executor(max_workers=1)
        executor.submit(pow, 2, 2).result()
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            executor.submit(pow, 2, 2).result()
            future = executor.submit(time.sleep, 600)
            while not future.running(): time.sleep(0.01)
            os.write(theirs, b"runs")
            try:
                future.result(60)
            except Exception as error:
                print(type(error).__name__, "has ended: this process is a forked child" in str(error), flush=True)
            os._exit(0)
        os.close(theirs)
        assert os.read(ours, 4) == b"runs"
        executor.shutdown()
        os.waitpid(child, 0)
    """)

    assert (done.stdout.splitlines()[-1], done.stderr) == ("BrokenExecutor True", "")


CHILDREN = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    from farpool import Executor

    class Point:
        def __init__(self, x):
            self.x = x

        def squared(self):
            return Point(helper(self.x))

    def helper(x):
        return x * x

    def square(point):
        return point.squared()

    def child(queue, number):
        with Executor(max_workers=1) as executor:
            queue.put(executor.submit(square, Point(number)).result(60).x)

    def pooled(number):
        with Executor(max_workers=1) as executor:
            return [point.x for point in executor.map(square, map(Point, range(number)))]

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with Executor(max_workers=1) as executor:
            print(executor.submit(square, Point(3)).result().x)
            queue = context.Queue()
            processes = [context.Process(target=child, args=(queue, number)) for number in (2, 3)]
            for process in processes:
                process.start()
            print(sorted(queue.get(timeout=90) for _ in processes))
            for process in processes:
                process.join()
            print([process.exitcode for process in processes])
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                print(list(pool.map(pooled, [3, 4])))
            print(executor.submit(square, Point(4)).result().x)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_have_executors_of_their_own(run: Run, tmp_path: Path, method: str) -> None:
    done = run(CHILDREN, method)

    assert done.stdout.splitlines() == ["9", "[4, 9]", "[0, 0]", "[[0, 1, 4], [0, 1, 4, 9]]", "16"], done.stderr
    assert done.stderr == ""
    assert list(tmp_path.glob("farpool-stack-*")) == []


@pytest.mark.slow
def test_children_of_multiprocessing_use_an_executor_that_they_inherit(run: Run) -> None:
    done = run("""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from farpool import Executor

        def inherit(number):
            return executor.submit(pow, number, 2).result(60)

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            with Executor(max_workers=1) as executor:
                executor.submit(pow, 2, 2).result()
                with context.Pool(2) as pool, ProcessPoolExecutor(2, mp_context=context) as other:
                    print(pool.map(inherit, range(6)), list(other.map(inherit, range(6))))
                print(executor.submit(pow, 3, 3).result())
    """)

    assert (done.stdout, done.stderr) == (f"{[0, 1, 4, 9, 16, 25]} {[0, 1, 4, 9, 16, 25]}\n27\n", "")


@pytest.mark.slow
def test_a_process_of_multiprocessing_ends_with_its_tasks_done_although_it_never_shut_down(run: Run) -> None:
    done = run("""
        import multiprocessing
        from farpool import Executor

        def child():
            executor = Executor(max_workers=1)
            executor.submit(pow, 2, 8).add_done_callback(lambda future: print(future.result(), flush=True))

        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                process = multiprocessing.get_context(method).Process(target=child)
                process.start()
                process.join()
                print(process.exitcode, flush=True)
    """)

    assert (done.stdout, done.stderr) == ("256\n0\n256\n0\n", "")


@pytest.mark.filterwarnings(WARNINGS)
def test_a_client_that_was_given_is_used_in_the_child_too(stack: StackLease) -> None:
    with (
        Client(service_url=stack.service_url, token=stack.token) as client,
        Executor(endpoint_id=stack.endpoint_id, client=client) as executor,
    ):
        executor.submit(pow, 2, 2).result(TIMEOUT)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = executor.submit(pow, 2, 5).result(TIMEOUT)
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] >> 8 == 32
        assert executor.submit(pow, 3, 2).result(TIMEOUT) == 9


@pytest.mark.filterwarnings(WARNINGS)
def test_wait_and_as_completed_do_not_hang_on_the_parents_futures(stack: StackLease) -> None:
    with Executor(max_workers=2) as executor:
        pending = executor.submit(time.sleep, 0.5)
        held = threading.Event()
        locked = threading.Event()

        def hold() -> None:
            with pending._condition:  # pyright: ignore[reportPrivateUsage]
                locked.set()
                held.wait(TIMEOUT)

        holder = threading.Thread(target=hold)
        holder.start()
        locked.wait(TIMEOUT)
        child = os.fork()
        if child == 0:
            import concurrent.futures

            code = 1
            try:
                done, waiting = concurrent.futures.wait([pending], timeout=20)
                first = next(iter(concurrent.futures.as_completed([pending], timeout=20)))
                code = 42 if done == {pending} and not waiting and first is pending and pending.done() else 2
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] >> 8 == 42
        held.set()
        holder.join()
        assert pending.result(TIMEOUT) is None
