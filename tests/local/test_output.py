"""What tasks print on an embedded endpoint: it comes out where the program prints."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from support.environments import clean_environment

pytestmark = pytest.mark.slow

TIMEOUT = 60

Program = Callable[..., list[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables for a program whose stack is in a directory of its own."""
    return clean_environment(TMPDIR=str(tmp_path), FARPOOL_HOME=str(tmp_path / "home"))


def program(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL, check=False
    )


def test_prints_come_out_where_the_program_prints_and_before_the_result(environment: dict[str, str]) -> None:
    done = run(
        program("""
            import subprocess, sys
            from farpool import Executor

            def speak(word):
                print(word, flush=True)
                print(word, "to err is human", file=sys.stderr)
                subprocess.run(["echo", word, "of a child"])

            with Executor(max_workers=1) as one, Executor(max_workers=1) as other:
                one.submit(speak, "apple").result()
                print("then", flush=True)
                other.submit(speak, "pear").result()
        """),
        environment,
    )

    assert done.stdout.splitlines() == ["apple", "apple of a child", "then", "pear", "pear of a child"]
    assert done.stderr.splitlines() == ["apple to err is human", "pear to err is human"]
    assert done.returncode == 0


def test_a_program_without_standard_output_has_its_other_files_left_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    code = """
        import sys
        with open(sys.argv[1], "w") as file:  # gets the number of the missing standard output
            assert file.fileno() == 1
            file.write("mine")
            file.flush()
            from farpool import Executor
            with Executor(max_workers=1) as executor:
                print(executor.submit(print, "elsewhere").result(), file=sys.stderr)
    """
    # A shell closes the descriptor and becomes the program.
    command = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *program(code), str(tmp_path / "file")]

    done = run(command, environment)

    assert (tmp_path / "file").read_text() == "mine"
    assert (done.stdout, done.stderr, done.returncode) == ("", "None\n", 0)


def test_a_program_without_any_standard_stream_runs_tasks(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
        import sys
        from farpool import Executor
        with Executor(max_workers=1) as executor:
            executor.submit(print, "nobody hears").result()
            result = executor.submit(pow, 2, 8).result()
        with open(sys.argv[1], "w") as file:
            file.write(str(result))
    """
    command = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *program(code), str(tmp_path / "file")]

    done = run(command, environment)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert (tmp_path / "file").read_text() == "256"


def test_a_reader_who_has_gone_away_fails_no_task(environment: dict[str, str]) -> None:
    code = """
        import sys
        from farpool import Executor

        def chatter(number):
            for _ in range(1000):
                print("x" * 1000)
            return number

        with Executor(max_workers=1) as executor:
            print("ready", flush=True)
            sys.stdin.readline()  # the reader is gone when this returns
            print([executor.submit(chatter, number).result() for number in range(3)], file=sys.stderr)
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(program(code), env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.close()
        process.stdout = None

        _, errors = process.communicate("go\n", timeout=TIMEOUT)

    assert errors == "[0, 1, 2]\n"
    assert process.returncode == 0


@pytest.mark.parametrize("ending", ["os._exit(0)", "os.kill(os.getpid(), 9)", "sys.exit(0)"])
def test_nobody_keeps_the_programs_pipe_open_after_it(environment: dict[str, str], ending: str) -> None:
    code = f"""
        import os, sys, time
        from farpool import Executor
        if __name__ == "__main__":
            executor = Executor(max_workers=1)
            future = executor.submit(time.sleep, {0.1 if "sys" in ending else 600})
            while not future.running(): time.sleep(0.01)
            print("ends", flush=True)
            {ending}
    """

    done = run(program(code), environment)  # returns at end-of-file, or fails after its timeout

    assert (done.stdout, done.stderr) == ("ends\n", "")


def test_a_redirection_of_the_descriptors_is_followed(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
        import os, sys
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)  # as notebooks do
        os.close(file)
        from farpool import Executor
        with Executor(max_workers=1) as executor:
            executor.submit(print, "apple").result()
    """

    done = run([*program(code), str(tmp_path / "file")], environment)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert (tmp_path / "file").read_text() == "apple\n"


def test_a_crash_of_native_code_is_explained_in_the_endpoints_log_alone(environment: dict[str, str]) -> None:
    code = """
        import ctypes, glob, os
        from farpool import Executor
        with Executor(max_workers=1) as executor:
            print(type(executor.submit(ctypes.string_at, 0).exception()).__name__)
            (log,) = glob.glob(os.path.join(os.environ["TMPDIR"], "farpool-stack-*", "endpoint-1.log"))
            print("Fatal Python error: Segmentation fault" in open(log).read())
    """

    done = run(program(code), environment)

    assert done.stdout.split() == ["WorkerLost", "True"]
    assert done.stderr == ""
