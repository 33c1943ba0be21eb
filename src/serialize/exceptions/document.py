"""The document of an exception: its keys, its bounds, and what is read out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from traceback import FrameSummary
from typing import Any, TypeAlias

#: What a document looks like to JSON.
Node: TypeAlias = dict[str, Any]

#: Written into each document; a reader leaves documents of other versions alone.
VERSION = 1

#: The most characters of a document, about.
MAX_CHARS = 4 * 1024 * 1024

#: The most exceptions in a document: those of an endless chain, and of a group with very many members, are cut off.
MAX_NODES = 1000

#: The most characters of what one exception says, and of one argument that had to be cut.
MAX_TEXT_CHARS = 64 * 1024

#: The most frames told of one exception.
MAX_FRAMES = 100

#: Stands for an exception that was cut off.
CUT_OFF = -1


@dataclass(frozen=True, slots=True)
class Trace:
    """One frame of a remote traceback.

    Attributes:
        summary: file, line, function, and the line's text where the worker knew it.
        first_line: where the function begins.
        by_value: whether the function came with the task, so that its source is the client's and not the worker's.
    """

    summary: FrameSummary
    first_line: int
    by_value: bool


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """An exception that was put together again.

    Attributes:
        error: the exception.
        left_out: what of it could not be sent or read, by name.
        text: what it said where it was raised.
        traces: its frames, outermost first.
        others: the frames of the exceptions it is chained to.
    """

    error: BaseException
    left_out: tuple[str, ...] = ()
    text: str | None = None
    traces: Sequence[Trace] = field(default=())
    others: Sequence[Trace] = field(default=())
