"""The program's standard output and error, lent to the workers of its embedded endpoint.

What a task prints comes out where the program prints, as with the standard library's executors. The service and the
agent get none of it: they write to their logs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Generator
from typing import Any

#: The stream of a program, and the option that tells an agent's command line which descriptor it got for it.
_STREAMS = ((1, "__stdout__", "--worker-stdout"), (2, "__stderr__", "--worker-stderr"))


@contextlib.contextmanager
def duplicates() -> Generator[dict[str, int]]:
    """Give descriptors for the program's standard output and error, as they are now, by option; close them at the end.

    A stream that the program has not got is left out.
    """
    with contextlib.ExitStack() as opened:
        given: dict[str, int] = {}
        for number, name, option in _STREAMS:
            if _is_the_programs(number, getattr(sys, name)):
                given[option] = _duplicate(number)
                opened.callback(os.close, given[option])
        yield given


def _is_the_programs(number: int, stream: Any) -> bool:
    # A program that was started without the stream may have the number for something else: Python has no object then.
    if stream is None:
        return False
    try:
        return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:  # closed
        return False


def _duplicate(number: int) -> int:
    # Above the numbers of the child's own standard streams, also where the program has none of them.
    return int(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3))
