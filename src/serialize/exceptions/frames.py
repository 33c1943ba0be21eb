"""The frames of a traceback as plain data: file, line, function, the line's text, and whose source it is."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from itertools import islice
from traceback import FrameSummary
from types import FrameType, TracebackType
from typing import Any

from .document import MAX_FRAMES, Trace

_LONGEST_LINE = 500


def describe_frames(frames: TracebackType | None) -> list[list[Any]]:
    """Write the frames of a traceback; of a very long one, the outermost and the innermost."""
    count = sum(1 for _ in _walk(frames))
    half = MAX_FRAMES // 2
    told = [_frame(one) for one in islice(_walk(frames), half if count > MAX_FRAMES else None)]
    if count > MAX_FRAMES:
        told += [_frame(one) for one in islice(_walk(frames), count - half, None)]
    return told


def read_frames(told: Any) -> tuple[Trace, ...]:
    """Read what `describe_frames` wrote.

    Raises:
        TypeError, ValueError: it is something else.
    """
    traces: list[Trace] = []
    for file, line, name, text, first_line, by_value in told or ():
        summary = FrameSummary(str(file), int(line), str(name), lookup_line=False, line=str(text or ""))
        traces.append(Trace(summary, int(first_line), bool(by_value)))
    return tuple(traces)


def is_by_value(frame: FrameType) -> bool:
    """Whether a frame's function came with the task: the module that it names is not the one it lives in."""
    name: Any = frame.f_globals.get("__name__")
    if name in {None, "__main__", "__mp_main__"}:
        return True
    return getattr(sys.modules.get(name), "__dict__", None) is not frame.f_globals


def _walk(frames: TracebackType | None) -> Iterator[TracebackType]:
    while frames is not None:
        yield frames
        frames = frames.tb_next


def _frame(one: TracebackType) -> list[Any]:
    code = one.tb_frame.f_code
    # A line number may be missing for code that was made by hand.
    line = one.tb_lineno or 0
    text = linecache.getline(code.co_filename, line, one.tb_frame.f_globals).strip()
    return [code.co_filename, line, code.co_name, text[:_LONGEST_LINE], code.co_firstlineno, is_by_value(one.tb_frame)]
