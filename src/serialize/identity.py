"""Which class of `__main__` is which: one class here is one class there, in every pickle that holds it.

A class of `__main__` is stored by value, and each reading of it would make a class of its own: the `Point` that a
function's code holds would not be the `Point` that its argument is, and what comes back would be a third one. So each
such class has a key, and a pickle of it says: take the class you have under this key, or this one and keep it. The
classes are kept in dill's module namespace, for that is a place that every reader has; keys are no identifiers, so
that they meet nothing there.

A class that is defined anew with the same content (a notebook's cell that is run again) takes the place of the one it
replaces, here and there. Another program's class is another one, also where its content is the same: what workers have
done to a class does not go from one program to the next.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import dill

from .main import MAIN, module_of

_PREFIX = "farpool class "

_kept: dict[str, Any] = dill.__dict__

#: The classes first seen in this process, and their keys. Process-wide, as the identity of a class is.
_ours: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_naming = threading.Lock()


@cache
def program_id() -> str:
    """Give what the keys of this program's classes have in common, and no other program's have."""
    return uuid.uuid4().hex


def is_kept(kind: type) -> bool:
    """Whether a class is one that has a key: at the top level of `__main__`, or inside a class there."""
    return module_of(kind) == MAIN and "<locals>" not in kind.__qualname__


def known_key(kind: type) -> str | None:
    """Give the key that a class came with, or was given; None for one that has none yet."""
    return _ours.get(kind) or next((name for name, value in list(_kept.items()) if value is kind), None)


def give_keys(kinds: Sequence[type], content: str) -> dict[type, str]:
    """Give keys to classes that were described together; one that has got a key meanwhile keeps it.

    Args:
        kinds: the classes, in the order of their description.
        content: a hash of it.

    Returns:
        The keys of the classes.
    """
    with _naming:
        for number, kind in enumerate(kinds):
            if kind in _ours:
                continue
            key = f"{_PREFIX}{kind.__qualname__} {program_id()} {content} {number}"
            if key in _kept and not _is_present(kind):
                key += f" {uuid.uuid4().hex}"  # two classes of one content, and this one takes nobody's place
            _ours[kind] = key
            _kept[key] = kind
            _kept[target_key(key)] = SimpleNamespace()
        return {kind: _ours[kind] for kind in kinds}


def _is_present(kind: type) -> bool:
    """Whether a class is what is found now under its name."""
    found: Any = sys.modules["__main__"]
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


def target_key(key: str) -> str:
    """Give the key of what a reader sets a class's methods on: the class, but here, where it comes from, nothing."""
    return f"{key} methods"


def is_ours(kind: type) -> bool:
    """Whether a class that has a key was first seen in this process, so that this process says what is in it."""
    return kind in _ours


def keep() -> Callable[[str, object], Any]:
    """Give the function that a pickle calls with a key and a value: it keeps the first one, and returns that."""
    return _kept.setdefault
