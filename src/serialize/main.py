"""The program's main module, under the two names that it has.

In a child process that `multiprocessing` spawned, the program's file is read again as a module ``__mp_main__``, which
is ``__main__`` there, too. A worker knows neither. So what is of the one is treated as if it were of the other.
"""

from __future__ import annotations

import contextlib
from typing import Any

_NAME_IN_CHILD = "__mp_main__"

MAIN = "__main__"


def module_of(value: Any) -> str | None:
    """Give the module of a function or class; that of the main module is `MAIN`.

    Where it has the other name, it is given this one: dill looks for it, and both lead to the same module.
    """
    name = getattr(value, "__module__", None)
    if name != _NAME_IN_CHILD:
        return name
    with contextlib.suppress(AttributeError, TypeError):  # an object of a class that was there
        value.__module__ = MAIN
    return MAIN


def main_name(name: str | None) -> str | None:
    """Give the name of a module, of the main module `MAIN`."""
    return MAIN if name == _NAME_IN_CHILD else name
