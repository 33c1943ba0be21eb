"""Source lines of a remote traceback that only the client has: of notebook cells, of `python -c`, of its scripts."""

from __future__ import annotations

import linecache
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from traceback import FrameSummary
from typing import TypeAlias

from ..serialize.cells import name_here
from ..serialize.exceptions import Trace

#: File, line, function: which frame a line of a traceback tells of.
_Place: TypeAlias = tuple[str, int, str]

#: No source is longer, in bytes.
_LARGEST_FILE = 16 * 1024 * 1024

# In a traceback of a group, lines begin with bars.
_FRAME = re.compile(r'(?P<indent>[ |]*  )File "(?P<file>.*)", line (?P<line>\d{1,9}), in (?P<name>.*)')


def with_sources(text: str, traces: Iterable[Trace] | None) -> str:
    """Fill into the text of a traceback the source lines that only this process has.

    Args:
        text: the traceback.
        traces: its frames; None when they are not known. The lines of functions that were sent by value are taken from
            here, those of the worker's modules from the text. Where nothing is known, only missing lines are filled in.
    """
    first_lines = None if traces is None else {_place(one.summary): one.first_line for one in traces if one.by_value}
    # A recursion may tell of one place a thousand times.
    line_of = lru_cache(_line_of)
    lines = text.split("\n")
    filled: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        filled.append(line)
        position += 1
        match = _FRAME.fullmatch(line)
        if match is None:
            continue
        indent = match["indent"] + "  "
        end = position
        while end < len(lines) and lines[end].startswith(indent):
            end += 1
        place = match["file"], int(match["line"]), match["name"]
        there = lines[position:end]
        position = end
        if first_lines is None:
            here = None if there else line_of(place, 1)
        else:
            here = line_of(place, first_lines[place]) if place in first_lines else None
        filled += there if here is None or (there and there[0].strip(" |") == here) else [indent + here]
    return "\n".join(filled)


def summaries(traces: Sequence[Trace]) -> Iterator[FrameSummary]:
    """Give frames for programs to read, with the source lines that are known here."""
    for one in traces:
        place = _place(one.summary)
        line = (_line_of(place, one.first_line) if one.by_value else None) or one.summary.line or ""
        yield FrameSummary(*place, lookup_line=False, line=line)


def _place(frame: FrameSummary) -> _Place:
    return frame.filename, frame.lineno or 0, frame.name


def _lines(file: str) -> list[str]:
    # What is told as a file may be a pipe here (`python /dev/stdin`): reading that would never end.
    if file == "<string>" and file not in linecache.cache and "-c" in sys.orig_argv[:-1]:
        return sys.orig_argv[sys.orig_argv.index("-c") + 1].splitlines(keepends=True)
    return linecache.getlines(file) if file in linecache.cache or _is_readable(file) else []


def _is_readable(file: str) -> bool:
    try:
        about = os.stat(file)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size <= _LARGEST_FILE


def _line_of(place: _Place, first_line: int) -> str | None:
    """Give a line of source, if the function is here where it is said to be: the file may be another one."""
    file, number, name = place
    lines = _lines(name_here(file))
    if not 0 < number <= len(lines):
        return None
    above = lines[max(0, first_line - 1) : number]
    mark = "lambda" if name == "<lambda>" else rf"def\s+{re.escape(name)}\b"
    if not name.isidentifier() and name != "<lambda>":
        mark = ""  # a comprehension, a module
    return lines[number - 1].strip() or None if re.search(mark, "".join(above)) else None
