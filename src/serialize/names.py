"""The names that a function's code looks up outside of itself, found in its instructions."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any


@lru_cache(maxsize=1024)
def global_names(code: CodeType) -> frozenset[str]:
    """List the names that code, and the functions defined inside it, look up outside of any function.

    >>> sorted(global_names(compile("lambda: (a, [b for _ in range(3)])", "", "eval")))
    ['a', 'b', 'range']
    """
    return frozenset(
        one.argval
        for part in _with_inner(code)
        for one in dis.get_instructions(part)
        if one.opname.startswith("LOAD_") and ("GLOBAL" in one.opname or one.opname == "LOAD_NAME")
    )


@lru_cache(maxsize=1024)
def set_names(code: CodeType) -> frozenset[str]:
    """List the globals that code, and the functions defined inside it, set or delete.

    >>> def count():
    ...     global total
    ...     total = len(words)
    >>> sorted(set_names(count.__code__))
    ['total']
    """
    return frozenset(
        one.argval
        for part in _with_inner(code)
        for one in dis.get_instructions(part)
        if one.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}
    )


def used_globals(function: FunctionType) -> dict[str, Any]:
    """Look up the globals that a function's code uses, builtins left out.

    A submodule that is reached through its package (`import a.b`, then `a.b.f()`) is there too, under its dotted
    name: importing the package alone may not make it present elsewhere.
    """
    there = function.__globals__
    used = {name: there[name] for name in sorted(global_names(function.__code__)) if name in there}
    used.pop("__builtins__", None)
    packages = [value.__name__ for value in used.values() if type(value) is ModuleType and "__path__" in vars(value)]
    if packages:
        attributes = {name for part in _with_inner(function.__code__) for name in part.co_names}
        for package in packages:
            used.update(_used_submodules(package, attributes))
    return used


def _used_submodules(package: str, attributes: set[str]) -> Iterator[tuple[str, ModuleType]]:
    prefix = f"{package}."
    for name, module in list(sys.modules.items()):
        # None: an import that was blocked.
        if name.startswith(prefix) and module and attributes.issuperset(name[len(prefix) :].split(".")):
            yield name, module


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)
