"""JSON text: written and read fast, by orjson, and by the standard library where orjson is too strict.

A 1 MiB array passes seven times through JSON on its way there and back; orjson takes a tenth of the time for it. It
refuses what JSON of this protocol may hold now and then: half a surrogate pair in a traceback, integers over 64 bits,
`NaN` that somebody sends. The standard library writes and reads those, and everything where there is no orjson: workers
in containers have what the container has.
"""

from __future__ import annotations

import importlib
import json
from typing import Any


def _found() -> Any:
    try:
        return importlib.import_module("orjson")
    except ImportError:  # it is made for one version of Python
        return None


orjson: Any = _found()


class _Exact:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def exact(value: Any) -> Any:
    """Mark a part of what `dumps` is to write: the standard library writes it, to the letter.

    For what users and endpoints put into a message: orjson would write a float that is not a number as null.
    """
    return _Exact(value)


def _marked(part: object) -> Any:
    if isinstance(part, _Exact):
        return part.value
    raise TypeError(f"JSON has no word for a {type(part).__name__}")


_WRITE = json.JSONEncoder(separators=(",", ":"), default=_marked).encode


def _written(part: object) -> Any:
    return orjson.Fragment(_WRITE(_marked(part)))


def dumps(value: Any) -> bytes:
    """Write a value as JSON in UTF-8, without white space or raw newlines.

    A float that is not a number becomes null, but in a part that is marked as `exact`.

    Raises:
        TypeError: it holds something that JSON cannot say.
        ValueError: it holds itself.
    """
    if orjson is None:
        return _WRITE(value).encode()
    try:
        text: bytes = orjson.dumps(value, default=_written)
    except TypeError:
        return _WRITE(value).encode()
    return text


def loads(text: bytes) -> Any:
    """Read JSON in UTF-8. An integer over 64 bits becomes a float.

    Raises:
        ValueError: it is not JSON, or not UTF-8.
        RecursionError: it is nested too deeply.
    """
    if orjson is None:
        return json.loads(text.decode())
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text.decode())
