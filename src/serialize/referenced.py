"""Values by reference: written so that their large pieces are kept elsewhere, and read with these at hand.

Owns how pieces become a text and back. Where they are kept is the affair of `Keep` and `Find`.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import Any, TypeAlias

from typing_extensions import Buffer

from ..errors import DeserializationError, SerializationError, WireError
from ..wire.blobs import HEADER, Referenced
from .data import DillDataBase64
from .large import Pieces, dumps_large, loads_pieces
from .wording import here, kind_of, why

#: Keeps a piece, and gives its name: its SHA-256. What it raises, the writer raises.
Keep: TypeAlias = Callable[[memoryview], str]
#: Gives the memory of a piece, by its name and its size: all of the object that it gives, which is the value's alone.
Find: TypeAlias = Callable[[str, int], Buffer]

#: A piece of the stream that is shorter travels along.
_INLINE_BYTES = 64 * 1024


def write_pieces(value: Any, keep: Keep) -> tuple[str, str]:
    """Write a value: by the usual strategy where it is small, by reference where it is large.

    Returns:
        The id of the strategy, and the body.

    Raises:
        SerializationError: it cannot be pickled; says why.
    """
    try:
        data = dumps_large(value)
    except SerializationError:
        raise
    except Exception as error:  # a value's own reduction may raise anything
        raise SerializationError(f"{kind_of(value)} cannot be serialized: {why(error)}") from error
    if isinstance(data, bytes):
        return DillDataBase64.identifier, b2a_base64(data, newline=False).decode("ascii")
    return HEADER[:2], _referenced(data, keep).body()


def read_pieces(text: str, find: Find | None) -> Any:
    """Read a value by reference.

    Raises:
        DeserializationError: it is damaged, needs what is not there, or its pieces cannot be had here.
        Exception: whatever `find` raises.
    """
    if find is None:
        raise DeserializationError(
            "the value is at the service, and only a reference to it is here: read it with farpool's Executor or Client"
        )
    try:
        told = Referenced.read(text)
    except WireError as error:
        raise DeserializationError(str(error)) from error
    stream: list[Buffer] = []
    at = 0
    for piece in told.stream:
        if isinstance(piece, str):
            stream.append(find(piece, told.blobs[piece]))
        else:
            stream.append(memoryview(told.inline)[at : at + piece])
            at += piece
    buffers = [find(name, told.blobs[name]) for name in told.buffers]
    try:
        return loads_pieces(stream, buffers)
    except Exception as error:  # a value's own rebuilding may raise anything
        raise DeserializationError(f"cannot be read: {why(error)}; {here(error)}") from error


def _referenced(pieces: Pieces, keep: Keep) -> Referenced:
    blobs: dict[str, int] = {}
    stream: list[int | str] = []
    inline: list[bytes] = []
    for piece in pieces.stream:
        if len(piece) < _INLINE_BYTES:
            stream.append(len(piece))
            inline.append(piece)
        else:
            stream.append(_kept(memoryview(piece), keep, blobs))
    buffers = [_kept(buffer, keep, blobs) for buffer in pieces.buffers]
    return Referenced(blobs, stream, buffers, b"".join(inline))


def _kept(piece: memoryview, keep: Keep, blobs: dict[str, int]) -> str:
    name = keep(piece)
    blobs[name] = piece.nbytes
    return name
