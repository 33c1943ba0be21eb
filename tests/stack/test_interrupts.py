"""Ctrl-C and the end of the interpreter with tasks pending: real programs, interrupted by a signal as from a terminal.

The tasks sleep for a minute; what is to be quick is measured against that, so that a busy machine does not matter.
"""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from farpool import Client, Executor
from farpool.local import StackLease
from support.environments import clean_environment

pytestmark = pytest.mark.slow

#: Far below the minute that each of the tasks sleeps.
QUICK_S = 20.0

#: Whoever runs the tests in the background may have them ignore Ctrl-C, and children inherit that.
PREAMBLE = """
import os, signal, sys, threading, time, traceback
signal.signal(signal.SIGINT, signal.default_int_handler)
from farpool import Executor

def begun(futures):
    while not any(future.running() for future in futures):
        time.sleep(0.01)
    if "THERE" in os.environ:
        threading.Thread(target=tell_when_there).start()
    else:
        print("ready", flush=True)

def tell_when_there():
    # Ready when the main thread has come to where it is to be interrupted: the test names a line or a function of it.
    there, main = os.environ["THERE"], threading.main_thread().ident
    while there not in "".join(traceback.format_stack(sys._current_frames()[main])):
        time.sleep(0.01)
    print("ready", flush=True)
"""


class Program:
    """A program in a session of its own, as a terminal starts it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        assert process.stdout is not None
        self._stdout: IO[bytes] = process.stdout

    def wait_ready(self) -> list[psutil.Process]:
        """Wait for its first line; give all that it started."""
        assert self._stdout.readline() == b"ready\n"
        return psutil.Process(self.pid).children(recursive=True)

    def read_line(self) -> str:
        return self._stdout.readline().decode().rstrip()

    def read_error_line(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.readline().decode()

    def press_ctrl_c(self) -> None:
        os.killpg(self.pid, signal.SIGINT)

    def wait(self) -> tuple[int, str, str, float]:
        """Wait for its end; give its exit code, what it printed to stdout and stderr, and the seconds it took."""
        began = time.monotonic()
        out, errors = self._process.communicate(timeout=60)
        return self._process.returncode, out.decode(), errors.decode(), time.monotonic() - began


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables for a program whose stack is in a directory of its own."""
    return clean_environment(TMPDIR=str(tmp_path), FARPOOL_HOME=str(tmp_path / "home"))


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    starter = Start(environment, tmp_path / "program.py")
    yield starter
    starter.close()


class Start:
    """Starts programs; what a test that failed left of them is ended."""

    def __init__(self, environment: dict[str, str], script: Path) -> None:
        self._environment = environment
        self._script = script
        self._processes: list[subprocess.Popen[bytes]] = []

    def __call__(self, code: str, **more: str) -> Program:
        self._script.write_text(PREAMBLE + textwrap.dedent(code))
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, str(self._script)],
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,  # what `readline` has not asked for stays there for `communicate`
            env={**self._environment, **more},
            start_new_session=True,
        )
        self._processes.append(process)
        return Program(process)

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def assert_only_the_users_traceback(errors: str, innermost: str) -> None:
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    assert innermost in errors


def assert_gone(processes: list[psutil.Process], tmp_path: Path) -> None:
    _, alive = psutil.wait_procs(processes, timeout=QUICK_S)
    assert [one.cmdline() for one in alive] == []
    assert len(processes) >= 3, "service, agent and a worker at least"
    assert list(tmp_path.glob("farpool-stack-*")) == []


PENDING = """
    with Executor(max_workers=2) as executor:
        futures = [executor.submit(time.sleep, 60) for _ in range(20)]
        begun(futures)
        {then}
"""


@pytest.mark.parametrize(
    ("then", "innermost"),
    [
        ("futures[0].result()", "futures[0].result()"),
        ("for _ in executor.map(time.sleep, [60] * 20): pass", "executor.map"),
        ("threading.Event().wait()", "threading.Event().wait()"),
        ("", "__exit__"),
    ],
    ids=["in result", "in a map", "in the body", "while with waits"],
)
def test_ctrl_c_cancels_everything_and_ends_the_stack(start: Start, tmp_path: Path, then: str, innermost: str) -> None:
    program = start(PENDING.format(then=then), THERE=innermost)
    stack = program.wait_ready()

    program.press_ctrl_c()
    code, out, errors, seconds = program.wait()

    assert code == -signal.SIGINT
    assert_only_the_users_traceback(errors, innermost)
    assert out == ""
    assert seconds < QUICK_S
    assert_gone(stack, tmp_path)


