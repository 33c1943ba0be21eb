r"""Packed strings: several strings in one, each behind its length in characters and a newline.

>>> pack(["ab", "c"])
'2\nab1\nc'
>>> unpack('2\nab1\nc')
['ab', 'c']

The service appends one packed string to another (a function's code, then a task's arguments) and the worker unpacks
the whole: packing is closed under concatenation.
Source: Globus Compute wire protocol, payload strings.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import WireError


def pack(buffers: Iterable[str]) -> str:
    """Pack strings into one."""
    return "".join(f"{len(buffer)}\n{buffer}" for buffer in buffers)


def unpack(packed: str) -> list[str]:
    """Take a packed string apart.

    Raises:
        WireError: a length is missing, is not a plain number, or says more than there is; names its place.
    """
    buffers: list[str] = []
    at = 0
    while at < len(packed):
        newline = packed.find("\n", at, at + 20)
        digits = packed[at:newline] if newline >= 0 else ""
        if not (digits.isascii() and digits.isdigit()):
            raise WireError(f"packed string is damaged: no length at character {at}, found {packed[at : at + 20]!r}")
        start = newline + 1
        at = start + int(digits)
        if at > len(packed):
            raise WireError(
                f"packed string is cut short: {digits} characters announced at {start}, {len(packed) - start} there"
            )
        buffers.append(packed[start:at])
    return buffers
