"""The look at the version that comes first in a pickle with bytecode.

Bytecode of another Python version crashes a process, or worse, does something else. What is written here is read by
any unpickler, takes a few microseconds, and raises where the version is not the writer's.
"""

from __future__ import annotations

import sys
from functools import cache
from pickle import BINUNICODE, GLOBAL, NEWTRUE, POP, REDUCE, SETITEM, TUPLE1, TUPLE2

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
        f"'{BYTECODE} {major}.{minor}, which Python %d.%d cannot run: use the same minor version on "
        "both sides, or send functions as source (strategy AllCodeStrategies)' % __import__('sys').version_info[:2]))"
    )
    factory = _named("functools", "partial") + _named("builtins", "eval") + _text(complaint) + TUPLE2 + REDUCE
    table = _named("collections", "defaultdict") + factory + TUPLE1 + REDUCE
    table += _number(major) + _number(minor) + TUPLE2 + NEWTRUE + SETITEM
    two = _named("builtins", "slice") + _number(2) + TUPLE1 + REDUCE
    version = _named("operator", "getitem") + _named("sys", "version_info") + two + TUPLE2 + REDUCE
    return _named("operator", "getitem") + table + version + TUPLE2 + REDUCE + POP


def _named(module: str, name: str) -> bytes:
    return GLOBAL + f"{module}\n{name}\n".encode()


def _number(number: int) -> bytes:
    return b"K" + bytes([number])


def _text(text: str) -> bytes:
    data = text.encode()
    return BINUNICODE + len(data).to_bytes(4, "little") + data
