"""Fields of a JSON body: read strictly, written only where there is something to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ...errors import WireError
from ..ids import as_id

T = TypeVar("T")


def read(body: Mapping[str, Any], name: str, kind: type, default: Any = ...) -> Any:
    """Give the field of a body.

    Raises:
        WireError: it is missing and has no default, or is of another kind; names it.
    """
    value = body.get(name)
    if value is None:
        if default is ...:
            raise WireError(f"field {name!r} is missing")
        return default
    if not isinstance(value, kind):
        raise WireError(f"field {name!r} is a {type(value).__name__}, not a {kind.__name__}")
    return value


def read_id(value: object, name: str) -> str:
    """Give a value that must be an id.

    Raises:
        WireError: it is none; names it.
    """
    try:
        return as_id(value, name)
    except (TypeError, ValueError) as error:
        raise WireError(str(error)) from error


def read_checked(body: Mapping[str, Any], name: str, check: Callable[[object, str], T]) -> T | None:
    """Give a field of a body that may be left out, as `check` returns it.

    Raises:
        WireError: `check` refused it.
    """
    value = body.get(name)
    if value is None:
        return None
    try:
        return check(value, f"field {name!r}")
    except (TypeError, ValueError) as error:
        raise WireError(str(error)) from error


def drop_none(body: dict[str, Any]) -> dict[str, Any]:
    """Give the body without the fields that say nothing."""
    return {key: value for key, value in body.items() if value is not None}
