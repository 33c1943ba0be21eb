"""The look at the version that comes first in a pickle with bytecode.

Bytecode of another Python version crashes a process, or worse, does something else. What is written here is read by
any unpickler, takes a few microseconds, and raises where the version is not the writer's.
"""

from __future__ import annotations

import sys
from functools import cache
from pickle import NEWTRUE, POP, SETITEM, TUPLE2

from .opcodes import call, named, number, text
from .wording import BYTECODE


def guard() -> bytes:
    """Give pickle opcodes that look at the reader's version, raise if it is another, and leave nothing behind.

    They say ``operator.getitem(table, sys.version_info[:2])``, where the table is a `collections.defaultdict` that
    holds this version, and whose factory raises.
    """
    return _guard(*sys.version_info[:2])


@cache
def _guard(major: int, minor: int) -> bytes:
    complaint = (
        "(_ for _ in ()).throw(RuntimeError("
        f"'{BYTECODE} {major}.{minor}, which Python %d.%d cannot run: use the same minor version on both sides, or "
        "define the function in a file or a notebook cell, from where its source text can be sent' "
        "% __import__('sys').version_info[:2]))"
    )
    factory = call(named("functools", "partial"), named("builtins", "eval"), text(complaint))
    table = call(named("collections", "defaultdict"), factory)
    table += number(major) + number(minor) + TUPLE2 + NEWTRUE + SETITEM
    version = call(
        named("operator", "getitem"), named("sys", "version_info"), call(named("builtins", "slice"), number(2))
    )
    return call(named("operator", "getitem"), table, version) + POP
