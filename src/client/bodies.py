"""Reads the bodies that have no class of their own in `wire.rest`: each raises `WireError` for what it cannot read."""

from __future__ import annotations

from typing import Any, cast

from ..errors import WireError
from ..wire.ids import as_id


def any_body(body: Any) -> Any:
    """Take any body as it is."""
    return body


def json_body(body: Any) -> dict[str, Any]:
    """Read a JSON object."""
    if not isinstance(body, dict):
        raise WireError(f"it is a {type(body).__name__}, not an object")
    return cast("dict[str, Any]", body)


def entries(body: Any, name: str) -> list[dict[str, Any]]:
    """Read a list of objects, bare or as the field `name` of an object."""
    found: Any = json_body(body).get(name) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise WireError(f"it is not a list of {name}")
    return [json_body(one) for one in cast("list[object]", found)]


def string(body: Any, name: str) -> str:
    """Read one string field of an object."""
    value = json_body(body).get(name)
    if not isinstance(value, str):
        raise WireError(f"field {name!r} is missing or not a string")
    return value


def identity(body: Any, name: str) -> str:
    """Read one id of an object."""
    try:
        return as_id(string(body, name), name)
    except ValueError as error:
        raise WireError(str(error)) from error
