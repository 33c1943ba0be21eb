"""Ids: lower-case hyphenated UUID strings at the API and on the wire."""

from __future__ import annotations

import os
import re
import uuid

from .shown import quoted, shown

_CANONICAL = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

# `uuid.UUID` alone is too kind: it takes signs, spaces, underscores and hyphens anywhere.
_SPELLING = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def as_id(value: object, what: str) -> str:
    """Return `value` as a lower-case hyphenated UUID string.

    Args:
        value: a `uuid.UUID` or a string that spells one, in either case, with or without hyphens.
        what: what the id names, for the message, such as ``"endpoint_id"``.

    Raises:
        TypeError: `value` is neither a string nor a UUID.
        ValueError: `value` is a string that does not spell a UUID.
    """
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a UUID or a string that spells one, not {shown(value)}")
    if _CANONICAL.fullmatch(value):
        return value
    if _SPELLING.fullmatch(value):
        return str(uuid.UUID(value))
    raise ValueError(f"{what} {quoted(value)} is not a UUID; one looks like 4b116d3c-1703-4f8f-9f6f-39921e5864df")


def new_id() -> str:
    """Make a random (version 4) id."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    # uuid.uuid4() would do, at three times the cost: a service makes one of these for every task.
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
