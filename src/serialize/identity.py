"""Which class of `__main__` is which: one class here is one class there, in every pickle that holds it.

A class of `__main__` is stored by value, and each reading of it would make a class of its own: the `Point` that a
function's code holds would not be the `Point` that its argument is, and what comes back would be a third one. So each
such class has a key, and a pickle of it says: take the class you have under this key, or this one and keep it. The
classes are kept in dill's module namespace, for that is a place that every reader has; keys are no identifiers, so
that they meet nothing there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import dill

from .main import MAIN, module_of

_PREFIX = "farpool class "

_kept: dict[str, Any] = dill.__dict__

#: The classes first seen in this process, and their keys. Process-wide, as the identity of a class is.
_ours: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def is_kept(kind: type) -> bool:
    """Whether a class is one that has a key: at the top level of `__main__`, or inside a class there."""
    return module_of(kind) == MAIN and "<locals>" not in kind.__qualname__


def key_of(kind: type) -> str:
    """Give the key of a class: the one it came with, or else one made for it now."""
    key = _ours.get(kind) or next((name for name, value in list(_kept.items()) if value is kind), None)
    if key is None:
        key = _ours.setdefault(kind, f"{_PREFIX}{kind.__qualname__} {uuid.uuid4().hex}")
        _kept[key] = kind
        _kept[target_key(key)] = SimpleNamespace()
    return key


def target_key(key: str) -> str:
    """Give the key of what a reader sets a class's methods on: the class, but here, where it comes from, nothing."""
    return f"{key} methods"


def is_ours(kind: type) -> bool:
    """Whether a class that has a key was first seen in this process, so that this process says what is in it."""
    return kind in _ours


def keep() -> Callable[[str, object], Any]:
    """Give the function that a pickle calls with a key and a value: it keeps the first one, and returns that."""
    return _kept.setdefault
