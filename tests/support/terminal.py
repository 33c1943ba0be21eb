"""A program at a terminal, with somebody in front of it who reads and types."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
from collections.abc import Generator, Mapping, Sequence

#: How long somebody looks at a screen on which nothing comes, in seconds.
_PATIENCE_S = 120.0


class Screen:
    """What the program has shown so far, and its keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int) -> None:
        self.process = process
        self._ours = ours
        self._read_so_far = b""
        self._shown = ""

    def enter(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{line}\n".encode())

    def wait_for(self, text: str) -> str:
        """Wait until this is shown; returns all that was."""
        while text not in self._shown:
            assert self._read(), f"the program ended and did not show {text!r}: {self._shown}"
        return self._shown

    def wait_for_end(self) -> str:
        """Wait until the program ends well; returns all that it showed."""
        while self._read():
            pass
        assert self.process.wait(_PATIENCE_S) == 0, self._shown
        return self._shown

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], _PATIENCE_S)
        assert ready, f"nothing more is shown: {self._shown}"
        try:
            more = os.read(self._ours, 65536)
        except OSError:  # how a terminal says that nobody has it open any more
            return False
        self._read_so_far += more
        # All of it anew: what is read may end within a character, or between the two that end a line.
        self._shown = self._read_so_far.decode(errors="ignore").replace("\r\n", "\n")
        return bool(more)


@contextlib.contextmanager
def terminal(command: Sequence[str], environment: Mapping[str, str]) -> Generator[Screen]:
    """Run a program at a terminal of its own; it is ended when the block is left."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environment), start_new_session=True
    )
    os.close(theirs)
    try:
        yield Screen(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)
