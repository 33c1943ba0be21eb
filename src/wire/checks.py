"""First looks at JSON of others: is it an object, is it a list?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from ..errors import WireError


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def as_object(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON value that must be an object.

    Raises:
        WireError: it is none; says what it should have been and what it is.
    """
    if not is_object(value):
        raise WireError(f"{what} must be a JSON object, not {type(value).__name__}")
    return value
