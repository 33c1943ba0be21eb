"""Source lines that only the client has, in the text of a remote traceback."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator
from pathlib import Path
from traceback import FrameSummary

import pytest

from farpool.client.sources import summaries, with_sources
from farpool.serialize.exceptions import Trace

CELL = "/tmp/ipykernel_1/2.py"
SOURCE = ["x = 3\n", "def divide(a):\n", "    return a / 0\n", "halve = lambda a: a / 2\n"]


@pytest.fixture(autouse=True)
def cell() -> Iterator[None]:
    """A notebook cell: no file, but lines that the notebook has told Python of."""
    linecache.cache[CELL] = (len("".join(SOURCE)), None, SOURCE, CELL)
    yield
    del linecache.cache[CELL]


def trace(line: int = 3, name: str = "divide", *, first: int = 2, by_value: bool = True, text: str = "") -> Trace:
    return Trace(FrameSummary(CELL, line, name, lookup_line=False, line=text), first, by_value)


def text_of(*lines: str, line: int = 3, name: str = "divide", margin: str = "") -> str:
    told = [
        "Traceback (most recent call last):",
        f'  File "{CELL}", line {line}, in {name}',
        *lines,
        "ZeroDivisionError",
    ]
    return "\n".join(margin + one for one in told)


@pytest.mark.parametrize("traces", [None, [trace()]])
@pytest.mark.parametrize("margin", ["", "  | ", "    | "])
def test_a_missing_line_is_filled_in(traces: list[Trace] | None, margin: str) -> None:
    assert with_sources(text_of(margin=margin), traces) == text_of("    return a / 0", margin=margin)


def test_a_line_of_another_file_of_that_name_is_replaced() -> None:
    wrong = text_of("    something else", "    ^^^^")

    assert with_sources(wrong, [trace()]) == text_of("    return a / 0")


def test_a_line_that_is_right_keeps_its_marks() -> None:
    right = text_of("    return a / 0", "           ~~^~~")

    assert with_sources(right, [trace()]) == right


@pytest.mark.parametrize("traces", [None, [trace(by_value=False)], []])
def test_lines_of_the_workers_own_modules_stay(traces: list[Trace] | None) -> None:
    theirs = text_of("    something else")

    assert with_sources(theirs, traces) == theirs


@pytest.mark.parametrize(
    ("line", "name", "first"),
    [(3, "other", 1), (99, "divide", 2), (0, "divide", 0), (2, "<lambda>", 1), (-1, "divide", -5)],
)
def test_a_file_that_does_not_hold_the_function_there_is_another_one(line: int, name: str, first: int) -> None:
    text = text_of(line=line, name=name)

    assert with_sources(text, [trace(line, name, first=first)]) == text
    assert with_sources(text, None) == text


def test_lambdas_and_modules_are_found_too() -> None:
    assert "    halve = lambda" in with_sources(text_of(line=4, name="<lambda>"), [trace(4, "<lambda>", first=4)])
    assert "    x = 3" in with_sources(text_of(line=1, name="<module>"), [trace(1, "<module>", first=1)])


def test_a_file_that_is_a_pipe_here_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "stdin"
    os.mkfifo(pipe)
    text = text_of().replace(CELL, str(pipe))

    assert with_sources(text, None) == text


def test_repeated_lines_are_not_disturbed() -> None:
    text = text_of("    return a / 0", "  [Previous line repeated 3 more times]")

    assert with_sources(text, [trace()]) == text


def test_frames_for_programs_have_the_lines_of_the_client() -> None:
    mine, theirs = summaries([trace(text="wrong"), trace(by_value=False, text="theirs")])

    assert (mine.filename, mine.lineno, mine.name, mine.line) == (CELL, 3, "divide", "return a / 0")
    assert theirs.line == "theirs"
