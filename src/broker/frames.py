"""Frames as bytes: the few that are made by the thousand are packed by hand, all others by `pamqp`. Pure functions.

Source: AMQP 0-9-1, parts 2.3 (framing) and 4.2 (wire level format).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pamqp import commands, exceptions
from pamqp import frame as pamqp_frame

from .errors import ConnectionRefusal

if TYPE_CHECKING:
    from pamqp.base import Frame

METHOD = 1
HEADER = 2
BODY = 3
HEARTBEAT = 8

#: The bytes around a payload: type, channel and size before it, the end mark after it.
OVERHEAD = 8
END = 0xCE
END_BYTE = b"\xce"
HEARTBEAT_FRAME = b"\x08\x00\x00\x00\x00\x00\x00\xce"
#: What a peer that speaks something else is answered: the version that is spoken here.
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

# Method indexes, `class << 16 | method`, of what is read or written by hand.
PUBLISH: int = commands.Basic.Publish.index
ACK: int = commands.Basic.Ack.index
NACK: int = commands.Basic.Nack.index
REJECT: int = commands.Basic.Reject.index
DELIVER: int = commands.Basic.Deliver.index
GET_OK: int = commands.Basic.GetOk.index
RETURN: int = commands.Basic.Return.index
DECLARE_OK: int = commands.Queue.DeclareOk.index

_FRAME = struct.Struct(">BHI")
_METHOD_FRAME = struct.Struct(">BHII")
_SETTLE_FRAME = struct.Struct(">BHIIQBB")
_INDEX = struct.Struct(">I")
_TAG = struct.Struct(">QB")
_COUNT = struct.Struct(">I")
_COUNTS = struct.Struct(">II")

unpack_frame = _FRAME.unpack_from
unpack_index = _INDEX.unpack_from
#: Delivery tag and flag bits, behind the index of an Ack, Nack or Reject.
unpack_settlement = _TAG.unpack


def short_string(text: str) -> bytes:
    """Encode a short string.

    Raises:
        ValueError: it takes more than 255 bytes.
    """
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"{text[:40]!r}... takes {len(data)} bytes: names on the wire hold 255 at most")
    return bytes((len(data),)) + data


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Put a payload into a frame."""
    return b"".join((_FRAME.pack(kind, channel, len(payload)), payload, END_BYTE))


def method_frame(channel: int, method: Frame) -> bytes:
    """Encode a method that is sent now and then."""
    return pamqp_frame.marshal(method, channel)


def read_method(data: bytes) -> Any:
    """Decode a whole method frame: gives an instance out of `pamqp.commands`.

    Raises:
        ConnectionRefusal: 501 for a method nobody knows, 502 for arguments that cannot be read.
    """
    index: int = unpack_index(data, 7)[0]
    if index not in commands.INDEX_MAPPING:
        raise ConnectionRefusal(501, f"unknown method: class {index >> 16}, method {index & 0xFFFF}")
    try:
        return pamqp_frame.unmarshal(data)[2]
    except (exceptions.PAMQPException, ValueError, IndexError, struct.error) as error:
        name = commands.INDEX_MAPPING[index].__qualname__
        raise ConnectionRefusal(502, f"the arguments of {name} cannot be read") from error


def _by_hand(channel: int, index: int, payload: bytes) -> bytes:
    return b"".join((_METHOD_FRAME.pack(METHOD, channel, len(payload) + 4, index), payload, END_BYTE))


def ack_frame(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Encode a Basic.Ack: a confirm."""
    return _SETTLE_FRAME.pack(METHOD, channel, 13, ACK, tag, multiple, END)


def nack_frame(channel: int, tag: int) -> bytes:
    """Encode a Basic.Nack: a publish that was not taken."""
    return _SETTLE_FRAME.pack(METHOD, channel, 13, NACK, tag, 0, END)


def deliver_frame(channel: int, consumer: bytes, tag: int, redelivered: bool, address: bytes) -> bytes:
    """Encode a Basic.Deliver; `consumer` and `address` are encoded already."""
    size = len(consumer) + len(address) + 13
    return b"".join(
        (_METHOD_FRAME.pack(METHOD, channel, size, DELIVER), consumer, _TAG.pack(tag, redelivered), address, END_BYTE)
    )


def get_ok_frame(channel: int, tag: int, redelivered: bool, address: bytes, count: int) -> bytes:
    """Encode a Basic.GetOk."""
    return _by_hand(channel, GET_OK, _TAG.pack(tag, redelivered) + address + _COUNT.pack(count))


def return_frame(channel: int, code: int, text: str, address: bytes) -> bytes:
    """Encode a Basic.Return."""
    return _by_hand(channel, RETURN, code.to_bytes(2, "big") + short_string(text) + address)


def declare_ok_frame(channel: int, queue: str, messages: int, consumers: int) -> bytes:
    """Encode a Queue.DeclareOk. By hand: pamqp allows fewer characters in a name than peers use."""
    return _by_hand(channel, DECLARE_OK, short_string(queue) + _COUNTS.pack(messages, consumers))


def content_frames(channel: int, header: bytes, body: bytes, room: int) -> bytes:
    """Encode the content header and the body, in as many frames as it takes.

    Args:
        channel: the channel number.
        header: the payload of the content header frame.
        body: the whole body.
        room: how many bytes of the body fit into one frame.
    """
    pack = _FRAME.pack
    size = len(body)
    head = pack(HEADER, channel, len(header))
    if 0 < size <= room:
        return b"".join((head, header, END_BYTE, pack(BODY, channel, size), body, END_BYTE))
    parts: list[bytes | memoryview] = [head, header, END_BYTE]
    view = memoryview(body)
    for start in range(0, size, room):
        piece = view[start : start + room]
        parts += (pack(BODY, channel, len(piece)), piece, END_BYTE)
    return b"".join(parts)
