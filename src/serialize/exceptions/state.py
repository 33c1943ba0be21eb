"""What an exception is made of, read and written past its class: no constructor, property or `__setattr__` runs."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import BuiltinMethodType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, cast

_PARTS: Any = vars(BaseException)
_ROOTS = frozenset({BaseException, object})
_NOT_FIELDS = frozenset({"__dict__", "__weakref__"})
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", None)  # Python 3.11


@dataclass(frozen=True, slots=True)
class State:
    """What an exception holds.

    Attributes:
        args: its arguments.
        attributes: its `__dict__`, notes among them.
        fields: its slots, and what its type keeps in C: `errno`, `lineno`, `value`, `code`, ...
    """

    args: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    fields: dict[str, Any] = field(default_factory=dict[str, Any])


def state_of(error: BaseException) -> State:
    """Read what an exception holds."""
    fields: dict[str, Any] = {}
    for name, descriptor in _fields(cast("Any", type(error))):
        with contextlib.suppress(Exception):  # a slot without a value, a field that is not set
            fields[name] = descriptor.__get__(error, type(error))
    if is_group(error):  # what a group is made with, and not to be set later
        fields.pop("message", None)
        fields.pop("exceptions", None)
    return State(_PARTS["args"].__get__(error), dict(attributes_of(error)), fields)


def attributes_of(error: BaseException) -> dict[str, Any]:
    """Give an exception's `__dict__` itself, whatever its class says of it."""
    attributes: dict[str, Any] = _PARTS["__dict__"].__get__(error)
    return attributes


def restore(error: BaseException, state: State) -> None:
    """Write what an exception held into a fresh one of its class, or of a class like it."""
    known = dict(_fields(cast("Any", type(error))))
    for name, value in state.fields.items():
        with contextlib.suppress(Exception):  # another version of Python or of the class has other fields
            # A field in C that was never set reads as None, but is not the same as one that was set to None.
            if value is not None or not _is_none(known[name], error):
                known[name].__set__(error, value)
    _PARTS["args"].__set__(error, state.args)
    attributes_of(error).update(state.attributes)


def is_group(error: BaseException) -> bool:
    """Whether an exception is a group."""
    return _GROUP is not None and isinstance(error, _GROUP)


def members_of(group: Any) -> tuple[str, tuple[BaseException, ...]]:
    """Give a group's message and members."""
    return _GROUP.message.__get__(group), _GROUP.exceptions.__get__(group)


def blank(
    kind: type[BaseException],
    group: tuple[str, Sequence[BaseException]] | None = None,
    *,
    rather: type[BaseException] | None = None,
) -> BaseException:
    """Make an exception that holds nothing, without calling a constructor written in Python.

    Args:
        kind: its class.
        group: the message and the members, for a group.
        rather: a class that it is to be of instead, if one of that can be made.

    Raises:
        TypeError: the class cannot be made so.
    """
    if rather is not None:
        with contextlib.suppress(Exception):
            return blank(rather, group)
    base: type[Any] = kind
    while not _is_native(vars(base).get("__new__")):
        base = cast("type[Any]", base.__base__)
    new: Any = base.__new__
    made: BaseException = new(kind, group[0], list(group[1])) if group else new(kind)
    if type(made) is not kind:
        raise TypeError(f"{kind.__qualname__}.__new__ made a {type(made).__qualname__}")
    return made


def recast(error: BaseException, kind: type[BaseException]) -> BaseException:
    """Make an exception of another class that holds what this one does: a subclass of its own, say.

    Returns:
        The new one; the old one where the class cannot be made, or what it makes says something else.
    """
    if kind is type(error):
        return error
    try:
        other = remade(error, kind)
    except BaseException:  # noqa: BLE001 - the class is the user's
        return error
    return other if text_of(other) == text_of(error) else error


def remade(error: BaseException, kind: type[BaseException]) -> BaseException:
    """Make another exception that holds what this one does, and is chained as it is.

    Raises:
        BaseException: the class cannot be made so.
    """
    other = blank(kind, members_of(error) if is_group(error) else None)
    restore(other, state_of(error))
    link(other, error.__cause__, error.__context__, suppress=error.__suppress_context__)
    return other


def link(error: BaseException, cause: BaseException | None, context: BaseException | None, *, suppress: bool) -> None:
    """Set what an exception is chained to."""
    _PARTS["__cause__"].__set__(error, cause)
    _PARTS["__context__"].__set__(error, context)
    _PARTS["__suppress_context__"].__set__(error, suppress)


def text_of(error: BaseException) -> str | None:
    """Give what an exception says, or None when it fails to say anything."""
    try:
        return str.__str__(str(error))
    except BaseException:  # noqa: BLE001 - __str__ is the user's code
        return None


def _is_none(descriptor: Any, error: BaseException) -> bool:
    try:
        return descriptor.__get__(error, type(error)) is None
    except AttributeError:
        return False


@lru_cache(maxsize=256)
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple(_descriptors(kind))


def _descriptors(kind: type) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set(_NOT_FIELDS)
    for one in kind.__mro__:
        for name, part in () if one in _ROOTS else vars(one).items():
            if name not in seen and type(part) in {MemberDescriptorType, GetSetDescriptorType}:
                seen.add(name)
                yield name, part


def _is_native(new: object) -> bool:
    # A `__new__` that is written in Python is a staticmethod.
    return isinstance(new, BuiltinMethodType)
