"""A function as it is registered: its code and what people see of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ...client import SDK_VERSION, description_of, name_of, packed_registration
from ...serialize import ByValue, Serializer, digest_of, is_lasting
from ...wire.rest import FunctionRegistration
from .initializer import Initializer
from .kinds import prepared

#: The version of `Code.key`: functions that are kept under another are not found.
_KEY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Code:
    """A function as it is registered: equal code is the same function.

    Attributes:
        packed: the packed serialised function.
        name, description: what people see of it.
    """

    packed: str
    name: str
    description: str | None

    def exact(self) -> bytes:
        """Hash it as it is: in microseconds, and of use in this process only."""
        return _hash(self.packed.encode("utf-8", "surrogatepass"), self.name, self.description)

    def key(self) -> bytes:
        """Hash what is said of it to the service and what a worker makes of it: the same in every process.

        Two functions of one key are the same to everybody: to the worker that runs them, under the same minor version
        of Python, and to the people who see their names.
        """
        versions = f"{_KEY_VERSION} {sys.version_info[0]}.{sys.version_info[1]} {SDK_VERSION}"
        return _hash(digest_of(self.packed), versions, self.name, self.description)

    def is_lasting(self) -> bool:
        """Whether it can be of use to later programs: not where a class of this program is in it."""
        return is_lasting(self.packed)

    def registration(self) -> FunctionRegistration:
        """Build the body to register it with."""
        return packed_registration(self.packed, function_name=self.name, description=self.description)


def _hash(code: bytes, *texts: str | None) -> bytes:
    hashed = sha256(b"%d:" % len(code) + code)
    for text in texts:
        part = b"-" if text is None else text.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % (-1 if text is None else len(part)) + part)
    return hashed.digest()


def code_of(fn: Callable[..., Any], serializer: Serializer, initializer: Initializer | None = None) -> Code:
    """Serialize a callable, and find its name and its docstring.

    Args:
        fn: the callable.
        serializer: writes it.
        initializer: what is to run before it.

    Raises:
        TypeError: it is a generator function.
        SerializationError: it cannot be serialized.
    """
    # People know a chunk of calls by the function that is called.
    seen = fn.namespace.get("fn", fn.function) if isinstance(fn, ByValue) else fn
    sent = prepared(fn)
    if initializer is not None:
        sent = initializer.before(sent)
    return Code(serializer.pack_function(sent), name_of(seen), description_of(seen))
