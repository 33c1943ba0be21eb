"""Values to bytes and back: C pickle where it is right, dill where it is needed, readable by `dill.loads` either way.

dill stores by value what a worker could not import (functions and classes of `__main__`, lambdas, nested functions)
and has ways of its own for some types; all else it stores as the standard library's pickle does, some twenty times
slower. So a C pickler is tried first, one that gives up as soon as it meets what dill would store otherwise.
Protocol 4: what every Python of this protocol reads.
"""

from __future__ import annotations

import io
import logging
import pickle
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, cast

import dill
from typing_extensions import override

from ..shell import stand_in_for
from .identity import is_kept
from .main import MAIN, module_of
from .moved import moved_class
from .staying import StaysHere, relies_on_staying
from .whole import dumps_whole
from .wording import kind_of

log = logging.getLogger(__name__)

PROTOCOL = 4

_dill: Any = dill  # it has no types

if TYPE_CHECKING:
    _DillUnpickler = pickle.Unpickler  # noqa: S301 - what this protocol is about
else:
    _DillUnpickler = dill.Unpickler  # noqa: S301

# Exact types that pickle writes without looking at any class: no global can hide in them.
_ATOMS = frozenset({bool, bytes, float, int, str, type(None)})

# Longer ones are not looked through: by then looking costs more than it saves.
_GLANCE = 16

# What dill registers a way of its own for although plain pickle gives the same object.
_SAME = frozenset({range, slice, type(Ellipsis), type(NotImplemented)})

# Above this size dill's fixed cost of a microsecond does not matter and looking through the bytes does.
_SMALL = 512


def dumps(value: object) -> bytes:
    """Pickle a value so that `dill.loads` rebuilds what it would rebuild from `dill.dumps`.

    Raises:
        Exception: the value cannot be pickled; whatever dill or the value's own reduction raises.
    """
    if is_flat(value):
        return pickle.dumps(value, PROTOCOL)
    try:
        return dumps_by_pickle(value)
    except Exception:  # noqa: BLE001 - dill is asked, and what it raises is raised
        return dumps_by_dill(value)


def dumps_by_pickle(value: object) -> bytes:
    """Pickle a value with C pickle alone.

    Raises:
        Exception: dill would store something in it otherwise, or it cannot be pickled.
    """
    chunks = _Chunks()
    CarefulPickler(chunks).dump(value)
    # Large binary values come as chunks of their own: joining makes one copy of them, a BytesIO two.
    return b"".join(chunks)


def dumps_by_dill(value: object) -> bytes:
    """Pickle a value with dill alone.

    Raises:
        Exception: whatever dill or the value's own reduction raises.
    """
    try:
        return dumps_whole(value, PROTOCOL)
    except Exception as error:
        if isinstance(error, StaysHere) and relies_on_staying(value):
            raise
        # The second try raises it again, if it is the value's own.
        # What stands in the way may be a global of some method that is never called there: leave the globals behind.
        data: bytes = _dill.dumps(value, protocol=PROTOCOL)
        log.debug("globals of functions in %s left behind: %s", kind_of(value), error)
        return data


def loads(data: bytes) -> Any:
    """Rebuild what `dumps`, `dill.dumps` or `pickle.dumps` wrote, exactly as `dill.loads` does.

    Raises:
        Exception: whatever the rebuilding raises.
    """
    try:
        return _loads(data)
    except ModuleNotFoundError as error:
        # The classes of the Globus Compute SDK that travel by name have their like here, for those who have no SDK.
        if error.name != "globus_compute_sdk":
            raise
        return _WithoutSdk(io.BytesIO(data)).load()


def _loads(data: bytes) -> Any:
    # dill's unpickler differs from the C one in three places: `__builtin__.__main__`, `__builtin__.NoneType` and
    # `dill.dill` are looked up otherwise, and an object of a class of `__main__` gets the class found there.
    if len(data) <= _SMALL and b"__" not in data and b"dill" not in data:
        value = pickle.loads(data)  # noqa: S301 - what this protocol is about
        if type(value).__module__ != "__main__":
            return value
    return _dill.loads(data)


class _WithoutSdk(_DillUnpickler):
    @override
    def find_class(self, module: str, name: str, /) -> Any:
        return stand_in_for(module, name) or super().find_class(module, name)


def is_flat(value: Any) -> bool:
    """Whether a value is an atom, or a short container of atoms: pickle writes it without looking at any class."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in _ATOMS:
        return True
    if kind is not dict and kind is not tuple and kind is not list:
        return False
    return (
        len(value) <= _GLANCE
        and _ATOMS.issuperset(map(type, value))
        and (kind is not dict or _ATOMS.issuperset(map(type, value.values())))
    )


class _NeedsDill(Exception):
    """The value holds something that dill stores otherwise than pickle does."""


class Writable(Protocol):
    """What a pickler writes to."""

    def write(self, chunk: bytes, /) -> Any:
        """Take some bytes."""
        ...


class _Chunks(list[bytes]):
    """The least that a pickler takes for a file."""

    __slots__ = ()

    def write(self, chunk: bytes, /) -> None:
        self.append(chunk)


class CarefulPickler(pickle.Pickler):
    """The C pickler, giving up where dill would write something else.

    Whatever is not an exact builtin atom or container passes `reducer_override` before it is written: every instance,
    and every class and function that is written by reference.
    """

    def __init__(
        self,
        chunks: Writable,
        protocol: int = PROTOCOL,
        buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None,
    ) -> None:
        super().__init__(chunks, protocol, buffer_callback=buffer_callback)
        self._ordinary: set[type[Any]] = set()

    def reducer_override(self, value: object) -> Any:
        """Say how a value is to be written: as pickle does, or not at all."""
        kind: type[Any] = type(value)
        if kind in self._ordinary:
            return NotImplemented
        if kind is FunctionType:
            # pickle itself refuses one that is not found under its name: a lambda, a nested or a replaced function.
            if _is_of_main(value):
                raise _NeedsDill
        elif issubclass(kind, type):
            return _reduce_class(cast("type[Any]", value))
        elif _has_own_way(kind):
            raise _NeedsDill
        else:
            self._ordinary.add(kind)
        return NotImplemented


def _is_of_main(value: Any) -> bool:
    return module_of(value) in {MAIN, None}


def _reduce_class(value: type[Any]) -> Any:
    if is_kept(value):
        # One pickle inside the other: its instances, which may be many, are written at full speed.
        return _dill.loads, (dumps_whole(value, PROTOCOL),)
    if elsewhere := moved_class(value):
        return elsewhere
    if _is_of_main(value) or (value.__bases__ == (tuple,) and hasattr(value, "_fields")):
        # Of a named tuple dill sends the fields along, in case the worker has no such module.
        raise _NeedsDill
    return NotImplemented


def _has_own_way(kind: type[Any]) -> bool:
    if any((one.__module__, one.__name__) == ("numpy", "ndarray") for one in kind.__mro__):
        # dill registers arrays when it meets the first; only of a subclass does it keep more than pickle: its __dict__.
        return kind.__name__ != "ndarray" or kind.__module__ != "numpy"
    return kind in _dill.Pickler.dispatch and kind not in _SAME
