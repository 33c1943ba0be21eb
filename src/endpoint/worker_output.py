"""Where a worker process prints: its agent's log, or the program whose embedded endpoint it belongs to."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class WorkerOutput:
    """Descriptors to print to; None: where the agent's standard error goes."""

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
    """Have this process, its C libraries and its children print there.

    Line by line, as to a terminal: what is printed comes out in the order in which it was, also that of children, and
    the last words of a task that crashes come out, too.
    """
    for descriptor, number in ((output.stdout, 1), (output.stderr, 2)):
        if descriptor is not None:
            os.dup2(descriptor, number)
            os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
