"""The payload of a content header frame: body size, flags and properties. Pure functions.

A broker passes properties on as the bytes they came in. It reads them only as far as a broken one would hurt its next
reader, and for the few that ask the broker for something.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from pamqp import commands, encode, exceptions, header

from .errors import ConnectionRefusal

_HEADER = struct.Struct(">HHQH")
_BASIC = 60
_HEADERS_FLAG = 0x2000
_EXPIRATION_FLAG = 0x0100
_USER_ID_FLAG = 0x0010

#: The fixed sizes of properties by flag; 0 stands for a short string, -1 for a table.
_SIZES = (
    (0x8000, 0),  # content_type
    (0x4000, 0),  # content_encoding
    (0x2000, -1),  # headers
    (0x1000, 1),  # delivery_mode
    (0x0800, 1),  # priority
    (0x0400, 0),  # correlation_id
    (0x0200, 0),  # reply_to
    (0x0100, 0),  # expiration
    (0x0080, 0),  # message_id
    (0x0040, 8),  # timestamp
    (0x0020, 0),  # type
    (0x0010, 0),  # user_id
    (0x0008, 0),  # app_id
    (0x0004, 0),  # cluster_id
)


def encode_header(
    size: int,
    *,
    headers: Mapping[str, Any],
    content_type: str,
    message_id: str,
    timestamp: int | None,
) -> bytes:
    """Write the payload of a content header frame; the message is persistent (delivery mode 2).

    Args:
        size: of the body, in bytes.
        headers: strings, integers, booleans and lists of strings.
        content_type: left out when empty.
        message_id: left out when empty.
        timestamp: unix time in seconds, or None.
    """
    flags = 0x1000
    parts: list[bytes] = []
    if content_type:
        flags |= 0x8000
        parts.append(encode.short_string(content_type))
    if headers:
        flags |= _HEADERS_FLAG
        parts.append(encode.field_table(dict(headers)))
    parts.append(b"\x02")
    if message_id:
        flags |= 0x0080
        parts.append(encode.short_string(message_id))
    if timestamp is not None:
        flags |= 0x0040
        parts.append(timestamp.to_bytes(8, "big"))
    return b"".join((_HEADER.pack(_BASIC, 0, size, flags), *parts))


def body_size(payload: bytes) -> int:
    """Check the payload of a content header frame and give the size of the body that follows.

    Raises:
        ConnectionRefusal: 505 for another class than Basic, 502 for properties that cannot be read, 540 for ones that
            ask for what this broker does not do.
    """
    if len(payload) < _HEADER.size:
        raise ConnectionRefusal(502, "a content header is cut short")
    kind: int
    size: int
    flags: int
    kind, _, size, flags = _HEADER.unpack_from(payload)
    if kind != _BASIC:
        raise ConnectionRefusal(505, f"expected content header for class 60, got one for class {kind} instead")
    if flags & _EXPIRATION_FLAG:
        raise ConnectionRefusal(540, "expiration: messages of this broker do not expire")
    if flags & 1 or not _fits(payload, flags):
        raise ConnectionRefusal(502, "the properties of a message cannot be read")
    if flags & _HEADERS_FLAG:
        read_properties(payload)
    return size


def _fits(payload: bytes, flags: int) -> bool:
    """Whether the properties named by the flags fill the payload exactly."""
    at = _HEADER.size
    end = len(payload)
    for flag, size in _SIZES:
        if flags & flag:
            if size > 0:
                at += size
            elif at >= end:
                return False
            elif size == 0:
                at += 1 + payload[at]
            else:
                at += 4 + int.from_bytes(payload[at : at + 4], "big")
    return at == end


def names_user(payload: bytes) -> bool:
    """Whether the user_id property is set."""
    return bool(_HEADER.unpack_from(payload)[3] & _USER_ID_FLAG)


def read_properties(payload: bytes) -> commands.Basic.Properties:
    """Decode all properties.

    Raises:
        ConnectionRefusal: 502, they cannot be read.
    """
    content = header.ContentHeader()
    try:
        content.unmarshal(payload)
    except (exceptions.PAMQPException, ValueError, TypeError, IndexError, OverflowError, struct.error) as error:
        raise ConnectionRefusal(502, "the properties of a message cannot be read") from error
    return content.properties


def read_headers(payload: bytes) -> dict[str, Any]:
    """Decode the headers of a payload that `body_size` has passed or `encode_header` has made."""
    if not _HEADER.unpack_from(payload)[3] & _HEADERS_FLAG:
        return {}
    return read_properties(payload).headers or {}
