"""Where a worker process prints: its agent's log, or the program whose embedded endpoint it belongs to."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from dataclasses import astuple, dataclass
from typing import Any

from typing_extensions import Buffer, override

#: Whoever read what is printed has gone: the reader of a pipe, a terminal.
_NOBODY_READS = {errno.EPIPE, errno.EIO}


@dataclass(frozen=True, slots=True)
class WorkerOutput:
    """Descriptors for workers to print to; None: where the agent's standard error goes."""

    stdout: int | None = None
    stderr: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that a worker must inherit."""
        return tuple(number for number in (self.stdout, self.stderr) if number is not None)

    def dumps(self) -> str:
        """Write it for a command line."""
        return json.dumps(astuple(self))

    @classmethod
    def loads(cls, text: str) -> WorkerOutput:
        """Read what `dumps` wrote."""
        return cls(*json.loads(text))


def print_to(output: WorkerOutput) -> None:
    """Have this process, its C libraries and its children print there; a reader who goes away is no fault of a task."""
    for descriptor, number in ((output.stdout, 1), (output.stderr, 2)):
        if descriptor is not None:
            os.dup2(descriptor, number)
            os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = _robust(getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _robust(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    number = stream.fileno()
    raw = _Output(number, "wb", closefd=False)
    # As Python makes its own streams; with PYTHONUNBUFFERED there is nothing between text and descriptor.
    binary: Any = raw if stream.write_through else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        binary,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=number == 2 or os.isatty(number),
        write_through=stream.write_through,
    )


class _Output(io.FileIO):
    """Writes to a descriptor, and to nowhere once nobody reads there: `program | head` must not fail tasks."""

    @override
    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _NOBODY_READS:
                raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return super().write(data)
