"""Checks of what a user hands in, before anything is sent: the argument is named, its value shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from ..wire.ids import as_id
from ..wire.shown import shown

T = TypeVar("T")


def text(value: object, what: str, *, may_be_empty: bool = False) -> str:
    """Return a string that has something in it.

    Raises:
        TypeError: `value` is not a string.
        ValueError: it is empty.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {shown(value)}")
    if not may_be_empty and not value.strip():
        raise ValueError(f"{what} is empty")
    return value


def json_object(value: object, what: str) -> Mapping[str, Any] | None:
    """Return a mapping that JSON can carry, or None.

    Raises:
        TypeError: it is no mapping, or a key or value in it is nothing that JSON has.
        ValueError: it holds a number that JSON has not (NaN, infinity), or contains itself.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dict, not {shown(value)}")
    checked = _string_keys(cast("Mapping[object, Any]", value), what)
    try:
        json.dumps(checked, allow_nan=False)
    except TypeError as error:
        raise TypeError(f"{what} cannot be written as JSON: {error}") from error
    except ValueError as error:
        raise ValueError(f"{what} cannot be written as JSON: {error}") from error
    return checked


def arguments(value: object) -> tuple[Any, ...]:
    """Return positional arguments as a tuple.

    Raises:
        TypeError: they are not a tuple or list: a string is one argument, not several.
    """
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"args must be a tuple, not {shown(value)}: for one argument, args=(x,)")
    return tuple(cast("list[Any]", value))


def keywords(value: object) -> dict[str, Any]:
    """Return keyword arguments as a dict.

    Raises:
        TypeError: they are not a mapping with strings as keys.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"kwargs must be a dict, not {shown(value)}")
    return _string_keys(cast("Mapping[object, Any]", value), "kwargs")


def flag(value: object, what: str) -> bool:
    """Return a truth value.

    Raises:
        TypeError: it is neither True nor False: "no" would count as true.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be True or False, not {shown(value)}")
    return value


def flag_or_none(value: object, what: str) -> bool | None:
    """Return a truth value, or None for None; raises as `flag` does."""
    return None if value is None else flag(value, what)


def instance(value: object, kind: type[T], what: str) -> T:
    """Return a value that is of a kind.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a {kind.__name__}, not {shown(value)}")
    return value


def callable_one(value: object, what: str) -> None:
    """Make sure that a value can be called.

    Raises:
        TypeError: it cannot.
    """
    if not callable(value):
        raise TypeError(f"{what} must be a function, not {shown(value)}")


def ids(values: object, what: str) -> list[str] | None:
    """Return a list of ids, or None for None.

    Raises:
        TypeError: it is one string, or no collection of ids at all, or holds something that is no id.
        ValueError: a string in it does not spell an id.
    """
    return None if values is None else id_list(values, what)


def id_list(values: object, what: str) -> list[str]:
    """Return a list of ids; raises as `ids` does, also for None."""
    if isinstance(values, Mapping):
        # What batch_run gives has lists of task ids by function id: its keys are ids, and the wrong ones.
        raise TypeError(f"{what} must be a list of ids, not a dict: take the ids out of its values")
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{what} must be a list of ids, not {shown(values)}")
    return [as_id(value, what) for value in cast("Iterable[object]", values)]


def positive(value: object, what: str) -> int | None:
    """Return a whole number of at least 1, or None.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is less than 1.
    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be an integer, not {shown(value)}")
    if value < 1:
        raise ValueError(f"{what} must be greater than 0, not {value}")
    return value


def whole(value: object, what: str) -> int:
    """Return a whole number of at least 0.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is less than 0.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be an integer, not {shown(value)}")
    if value < 0:
        raise ValueError(f"{what} must not be negative, and is {value}")
    return value


def duration(value: object, what: str) -> float:
    """Return a number of seconds above 0.

    Raises:
        TypeError: it is no number.
        ValueError: it is not above 0, or endless.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{what} must be a number, not {shown(value)}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{what} must be above 0 seconds, not {value!r}")
    return value


def _string_keys(value: Mapping[object, Any], what: str) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for key, one in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{what} must have strings as keys, not {shown(key)}")
        checked[key] = one
    return checked
