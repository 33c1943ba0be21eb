"""What serialized code says, in 32 bytes: equal where no reader could tell the difference, and only there.

Two processes that serialize one function do not write the same text: see `instructions` for why, and for what is done
about it. Text that is no pickle counts as it is.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256

from ..errors import WireError
from ..wire.packing import pack, unpack
from .identity import program_id
from .instructions import NotUnderstood, follow
from .wording import BYTECODE

#: Strategies whose body is a pickle in base64, and those whose body is packed texts.
_PICKLED = frozenset({"00\n", "01\n", "02\n", "03\n", "04\n"})
_PACKED = frozenset({"12\n", "13\n"})


#: How a pickle names dill's function that makes code: by the protocols from 4 on, and before.
_BYTECODE = (b"\x8c\x0c_create_code\x94\x93", b"\n_create_code\n")


def digest_of(packed: str) -> bytes:
    """Digest packed serialized texts, such as `Serializer.pack_function` writes.

    >>> from farpool.serialize import Serializer
    >>> one, other = ({"pear", "fig"}, {"fig", "pear"})
    >>> digest_of(Serializer().pack_arguments((one,), {})) == digest_of(Serializer().pack_arguments((other,), {}))
    True
    """
    try:
        return _hash(b"packed", map(_digest_of_text, unpack(packed)))
    except WireError:
        return _as_it_is(packed)


def _digest_of_text(text: str) -> bytes:
    header, body = text[:3], text[3:]
    if header in _PACKED:
        return _hash(header.encode(), [digest_of(body)])
    if header in _PICKLED:
        try:
            return _hash(header.encode(), follow(a2b_base64(body)))
        except (NotUnderstood, ValueError):
            return _as_it_is(text)
    return _as_it_is(text)


def is_lasting(packed: str) -> bool:
    """Whether packed texts mean the same to later programs: not so where a class of this program is in them."""
    return not any(program_id().encode() in data for data in _pickles_in(packed))


def holds_bare_bytecode(text: str) -> bool:
    """Whether a serialized text holds bytecode that does not say of which version of Python it is.

    farpool always guards bytecode so that it does; dill alone does not.
    """
    with suppress(WireError):
        return any(
            any(mark in data for mark in _BYTECODE) and BYTECODE.encode() not in data
            for data in _pickles_in(pack([text]))
        )
    return False


def _pickles_in(packed: str) -> Iterator[bytes]:
    try:
        texts = unpack(packed)
    except WireError:
        return
    for text in texts:
        header, body = text[:3], text[3:]
        if header in _PACKED:
            yield from _pickles_in(body)
        elif header in _PICKLED:
            with suppress(ValueError):
                yield a2b_base64(body)


def _as_it_is(text: str) -> bytes:
    return _hash(b"text", [text.encode("utf-8", "surrogatepass")])


def _hash(kind: bytes, parts: Iterable[bytes]) -> bytes:
    hashed = sha256(kind)
    for part in parts:
        hashed.update(b"%d:" % len(part))
        hashed.update(part)
    return hashed.digest()
