"""Parts of a pickle, written by hand: in microseconds, and the same whatever pickler they are put into."""

from __future__ import annotations

from pickle import BINUNICODE, GLOBAL, MARK, REDUCE, TUPLE


def named(module: str, name: str) -> bytes:
    """Write what is found under a name in a module."""
    return GLOBAL + f"{module}\n{name}\n".encode()


def number(value: int) -> bytes:
    """Write a number below 256."""
    return b"K" + bytes([value])


def text(value: str) -> bytes:
    """Write a text."""
    data = value.encode()
    return BINUNICODE + len(data).to_bytes(4, "little") + data


def call(function: bytes, *arguments: bytes) -> bytes:
    """Write what a call gives."""
    return function + MARK + b"".join(arguments) + TUPLE + REDUCE