def test_a_second_ctrl_c_does_no_harm(start: Start, tmp_path: Path) -> None:
    program = start(PENDING.format(then="futures[0].result()"))
    stack = program.wait_ready()

    program.press_ctrl_c()
    with contextlib.suppress(ProcessLookupError):  # it was quicker
        program.press_ctrl_c()
    code, _, errors, seconds = program.wait()

    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert "Exception ignored" not in errors
    assert seconds < QUICK_S
    assert_gone(stack, tmp_path)


def test_ctrl_c_while_the_stack_starts_leaves_nothing(start: Start, tmp_path: Path) -> None:
    program = start("""
        with Executor(max_workers=2) as executor:
            def tell():
                while not any(one.startswith("farpool-stack") for one in os.listdir(os.environ["TMPDIR"])):
                    time.sleep(0.01)
                print("ready", flush=True)
            threading.Thread(target=tell).start()
            executor.submit(time.sleep, 60).result()
    """)
    program.wait_ready()

    program.press_ctrl_c()
    code, _, errors, seconds = program.wait()

    assert code == -signal.SIGINT
    assert_only_the_users_traceback(errors, "executor.submit(time.sleep, 60)")
    assert seconds < QUICK_S
    assert list(tmp_path.glob("farpool-stack-*")) == []


def test_after_ctrl_c_the_program_may_go_on(start: Start) -> None:
    program = start("""
        other = Executor(max_workers=1)
        try:
            with Executor(max_workers=1) as executor:
                futures = [executor.submit(time.sleep, 60) for _ in range(5)]
                begun(futures)
                futures[-1].result()
        except KeyboardInterrupt:
            print([future.cancelled() for future in futures])
            print(other.submit(pow, 2, 5).result())  # on the worker that one of them kept busy
            other.shutdown()
    """)
    program.wait_ready()

    program.press_ctrl_c()
    code, out, errors, seconds = program.wait()

    assert (code, errors) == (0, "")
    assert out.splitlines() == [str([True] * 5), "32"]
    assert seconds < QUICK_S


def test_ctrl_c_calls_tasks_off_at_a_service_that_stays(stack: StackLease, client: Client, start: Start) -> None:
    program = start(
        """
        import logging
        requests = []
        from farpool.client import Client
        plain = Client.cancel_tasks
        def counted(self, task_ids, **more):
            requests.append(len(task_ids))
            return plain(self, task_ids, **more)
        Client.cancel_tasks = counted  # counts; the request is made
        try:
            with Executor() as executor:
                futures = [executor.submit(time.sleep, 60) for _ in range(20)]
                while not all(future.task_id for future in futures):
                    time.sleep(0.01)
                begun(futures)
                threading.Event().wait()
        except KeyboardInterrupt:
            print(executor.task_group_id, requests)
        """,
        FARPOOL_SERVICE_URL=stack.service_url,
        FARPOOL_TOKEN=stack.token,
        FARPOOL_ENDPOINT_ID=stack.endpoint_id,
    )
    program.wait_ready()

    program.press_ctrl_c()
    code, out, errors, _ = program.wait()
    group, requests = out.split(maxsplit=1)

    assert (code, errors, requests) == (0, "", "[20]\n")
    with Executor(max_workers=2) as executor:  # its workers are free again
        assert executor.submit(pow, 2, 5).result(QUICK_S) == 32
    deadline = time.monotonic() + QUICK_S
    statuses = {"unknown"}
    while statuses != {"cancelled"} and time.monotonic() < deadline:
        documents = client.get_batch_status(client.get_task_group(group))
        statuses = {document.status for document in documents.values()}
    assert statuses == {"cancelled"}


def test_another_exception_waits_for_the_tasks(start: Start) -> None:
    program = start("""
        try:
            with Executor(max_workers=1) as executor:
                future = executor.submit(time.sleep, 0.5)
                raise ValueError("mine")
        except ValueError:
            print(future.done(), future.cancelled())
    """)

    assert program.wait()[:3] == (0, "True False\n", "")


FORGOTTEN = """
    executor = Executor(max_workers=2, on_exit="{policy}")
    futures = [executor.submit(time.sleep, {sleep}) for _ in range({tasks})]
    begun(futures)
"""


def test_an_exit_with_pending_tasks_says_once_what_it_waits_for(start: Start) -> None:
    program = start(FORGOTTEN.format(policy="wait", sleep=6, tasks=2))
    program.wait_ready()

    code, _, errors, _ = program.wait()

    assert code == 0
    assert errors == "farpool: waiting for 2 tasks before the program exits; Ctrl-C cancels\n"


def test_ctrl_c_ends_the_wait_at_exit(start: Start, tmp_path: Path) -> None:
    program = start(FORGOTTEN.format(policy="wait", sleep=60, tasks=1))
    stack = program.wait_ready()
    assert "waiting for 1 task before" in program.read_error_line()

    program.press_ctrl_c()
    _, _, errors, seconds = program.wait()

    assert errors == ""
    assert seconds < QUICK_S
    assert_gone(stack, tmp_path)


