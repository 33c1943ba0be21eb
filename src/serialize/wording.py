"""The words in which errors name values and failures."""

from __future__ import annotations

import platform

import dill

from .staying import Staying

#: How the complaint begins that `guard` puts into a pickle.
BYTECODE = "this holds bytecode of Python"


def kind_of(value: object) -> str:
    """Name a value by its type, never by its content, which may be large or secret.

    >>> kind_of(1), kind_of([])
    ('an int', 'a list')
    """
    kind = type(value)
    is_known = kind.__module__ in {"builtins", "__main__", "__mp_main__"} or isinstance(value, Staying)
    name = kind.__qualname__ if is_known else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def why(error: BaseException) -> str:
    """Give an error's kind and text in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def here(error: BaseException) -> str:
    """Say what to do about text that cannot be read here."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install the module {error.name!r} here, where Python {platform.python_version()} runs"
    if str(error).startswith(BYTECODE):
        return "nothing of it was run"
    return (
        f"was it written with another version of Python, dill or a package? "
        f"Here: Python {platform.python_version()}, dill {dill.__version__}"
    )
