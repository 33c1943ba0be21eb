"""A program at a terminal, and somebody there who logs in when it asks."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PROMPT = "Enter the resulting Authorization Code here: "
_LOGIN_PAGE = re.compile(r"https?://\S+/v2/oauth2/authorize\?\S+")


def run_at_terminal(
    command: Sequence[str], visit: Callable[[str], str], *, environment: Mapping[str, str], directory: Path
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Its input is a terminal; the address of a login page in its output is visited.

    Args:
        command: the program and its arguments.
        visit: is given the address, and gives the code that is typed in then.
        environment: of the program.
        directory: where it runs.
    """
    master, slave = pty.openpty()
    said: list[str] = []
    with (
        contextlib.closing(os.fdopen(master, "wb", buffering=0)) as keyboard,
        (directory / "stderr").open("w+") as errors,
    ):
        with subprocess.Popen(
            command, stdin=slave, stdout=subprocess.PIPE, stderr=errors, env=environment, cwd=directory, text=True
        ) as process:
            os.close(slave)
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    said.append(line)
                    page = _LOGIN_PAGE.search(line)
                    if page:
                        keyboard.write(f"{visit(page[0])}\n".encode())
            except BaseException:
                process.kill()  # nobody will type what it waits for
                raise
        errors.seek(0)
        # What is typed is echoed by the terminal, not by the program, and so is the end of that line.
        shown = "".join(said).replace(_PROMPT, f"{_PROMPT}what was typed\n")
        return subprocess.CompletedProcess(command, process.returncode, shown, errors.read())
