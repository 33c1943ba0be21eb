"""What may be set on an executor, checked when it is set: a bad value never waits until a task is lost to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from ..wire.ids import as_id

#: The endpoint id that names the embedded stack.
LOCAL = "local"

#: No endpoint was named: the environment decides, and the embedded stack where it says nothing.
UNSET = ""


def endpoint(value: object) -> str | None:
    """Check an endpoint: `UNSET`, None for "yet to be set", `LOCAL`, or the id of one."""
    if value is None:
        return None
    return str(value) if value in {UNSET, LOCAL} else as_id(value, "endpoint_id")


def optional_id(value: object, what: str) -> str | None:
    """Check an id that may be None."""
    return None if value is None else as_id(value, what)


def json_object(value: object, what: str) -> str | None:
    """Turn a mapping into canonical JSON text; None and an empty one mean "nothing to say".

    Raises:
        TypeError: it is not a mapping, or holds something that JSON cannot say.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dict, not {value!r} ({type(value).__name__})")
    try:
        return json.dumps(dict(cast("Mapping[str, Any]", value)), sort_keys=True) if value else None
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be JSON-serializable: {error}; it is {value!r}") from error


def parsed(text: str | None) -> dict[str, Any] | None:
    """Turn what `json_object` made back into a dict of its own."""
    return None if text is None else json.loads(text)
