"""Has a function changed since it was serialized? Told in microseconds, without serializing it again.

What goes with a function by value is looked at where it is found: its defaults, its free variables, the globals that it
and the functions it calls use, the classes of the program among them. What cannot change is as it was if it is the same
object; functions and classes are looked into, unless a worker finds them by name; all else (a list, an array) is
pickled in C and compared. A watch keeps nothing alive but what cannot change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from enum import Enum
from hashlib import sha256
from types import (
    BuiltinFunctionType,
    CodeType,
    EllipsisType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
    NoneType,
)
from typing import Any, TypeAlias, cast
from weakref import ref

from .names import global_names
from .pickling import dumps_by_pickle
from .whole import is_found_by_name

_FIXED = frozenset({NoneType, bool, int, float, complex, str, bytes, EllipsisType, CodeType})

_MISSING = object()

#: In the place of a value that is to be pickled.
_CONTENT = object()

_Cached = type(functools.lru_cache(int))

#: Kinds of owners of what goes along, which may have changed where the owner is still the same.
_LOOKED_INTO = (FunctionType, type, functools.partial, _Cached)

#: Reads from its owner all that goes along with it.
_Read: TypeAlias = Callable[[Any], list[Any]]

# What the class statement, `abc` and `dataclass` put into a class: it says nothing that is not said elsewhere.
_MADE = frozenset(
    {
        "__dict__",
        "__weakref__",
        "__annotations__",
        "__abstractmethods__",
        "_abc_impl",
        "__slots__",
        "__match_args__",
        "__slotnames__",
    }
    | {"__dataclass_fields__", "__dataclass_params__", "__static_attributes__", "__parameters__", "__orig_bases__"}
)


class Unwatchable(Exception):
    """There is something in it that must be serialized to be seen."""


class Watch:
    """What a function took along, when this was made.

    Args:
        function: a function, a class, a builtin, a partial, or a function with a cache.

    Raises:
        Unwatchable: it must be serialized each time.
    """

    __slots__ = ("_content", "_parts")

    def __init__(self, function: Any) -> None:
        self._parts: list[tuple[ref[Any], _Read, list[Any]]] = []
        contents: list[Any] = []
        seen: set[int] = set()
        waiting = [function]
        while waiting:
            one = waiting.pop()
            if id(one) in seen or _is_named(one):
                continue
            seen.add(id(one))
            read = _reader_of(one)
            values = read(one)
            self._parts.append((ref(one), read, [_expected(value) for value in values]))
            contents += [
                value for value, expected in zip(values, self._parts[-1][2], strict=True) if expected is _CONTENT
            ]
            waiting += [value for value in values if _is_looked_into(value)]
        self._content = _fingerprint(contents)

    def is_current(self) -> bool:
        """Whether all of it is as it was."""
        try:
            return self._is_current()
        except (Unwatchable, RuntimeError):  # RuntimeError: another thread is changing it just now
            return False

    def _is_current(self) -> bool:
        contents: list[Any] = []
        for owner, read, expected in self._parts:
            one = owner()
            values = [] if one is None else read(one)
            if len(values) != len(expected):
                return False
            for value, before in zip(values, expected, strict=True):
                if before is _CONTENT:
                    contents.append(value)
                elif value is not before and (type(before) is not ref or before() is not value):
                    return False
        return self._content == _fingerprint(contents)


def _reader_of(owner: Any) -> _Read:
    if isinstance(owner, FunctionType):
        return functools.partial(_of_function, sorted(global_names(owner.__code__)))
    if type(owner) is functools.partial:
        return _of_partial
    if type(owner) is _Cached:
        return _of_cached
    if isinstance(owner, type) and is_found_by_name(type(owner)):
        return _of_class
    raise Unwatchable


def _of_function(names: list[str], function: FunctionType) -> list[Any]:
    known = function.__globals__
    values = [function.__code__, function.__name__, function.__qualname__, function.__module__, function.__doc__]
    values += [known.get(name, _MISSING) for name in names]
    if function.__defaults__:
        values += function.__defaults__
    if function.__kwdefaults__:
        values += _pairs(function.__kwdefaults__)
    if function.__dict__:
        values += _pairs(function.__dict__)
    if function.__closure__:
        values += map(_content_of, function.__closure__)
    return values


def _of_partial(owner: functools.partial[Any]) -> list[Any]:
    # Its `__dict__` comes into being when it is looked at, which would change what is serialized.
    state: tuple[Any, ...] = owner.__reduce__()[2]  # type: ignore[assignment]  # typeshed leaves it open
    return [owner.func, *owner.args, *_pairs(owner.keywords), *_pairs(state[3] or {})]


def _of_cached(owner: Any) -> list[Any]:
    return [owner.__wrapped__]


def _pairs(mapping: dict[str, Any]) -> Iterator[Any]:
    for pair in mapping.items():
        yield from pair


def _content_of(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return _MISSING


def _of_class(kind: type) -> list[Any]:
    values: list[Any] = [*kind.__bases__]
    is_enum = issubclass(kind, Enum)
    for name, value in vars(kind).items():
        if name in _MADE or isinstance(value, GetSetDescriptorType | MemberDescriptorType):
            continue
        if is_enum and (name.startswith("_") or isinstance(value, kind)):
            continue
        values.append(name)
        if isinstance(value, property):
            values += (value.fget, value.fset, value.fdel)
        elif isinstance(value, staticmethod | classmethod):
            function: Any = value.__func__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            values.append(function)
        elif isinstance(value, functools.cached_property):
            values.append(value.func)
        else:
            values.append(value)
    return values


def _expected(value: Any) -> Any:
    if type(value) in _FIXED or value is _MISSING:
        return value
    if _is_looked_into(value) or _is_named(value):
        return ref(value)
    if type(value) is tuple and _FIXED.issuperset(map(type, cast("tuple[object, ...]", value))):
        return cast("object", value)
    return _CONTENT


def _is_looked_into(value: object) -> bool:
    # Not `isinstance`, which asks a lazy proxy for its target's class: that would fetch the target.
    return issubclass(type(value), _LOOKED_INTO)


def _is_named(value: Any) -> bool:
    if type(value) is BuiltinFunctionType:
        return value.__self__ is None or isinstance(value.__self__, ModuleType)  # else it is a method of some object
    return is_found_by_name(value)


def _fingerprint(contents: list[Any]) -> bytes:
    if not contents:
        return b""
    try:
        data = dumps_by_pickle(contents)
    except Exception as error:
        raise Unwatchable from error
    return data if len(data) <= 256 else sha256(data).digest()
