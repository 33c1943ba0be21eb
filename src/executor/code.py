"""A function as it is registered: its code and what people see of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..client import description_of, name_of, packed_registration
from ..serialize import ByValue, Serializer
from ..wire.rest import FunctionRegistration
from .initializer import Initializer


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

    def registration(self) -> FunctionRegistration:
        """Build the body to register it with."""
        return packed_registration(self.packed, function_name=self.name, description=self.description)


def code_of(fn: Callable[..., Any], serializer: Serializer, initializer: Initializer | None = None) -> Code:
    """Serialize a callable, and find its name and its docstring.

    Args:
        fn: the callable.
        serializer: writes it.
        initializer: what is to run before it.

    Raises:
        SerializationError: it cannot be serialized.
    """
    # People know a chunk of calls by the function that is called.
    seen = fn.namespace["fn"] if isinstance(fn, ByValue) else fn
    sent = fn if initializer is None else initializer.before(fn)
    return Code(serializer.pack_function(sent), name_of(seen), description_of(seen))
