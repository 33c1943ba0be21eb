"""Checks of what a command is made with, before anything is sent: the argument is named, its value shown."""

from __future__ import annotations

import keyword
import os
import re
from string import Formatter
from typing import Any, cast


def template(cmd: object) -> str:
    """Return a command whose braces hold names.

    Raises:
        TypeError: it is no string.
        ValueError: it is empty, or its braces are the shell's own.
    """
    if not isinstance(cmd, str):
        raise TypeError(f"cmd must be a string, not {cmd!r} ({type(cmd).__name__})")
    if not cmd.strip():
        raise ValueError("cmd is empty")
    try:
        fields = [field for _, field, _, _ in Formatter().parse(cmd) if field]
    except ValueError as error:
        raise ValueError(
            f"the braces of cmd {cmd!r} are not as they must be ({error}): double those that are the shell's own, "
            "as in 'echo ${{HOME}}'"
        ) from None
    for field in fields:
        if not re.match(r"[\w-]*(?:[.\[].*)?\Z", field):
            raise ValueError(
                f"{{{field}}} in cmd is no name: double the braces that are the shell's own, "
                "as in \"awk '{{print $1}}'\""
            )
    return cmd


def path(value: object, what: str) -> str | None:
    """Return the name of a file or directory as text, or None."""
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{what} must be the name of a file or directory, not {value!r} ({type(value).__name__})")
    path: Any = os.fspath(cast("os.PathLike[str]", value))
    if not path or not isinstance(path, str):
        raise ValueError(f"{what} must be the name of a file or directory, not {path!r}")
    return path


def seconds(value: object) -> float | None:
    """Return a number of seconds from 0 on, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"walltime must be a number of seconds, not {value!r} ({type(value).__name__})")
    if not 0 <= value < float("inf"):
        raise ValueError(f"walltime must be 0 seconds or more, not {value!r}: leave it out, or None, for no limit")
    return value


def count(value: object) -> int:
    """Return a whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"snippet_lines must be a whole number, not {value!r} ({type(value).__name__})")
    if value < 0:
        raise ValueError(f"snippet_lines must be 0 or more, not {value}")
    return value


def flag(value: object) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise TypeError(f"return_dict must be True or False, not {value!r} ({type(value).__name__})")
    return value


def name(value: object) -> str:
    """Return the name of a Python function."""
    if not isinstance(value, str):
        raise TypeError(f"name must be a string, not {value!r} ({type(value).__name__})")
    if not value.isidentifier() or keyword.iskeyword(value):
        raise ValueError(f"name {value!r} is not the name of a Python function: use letters, digits and underscores")
    return value
