"""Commands that other programs start: announced in one line, and ended with the program that started them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def exit_option(command: Command) -> Command:
    """Give a command `--exit-with-parent [PID]`, as the argument `exit_with_parent`: 0 where no PID was given."""
    return click.option(
        "--exit-with-parent",
        type=int,
        is_flag=False,
        flag_value=0,
        metavar="[PID]",
        help="End when the process that started this one ends, also by SIGKILL; PID says which one that is.",
    )(command)


def end_with_parent(pid: int | None) -> None:
    """End this process when its parent ends; do nothing when `pid` is None. The parent is asked for when it is 0."""
    if pid is not None:
        from ..local import parent

        parent.watch_parent(_vanish, pid=pid or None)


def _vanish() -> None:
    from ..local import directory, parent, session

    try:
        if os.getsid(0) == os.getpid():  # as service and agent of an embedded stack do
            session.end_session(os.getpid())
        directory.sweep()  # nobody else is left to remove the directory of an embedded stack
    finally:  # whatever became of the directory: an orphan must not stay
        parent.exit_now()


def watches_without_stdin() -> bool:
    """Whether the end of the parent can be seen without its help; else its pipe to our standard input tells."""
    opener: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
    if opener is None:
        return False
    try:
        os.close(opener(os.getpid()))
    except OSError:  # an old kernel, or a container that forbids it
        return False
    return True


class Announcer:
    """Says one line on standard output; whatever else this process and its children print goes to standard error.

    The program that started this one reads that line and closes the pipe: a task that prints must not meet a broken
    one.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._pipe = os.dup(1)  # not inherited by children
        os.dup2(2, 1)

    def announce(self, facts: Mapping[str, object]) -> None:
        """Say that this process is ready, and close what was its standard output."""
        with open(self._pipe, "w", encoding="utf-8") as pipe:
            pipe.write(f"{json.dumps(facts)}\n")
