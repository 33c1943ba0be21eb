"""Exception types by name: which can be named, and which is meant by a name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

#: The attribute of a class made on the fly that holds the class it stands for.
ORIGINAL = "__farpool_original__"

# Modules whose names mean something else in every process.
_OF_A_PROCESS = frozenset({"__main__", "__mp_main__"})


def original_of(kind: type[BaseException]) -> type[BaseException]:
    """Give the class that a class made on the fly stands for; any other class stands for itself."""
    original: type[BaseException] = vars(kind).get(ORIGINAL, kind)
    return original


def name_of(kind: type[Any]) -> tuple[str, str]:
    """Give the module and the qualified name of a class, as texts whatever they are."""
    return str(getattr(kind, "__module__", None)), str(getattr(kind, "__qualname__", None))


def shown_name(module: str, qualname: str) -> str:
    """Write a class's name as tracebacks do.

    >>> shown_name("builtins", "ValueError"), shown_name("json.decoder", "JSONDecodeError")
    ('ValueError', 'json.decoder.JSONDecodeError')
    """
    return qualname if module in {"builtins", "None", *_OF_A_PROCESS} else f"{module}.{qualname}"


def is_named(kind: type[Any]) -> bool:
    """Whether a reader finds this class by its name, if it has the module."""
    module, qualname = name_of(kind)
    if module in _OF_A_PROCESS:
        return False
    return member(sys.modules.get(module), qualname) is kind


def find_kind(module: str, qualname: str) -> type[BaseException] | None:
    """Find an exception type by its name; imports its module where that is installed and not there yet.

    Does not wait for a module that is just being imported: whoever imports it may be waiting for this exception.

    Returns:
        The type, or None when there is no such module, no such class in it, or the class is no exception's.
    """
    found = member(sys.modules[module] if module in sys.modules else _imported(module), qualname)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def member(module: object, qualname: str) -> object:
    """Look up what a module, or None, has under a name; None when it has nothing. Imports nothing."""
    found = module
    for part in qualname.split("."):
        # Not getattr: a module's own __getattr__ may import, warn, or do anything.
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found


def _is_being_imported(module: object) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _imported(module: str) -> object:
    try:
        path = ""
        for part in module.split("."):
            path = f"{path}.{part}" if path else part
            if path in sys.modules:
                if _is_being_imported(sys.modules[path]):
                    return None
            # Each package is looked for before it is imported: a name that means nothing here runs nothing.
            elif importlib.util.find_spec(path) is None:
                return None
            else:
                importlib.import_module(path)
        return sys.modules.get(module)
    except BaseException:  # noqa: BLE001 - a module that cannot be imported is one that is not there
        return None