def test_ctrl_c_that_nobody_catches_does_not_wait_at_exit(start: Start, tmp_path: Path) -> None:
    program = start(
        FORGOTTEN.format(policy="wait", sleep=60, tasks=20) + "    futures[0].result()\n", THERE="futures[0].result()"
    )
    stack = program.wait_ready()

    program.press_ctrl_c()
    code, _, errors, seconds = program.wait()

    assert code == -signal.SIGINT
    assert_only_the_users_traceback(errors, "futures[0].result()")
    assert seconds < QUICK_S
    assert_gone(stack, tmp_path)


def test_an_exit_cancels_where_it_is_told_to(start: Start, tmp_path: Path) -> None:
    program = start(FORGOTTEN.format(policy="cancel", sleep=60, tasks=20) + "    print('end', flush=True)\n")
    stack = program.wait_ready()

    code, out, errors, seconds = program.wait()

    assert (code, out, errors) == (0, "end\n", "")
    assert seconds < QUICK_S
    assert_gone(stack, tmp_path)


def test_an_exit_leaves_tasks_at_the_service_where_it_is_told_to(stack: StackLease, start: Start) -> None:
    program = start(
        """
        executor = Executor(on_exit="detach")
        futures = [executor.submit(pow, number, 2) for number in range(3)]
        futures.append(executor.submit(time.sleep, 3))
        while executor.task_group_id is None:
            time.sleep(0.01)
        print(executor.task_group_id, flush=True)
        futures += [executor.submit(pow, number, 2) for number in range(3, 300)]  # may not be sent yet
        """,
        FARPOOL_SERVICE_URL=stack.service_url,
        FARPOOL_TOKEN=stack.token,
        FARPOOL_ENDPOINT_ID=stack.endpoint_id,
    )
    group = program.read_line()

    code, _, errors, _ = program.wait()

    assert (code, errors) == (0, "")
    with (
        Client(service_url=stack.service_url, token=stack.token) as client,
        Executor(endpoint_id=stack.endpoint_id, client=client) as executor,
    ):
        results = [future.result(60) for future in executor.reload_tasks(group)]
    assert sorted(result for result in results if result is not None) == [number**2 for number in range(300)]
    assert results.count(None) == 1


def test_the_embedded_stack_cannot_be_detached_from(stack: StackLease) -> None:
    with pytest.raises(ValueError, match="the embedded one ends with the program"):
        Executor("local", on_exit="detach")
    executor = Executor(on_exit="detach")
    with pytest.raises(ValueError, match="the embedded one ends with the program"):
        executor.submit(pow, 2, 2)
    with pytest.raises(ValueError, match="the embedded one ends with the program"):
        executor.endpoint_id = "local"


@pytest.mark.parametrize("value", ["later", None, 1])
def test_another_way_to_exit_is_refused_at_once(value: str) -> None:
    with pytest.raises(ValueError, match=f"on_exit must be 'wait', 'cancel' or 'detach', not {value!r}"):
        Executor(on_exit=value)


def test_ctrl_c_at_a_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PREAMBLE + textwrap.dedent(PENDING.format(then="futures[0].result()")))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, str(script)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"ready" not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, b"\x03")
    with contextlib.suppress(OSError):  # EIO: the last to have the terminal open has gone
        while piece := os.read(ours, 1024):
            shown += piece
    os.close(ours)

    assert process.wait(60) == -signal.SIGINT
    assert shown.decode().replace("\r", "").endswith("\nKeyboardInterrupt\n")
    assert shown.count(b"Traceback") == 1


#: Makes the terminal that is its standard input its controlling one, and becomes the program.
CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, sys.argv[1]])
"""


def test_ctrl_c_in_asyncio_code_cancels_everything_too(start: Start, tmp_path: Path) -> None:
    program = start("""
        import asyncio

        async def main():
            async with Executor(max_workers=2) as executor:
                futures = [executor.submit(time.sleep, 60) for _ in range(20)]
                while not futures[0].running():
                    await asyncio.sleep(0.01)
                gathered = asyncio.gather(*futures)
                # Behind the first steps of what awaits them: asyncio would cancel these without a word to the futures.
                asyncio.get_running_loop().call_soon(lambda: print("ready", flush=True))
                try:
                    await gathered
                finally:
                    print(all(future.cancelled() for future in futures))

        asyncio.run(main())
    """)
    stack = program.wait_ready()

    program.press_ctrl_c()
    code, out, errors, seconds = program.wait()

    assert (code, out) == (-signal.SIGINT, "True\n")
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert seconds < QUICK_S
    assert_gone(stack, tmp_path)
