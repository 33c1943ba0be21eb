"""Whether two codes do the same: all but where their text stands."""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

_NESTED = 0x10  # tells what the code stood in, and changes nothing

_SAME = (
    "co_name",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
)
_SAME_SINCE_3_11 = ("co_exceptiontable",)


def is_same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same: all but where their text stands."""
    names = _SAME if sys.version_info < (3, 11) else _SAME + _SAME_SINCE_3_11
    return (
        all(getattr(one, name) == getattr(other, name) for name in names)
        and one.co_flags | _NESTED == other.co_flags | _NESTED
        and _is_same_value(one.co_consts, other.co_consts)
    )


def _is_same_value(one: Any, other: Any) -> bool:
    kind = type(one)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
    if kind is not type(other):
        return False
    if kind is CodeType:
        return is_same(one, other) and getattr(one, "co_qualname", "") == getattr(other, "co_qualname", "")
    if kind is tuple:
        return len(one) == len(other) and all(map(_is_same_value, one, other))
    if kind is frozenset:
        return bool(one == other) and sorted(map(repr, one)) == sorted(map(repr, other))
    if kind in {float, complex}:  # there are two zeros, and numbers that are none
        return repr(one) == repr(other)
    return bool(one == other)
