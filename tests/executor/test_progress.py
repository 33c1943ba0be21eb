"""Progress bars, on a real pseudo-terminal and without one. Each program runs in a process of its own."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.notebook import run_cells

pytestmark = pytest.mark.slow

#: Whoever runs the tests in the background may have them ignore Ctrl-C, and children inherit that.
SETUP = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from concurrent.futures import ThreadPoolExecutor
from farpool import as_completed
from farpool.executor.maps.mapping import mapped, over
from farpool.executor.maps.crew import Crew
from farpool.executor.maps.reduce import map_reduced

threads = ThreadPoolExecutor(2)
crew = Crew.of(threads)

def double(number):
    return 2 * number
"""

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


@dataclass
class Ran:
    code: int
    out: str
    shown: str

    @property
    def last_lines(self) -> list[str]:
        """What stays on the screen, without escape sequences."""
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown)
        return [line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


def run(program: str, *, tty: bool = True, interrupt_at: bytes | None = None) -> Ran:
    """Run a program with standard error on a pseudo-terminal or a pipe; press Ctrl-C when a text is on the screen."""
    command = [sys.executable, "-c", SETUP + textwrap.dedent(program)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        environment.pop(name, None)
    if not tty:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                shown.append(data)
                if interrupt_at and interrupt_at in b"".join(shown) and interrupt_at not in b"".join(shown[:-1]):
                    process.send_signal(signal.SIGINT)
        except OSError:  # the other end is closed
            pass

    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
            reader.join()
    os.close(ours)
    return Ran(process.returncode, out, b"".join(shown).decode())


def test_a_map_shows_how_far_it_is() -> None:
    ran = run("print(sum(mapped(crew, double, over(range(200))[0], count=200, progress=True)))")

    assert (ran.code, ran.out) == (0, "39800\n")
    assert "double" in ran.last_lines[-1]
    assert "200/200" in ran.last_lines[-1]
    assert ran.shown.count(HIDE_CURSOR) == ran.shown.count(SHOW_CURSOR) == 1


def test_a_label_stands_in_front_as_it_is() -> None:
    ran = run("print(sum(mapped(crew, double, over(range(3))[0], progress='[red] x[2]')))")

    assert ran.last_lines[-1].startswith("[red] x[2]")


@pytest.mark.parametrize("chunksize", ["3", "'auto'"])
def test_chunks_count_as_many_calls_as_they_make(chunksize: str) -> None:
    ran = run(f"print(sum(mapped(crew, double, over(range(100))[0], chunksize={chunksize}, progress=True)))")

    assert "100/100" in ran.last_lines[-1]


def test_an_endless_map_shows_what_is_done() -> None:
    ran = run("""
        import itertools
        results = mapped(crew, double, over(itertools.count())[0], buffersize=4, progress=True)
        print([next(results) for _ in range(10)][-1])
        results.close()
    """)

    assert (ran.code, ran.out) == (0, "18\n")
    assert re.search(r"1[0-4]/\?", ran.last_lines[-1])


def test_a_map_reduce_counts_items() -> None:
    ran = run("print(map_reduced(crew, double, over(range(500))[0], max, chunksize=7, progress=True))")

    assert ran.out == "998\n"
    assert "500/500" in ran.last_lines[-1]


def test_as_completed_counts_futures() -> None:
    ran = run("print(len(list(as_completed([threads.submit(double, 1) for _ in range(20)], progress='jobs'))))")

    assert ran.out == "20\n"
    assert ran.last_lines[-1].startswith("jobs")
    assert "20/20" in ran.last_lines[-1]


def test_two_at_once_have_a_line_each() -> None:
    ran = run("""
        one = mapped(crew, double, over(range(10))[0], progress="one")
        two = mapped(crew, double, over(range(20))[0], progress="two")
        print(sum(one) + sum(two))
        print(sum(mapped(crew, double, over(range(30))[0], progress="three")))
    """)

    assert ran.code == 0
    one, two, three = (
        next(line for line in reversed(ran.last_lines) if name in line) for name in ("one", "two", "three")
    )
    assert "10/10" in one
    assert "20/20" in two
    assert "30/30" in three


def test_an_exception_leaves_the_terminal_as_it_was() -> None:
    ran = run("print(sum(mapped(crew, lambda number: 1 / number, over([1, 2, 0, 3])[0], progress='failing')))")

    assert ran.code == 1
    assert ran.shown.count(HIDE_CURSOR) == ran.shown.count(SHOW_CURSOR) == 1
    assert ran.shown.rindex(SHOW_CURSOR) < ran.shown.rindex("Traceback")
    assert "ZeroDivisionError" in ran.last_lines[-1]


def test_a_map_that_is_let_go_of_takes_its_bar_away() -> None:
    ran = run("""
        import os
        for number in mapped(crew, double, over(range(100))[0], progress=True):
            break
        sys.stderr.write("after\\n")
        sys.stderr.flush()
        os._exit(0)  # nothing is tidied up later
    """)

    assert ran.shown.count(HIDE_CURSOR) == ran.shown.count(SHOW_CURSOR) == 1
    assert ran.last_lines[-1] == "after"


def test_a_program_that_ends_with_a_bar_on_the_screen_gets_its_cursor_back() -> None:
    ran = run("""
        import builtins
        builtins.results = mapped(crew, double, over(range(100))[0], progress=True)
        print(next(builtins.results))
    """)

    assert (ran.code, ran.out) == (0, "0\n")
    assert ran.shown.count(HIDE_CURSOR) == ran.shown.count(SHOW_CURSOR) == 1


def test_ctrl_c_leaves_the_terminal_as_it_was() -> None:
    ran = run(
        """
        import threading
        go_on = threading.Event()

        def wait(number):
            if number:
                go_on.wait(60)

        try:
            for _ in mapped(crew, wait, over(range(4))[0], progress=True):
                pass
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\\n")
        go_on.set()
    """,
        interrupt_at=b"1/4",
    )

    assert ran.code == 0
    assert ran.last_lines[-1] == "interrupted"
    assert ran.shown.count(HIDE_CURSOR) == ran.shown.count(SHOW_CURSOR) == 1


def test_what_is_printed_meanwhile_stays_where_it_was_printed_to() -> None:
    ran = run("""
        for number in mapped(crew, double, over(range(3))[0], progress=True):
            print("result", number)
    """)

    assert ran.out == "result 0\nresult 2\nresult 4\n"
    assert "result" not in ran.shown


def test_where_nobody_looks_nothing_is_shown_nor_imported() -> None:
    ran = run(
        """
        print(sum(mapped(crew, double, over(range(100))[0], progress=True)))
        print(len(list(as_completed([threads.submit(double, 1)], progress=True))))
        print(map_reduced(crew, double, over(range(500))[0], max, progress="x"))
        print("rich" in sys.modules)
    """,
        tty=False,
    )

    assert (ran.code, ran.shown) == (0, "")
    assert ran.out == "9900\n1\n998\nFalse\n"


def test_a_program_without_standard_error_still_runs() -> None:
    ran = run("sys.stderr = None\nprint(sum(mapped(crew, double, over(range(3))[0], progress=True)))")

    assert (ran.code, ran.out) == (0, "6\n")


@pytest.mark.live
@pytest.mark.timeout(600)
def test_in_a_notebook_the_bar_is_in_the_output_of_the_cell(tmp_path: Path) -> None:
    cell = SETUP + "\nprint(sum(mapped(crew, double, over(range(200))[0], count=200, progress=True)))\n"

    [printed] = run_cells([cell], tmp_path)

    last = re.sub(r"\x1b\[[0-9;]*m", "", printed).split("\n")[-3]
    assert printed.endswith("\n39800\n")
    assert last.startswith("double")
    assert "200/200" in last
    assert "ipywidgets" not in printed
