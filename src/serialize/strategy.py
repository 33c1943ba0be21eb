"""What a serialization strategy is: a way to turn a value into text and back, known on the wire by two characters.

Owns the header (`identifier` and a newline before the body) and the translation of failures into farpool's errors;
what is between is each strategy's own.
Source: Globus Compute wire protocol, payload strings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from ..errors import DeserializationError, SerializationError
from .wording import here, kind_of, why


class Strategy(ABC):
    """One way to turn a value into text and back. Strategies hold no state: one instance serves every thread.

    Attributes:
        identifier: the two characters that name the strategy on the wire.
        for_code: whether it is for callables (functions, classes, callable objects) or for all else.
    """

    identifier: ClassVar[str]
    for_code: ClassVar[bool]

    @abstractmethod
    def encode(self, value: Any) -> str:
        """Write the body, which follows the header. May raise anything."""

    @abstractmethod
    def decode(self, body: str) -> Any:
        """Read a body. May raise anything."""

    def serialize(self, value: Any) -> str:
        r"""Write a value as text: `identifier`, a newline, the body.

        >>> from farpool.serialize import JSONData
        >>> JSONData().serialize({"a": 1})
        '11\n{"a": 1}'

        Raises:
            SerializationError: this strategy cannot write this value; says why.
        """
        return f"{self.identifier}\n{self.body_of(value)}"

    def body_of(self, value: Any) -> str:
        """Write a value without the header.

        Raises:
            SerializationError: this strategy cannot write this value; says why.
        """
        try:
            return self.encode(value)
        except SerializationError:
            raise
        except Exception as error:  # a value's own reduction may raise anything
            raise SerializationError(f"{kind_of(value)} cannot be serialized by {self}: {why(error)}") from error

    def deserialize(self, text: str) -> Any:
        """Read what `serialize` wrote, here or in a peer.

        Raises:
            DeserializationError: the text is of another strategy, is damaged, or needs what is not there (a module,
                another Python version); says which.
        """
        if not text.startswith(f"{self.identifier}\n"):
            raise DeserializationError(f"{self} cannot read text that begins with {text[:3]!r}")
        try:
            return self.decode(text[3:])
        except DeserializationError:
            raise
        except Exception as error:  # a value's own rebuilding may raise anything
            raise DeserializationError(f"cannot be read by {self}: {why(error)}; {here(error)}") from error

    def __str__(self) -> str:
        return f"strategy {self.identifier} ({type(self).__name__})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
