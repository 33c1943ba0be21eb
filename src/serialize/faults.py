"""Finds what in a value or function cannot be serialized, so that the error can name it."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import FunctionType, MethodType
from typing import Any, cast

from .names import global_names
from .staying import Staying
from .wording import kind_of

# A fault is looked for in this many parts of one value, and this deep.
_PARTS = 10_000
_DEPTH = 6


def locate(value: Any, fails: Callable[[Any], bool]) -> str:
    """Name the innermost part of a value that fails, as a path and a kind, or nothing when it is the value itself.

    Args:
        value: something that fails.
        fails: whether a value fails on its own.

    >>> locate({"a": [1, ...]}, lambda value: "..." in str(value) or "Ellipsis" in str(value))
    "['a'][1], an ellipsis"
    """
    path = ""
    for _ in range(_DEPTH):
        found = next(((name, part) for name, part in islice(_parts(value), _PARTS) if fails(part)), None)
        if found is None:
            break
        path, value = path + found[0], found[1]
    return f"{path}, {kind_of(value)}" if path else ""


def locate_in_function(function: Any, fails: Callable[[Any], bool]) -> str:
    """Name the free variable, default, global or attribute of a callable that fails, or nothing when none does."""
    for name, part in _belongings(function):
        if fails(part):
            inner = locate(part, fails)
            return f"its {name}, {kind_of(part)}" + (f" (in it {inner})" if inner else "")
    return ""


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Staying):  # it is the fault itself
        return
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, Any]", value)
        yield from ((f"[{key!r:.40}]", part) for key, part in mapping.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{index}]", part) for index, part in enumerate(cast("Iterable[Any]", value)))
    else:
        yield from ((f".{name}", part) for name, part in getattr(value, "__dict__", {}).items())


def _belongings(function: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(function, MethodType):
        yield "object", function.__self__
        function = function.__func__
    if not isinstance(function, FunctionType):
        yield from ((f"attribute {name[1:]!r}", part) for name, part in _parts(function) if name.startswith("."))
        return
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"free variable {name!r}", cell.cell_contents
        except ValueError:  # a variable that has no value yet
            continue
    for part in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield "default value", part
    known = function.__globals__
    for name in sorted(global_names(code)):
        if name in known and not hasattr(builtins, name):
            yield f"global {name!r}", known[name]
