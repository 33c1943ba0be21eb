"""What has another place or form in other versions of Python: written so that each finds its own."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from .generated import params_of

_PARAMS: Any = getattr(dataclasses, "_DataclassParams", None)
#: 3.12 has more of them than 3.11.
_SAME_PARAMS = "kind(**{name: known.get(name, name == 'match_args') for name in kind.__slots__})"
_REPLACE: Any = getattr(dataclasses, "_replace", None)


class Call:
    """A call that is pickled as what it will return."""

    def __init__(self, function: Any, *args: Any) -> None:
        self._reduction = (function, args)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduction


def moved(value: Any) -> tuple[Any, ...] | None:
    """Give how to pickle a value that other versions know otherwise; None for all else."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
    if issubclass(kind, type):  # not `isinstance`, which asks a lazy proxy for its target's class
        return moved_class(value)
    if kind is _PARAMS:
        return eval, (_SAME_PARAMS, {"kind": kind, "known": params_of(value)})  # noqa: S307 - the reader is to
    if value is _REPLACE and _REPLACE is not None:  # since 3.13
        return getattr, (Call(importlib.import_module, "dataclasses"), "_replace", None)
    return None


def moved_class(kind: type) -> tuple[Any, ...] | None:
    """Give how to pickle a class that other versions have in another module; None for all else."""
    if kind.__module__ == "pathlib._local":  # of 3.13
        return getattr, (Call(importlib.import_module, "pathlib"), kind.__name__)
    return None
