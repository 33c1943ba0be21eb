r"""Values by reference (ours): which large pieces of a value are kept at the service, and how that is written.

    "fb" + newline + {"blobs": {sha256: size, ...}, "stream": [...], "buffers": [...]} + newline + base64

A *blob* is some bytes, named by their SHA-256. The value is a pickle whose stream is put together from `stream`: a
number says how many of the bytes in the base64 come next, a name that a blob does. `buffers` are its out-of-band
buffers, all of them blobs. Service and endpoint read the first line and none of the rest.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import WireError
from .checks import as_object, is_list
from .jsontext import dumps, loads

#: What a text by reference begins with, where others have the id of their strategy.
HEADER = "fb\n"

#: The code of a refusal (ours): a blob is not there, or not for who asks.
BLOB_NOT_FOUND = "BLOB_NOT_FOUND"

_DIGEST = re.compile(r"[0-9a-f]{64}")


def as_digest(value: object, what: str = "a blob's name") -> str:
    """Check the name of a blob.

    Raises:
        ValueError: it is not a SHA-256 in small hexadecimal digits; names it.
    """
    if not (isinstance(value, str) and _DIGEST.fullmatch(value)):
        raise ValueError(f"{what} must be a SHA-256 in 64 small hexadecimal digits, not {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class Referenced:
    """A value by reference.

    Attributes:
        blobs: the sizes in bytes of its blobs, by their names.
        stream: pieces of the pickle: a blob's name, or how many of the inline bytes.
        buffers: names of the blobs that are its out-of-band buffers, in order.
        inline: the bytes that travel with the text.
    """

    blobs: Mapping[str, int]
    stream: Sequence[int | str]
    buffers: Sequence[str] = ()
    inline: bytes = b""

    def body(self) -> str:
        """Write it, without the header."""
        head = dumps({"blobs": dict(self.blobs), "stream": list(self.stream), "buffers": list(self.buffers)})
        return f"{head.decode()}\n{b2a_base64(self.inline, newline=False).decode('ascii')}"

    @classmethod
    def read(cls, text: str) -> Referenced:
        """Read a text by reference.

        Raises:
            WireError: it is none, or damaged.
        """
        head, _, inline = text[len(HEADER) :].partition("\n")
        told = _head(head)
        blobs = _sizes(told)
        stream, buffers = told.get("stream"), told.get("buffers")
        if not is_list(stream) or not is_list(buffers):
            raise WireError("a value by reference says neither its stream nor its buffers")
        for piece in (*(one for one in stream if not _is_count(one)), *buffers):
            if not isinstance(piece, str) or piece not in blobs:
                raise WireError(f"a value by reference names {piece!r}, which is none of its blobs")
        try:
            return cls(blobs, stream, buffers, a2b_base64(inline))
        except (Base64Error, ValueError) as error:
            raise WireError(f"a value by reference is damaged: {error}") from error


def is_referenced(text: str) -> bool:
    """Whether a text is a value by reference."""
    return text.startswith(HEADER)


def blobs_in(text: str) -> dict[str, int]:
    """Give the sizes of the blobs of one text, by name; nothing for one that is not by reference.

    Raises:
        WireError: it is by reference, and damaged.
    """
    if not is_referenced(text):
        return {}
    end = text.find("\n", len(HEADER))
    return _sizes(_head(text[len(HEADER) : end if end >= 0 else len(text)]))


def blobs_of(packed: str) -> dict[str, int]:
    """Give the sizes of the blobs that packed strings refer to, by name. What is not packed refers to none.

    Raises:
        WireError: one of the strings is by reference, and damaged.
    """
    found: dict[str, int] = {}
    for start, end in _strings(packed):
        if packed.startswith(HEADER, start):
            found |= blobs_in(packed[start:end])
    return found


def to_header(blobs: Mapping[str, int]) -> str:
    """Write sizes by name as one line of text: what an AMQP header holds."""
    return ",".join(f"{digest}:{size}" for digest, size in blobs.items())


def from_header(value: object) -> dict[str, int]:
    """Read what `to_header` wrote.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"blobs must be a text, not a {type(value).__name__}")  # noqa: TRY004 - of a message
    found: dict[str, int] = {}
    for entry in filter(None, value.split(",")):
        digest, _, size = entry.partition(":")
        if not (size.isascii() and size.isdigit()):
            raise ValueError(f"blobs names {entry!r}, which has no size")
        found[as_digest(digest)] = int(size)
    return found


def _strings(packed: str) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(packed):
        newline = packed.find("\n", at, at + 20)
        digits = packed[at:newline] if newline >= 0 else ""
        if not (digits.isascii() and digits.isdigit()):
            return
        at = newline + 1 + int(digits)
        yield newline + 1, at


def _is_count(piece: object) -> bool:
    return isinstance(piece, int) and not isinstance(piece, bool) and piece >= 0


def _head(line: str) -> Mapping[str, Any]:
    try:
        return as_object(loads(line.encode()), "the head of a value by reference")
    except (ValueError, RecursionError) as error:
        raise WireError(f"the head of a value by reference cannot be read: {error}") from error


def _sizes(head: Mapping[str, Any]) -> dict[str, int]:
    blobs = as_object(head.get("blobs"), "'blobs' of a value by reference")
    for name, size in blobs.items():
        if not _DIGEST.fullmatch(name) or isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise WireError(f"a value by reference is damaged: it names a blob {name!r} of size {size!r}")
    return dict(blobs)
