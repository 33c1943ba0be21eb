"""The real stack: shared by its program, gone with its program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from farpool import Client, Executor
from farpool.local import StackLease, acquire, default_workers
from support.environments import clean_environment

pytestmark = pytest.mark.slow

WAIT_S = 20.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables for a program whose stack is in a directory of its own."""
    return clean_environment(TMPDIR=str(tmp_path), FARPOOL_HOME=str(tmp_path / "home"))


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(environment: dict[str, str]) -> Iterator[Run]:
    """Starts programs; what a test that failed left of them is ended."""
    programs: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
        programs.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
        )
        return programs[-1]

    yield start
    for program in programs:
        if program.poll() is None:
            finish(program)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def stack_of(program: subprocess.Popen[str]) -> list[psutil.Process]:
    """All that the program started: service, agent, what the agent started, and their children."""
    return psutil.Process(program.pid).children(recursive=True)


def test_leases_share_the_service_and_the_agent_of_their_number_of_workers(private_tmp: Path) -> None:
    leases: list[StackLease] = []

    def take(workers: int) -> None:
        leases.append(acquire(workers))

    threads = [threading.Thread(target=take, args=(workers,)) for workers in (1, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    endpoints = {lease.max_workers: lease.endpoint_id for lease in leases}
    assert len({lease.service_url for lease in leases}) == 1
    assert len({lease.endpoint_id for lease in leases}) == 2
    assert all(endpoints[lease.max_workers] == lease.endpoint_id for lease in leases)
    with Client(service_url=leases[0].service_url, token=leases[0].token) as client:
        assert all(client.get_endpoint_status(one)["status"] == "online" for one in endpoints.values())
    for lease in leases:
        lease.release()
    assert list(private_tmp.glob("farpool-stack-*")) == []


def test_as_many_workers_as_cpus_by_default(private_tmp: Path) -> None:
    lease = acquire()

    assert lease.max_workers == default_workers() == len(os.sched_getaffinity(0))

    lease.release()


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_an_error(workers: int) -> None:
    with pytest.raises(ValueError, match=f"max_workers must be greater than 0, not {workers}"):
        acquire(workers)


def test_a_new_stack_follows_one_that_is_over(private_tmp: Path) -> None:
    first = acquire(1)
    first.release()
    second = acquire(1)
    second.check()

    assert second.service_url != first.service_url or second.token != first.token

    second.release()


def test_the_death_of_the_service_is_told_and_the_next_stack_is_a_new_one(private_tmp: Path) -> None:
    lease = acquire(1)
    told = threading.Event()
    lease.on_death(lambda _error: told.set())
    commands = {one: " ".join(one.cmdline()) for one in psutil.Process().children()}
    (service,) = (one for one, command in commands.items() if " serve " in command and str(private_tmp) in command)

    service.kill()

    assert told.wait(WAIT_S)
    again = acquire(1)
    assert again.token != lease.token
    lease.release()
    again.release()


def test_workers_import_what_the_program_can_import(run: Run, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "neighbour.py").write_text("def greet(name): return 'hello ' + name\n")
    code = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import neighbour
        from farpool import Executor
        with Executor(max_workers=1) as executor:
            print(executor.submit(neighbour.greet, "there").result())
    """
    program = run(code, str(modules))

    assert first_line(program) == "hello there"

    program.communicate()
    assert program.returncode == 0


def test_a_task_may_print_as_much_as_it_likes(private_tmp: Path) -> None:
    with Executor(max_workers=1) as executor:
        assert executor.submit(print, "x" * 1_000_000).result(WAIT_S) is None


PROGRAM = """
    import os, signal, sys
    from farpool import Executor
    executor = Executor(max_workers=2)
    busy = [executor.submit(signal.pause) for _ in range(2)]
    executor.submit(pow, 2, 3)
    while not all(future.running() for future in busy): pass
    if "fork" in sys.argv and os.fork() == 0:
        signal.pause()
    print("ready", flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("kind", ["alone", "fork"])
def test_no_process_and_no_file_stays_when_the_program_is_killed(run: Run, tmp_path: Path, kind: str) -> None:
    program = run(PROGRAM, kind)
    assert first_line(program) == "ready"
    stack = [one for one in stack_of(program) if one.cmdline() != psutil.Process(program.pid).cmdline()]
    directories = list(tmp_path.glob("farpool-stack-*"))

    program.kill()

    _, alive = psutil.wait_procs(stack, timeout=WAIT_S)
    survivors = [one.cmdline() for one in alive]
    if kind == "fork":
        os.killpg(program.pid, signal.SIGKILL)  # fails if the forked child had gone
    program.communicate()
    assert survivors == []
    assert len(stack) >= 4, "service, agent and two workers at least"
    assert len(directories) == 1
    assert list(tmp_path.glob("farpool-stack-*")) == []


def test_where_there_is_no_pidfd_the_end_of_the_program_is_seen_all_the_same(run: Run, tmp_path: Path) -> None:
    code = """
        import signal, sys
        from farpool.local.stack import Stack
        command = "import os; del os.pidfd_open; from farpool.cli import main; main()"
        stack = Stack([sys.executable, "-c", command])
        agent = stack.enter(1)
        agent.child.wait_announced()
        print("ready", flush=True)
        signal.pause()
    """
    program = run(code)
    assert first_line(program) == "ready"
    stack = stack_of(program)

    finish(program)

    _, alive = psutil.wait_procs(stack, timeout=WAIT_S)
    assert [one.cmdline() for one in alive] == []
    assert len(stack) >= 3, "service, agent and a worker at least"
    assert list(tmp_path.glob("farpool-stack-*")) == []


def test_nothing_stays_when_the_program_forgets_to_shut_down(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
        from farpool import Executor
        executor = Executor(max_workers=1)
        print(executor.submit(pow, 2, 3).result(), flush=True)
        input()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as program:
        assert first_line(program) == "8"
        stack = stack_of(program)
        program.communicate("\n")

    assert program.returncode == 0
    assert not any(one.is_running() for one in stack)
    assert list(tmp_path.glob("farpool-stack-*")) == []


def test_ctrl_c_in_the_terminal_leaves_the_stack_alone(run: Run) -> None:
    code = """
        import os, signal
        from farpool import Executor
        # Whoever runs the tests in the background may have them ignore Ctrl-C, and children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with Executor(max_workers=1) as executor:
            executor.submit(pow, 2, 3).result()
            try:
                os.killpg(0, signal.SIGINT)
                signal.pause()
            except KeyboardInterrupt:
                print(executor.submit(pow, 2, 4).result(), flush=True)
    """
    program = run(code)

    assert first_line(program) == "16"

    program.communicate()
    assert program.returncode == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_gets_a_stack_of_its_own(private_tmp: Path) -> None:
    lease = acquire(1)
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        try:
            own = acquire(1)
            os.write(writing, own.service_url.encode())
            own.release()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading) as stream:
        theirs = stream.read()

    assert theirs.startswith("http://127.0.0.1:")
    assert theirs != lease.service_url
    lease.check()
    lease.release()
