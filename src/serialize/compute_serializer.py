"""`ComputeSerializer`: a `Serializer` with the names and arguments that programs for the Globus Compute SDK use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from typing_extensions import override

from ..errors import DeserializationError, SerializationError, WireError
from ..wire.blobs import is_referenced
from ..wire.packing import pack, unpack
from ..wire.shown import shown
from .chosen import StrategyLike, strategy_like
from .data import DillDataBase64
from .referenced import Find
from .serializer import Serializer
from .strategies import STRATEGIES, strategy_of
from .strategy import Strategy


class AllowlistWildcard(str, Enum):
    """All strategies of a kind, in a list of those that may be read."""

    CODE = "globus_compute_sdk.*Code"
    DATA = "globus_compute_sdk.*Data"


class ComputeSerializer(Serializer):
    r"""Turns functions, arguments and results into text and back, as `Serializer` does. Immutable.

    Strategies may be objects, classes or import paths, of this package or of the SDK.

    Args:
        strategy_code: the strategy for callables; left out: `AutoCode`.
        strategy_data: the strategy for all else; left out: `DillDataBase64`.
        allowed_deserializer_types: the strategies that are read, at least one for code and one for data, or an
            `AllowlistWildcard` for all of a kind; left out: all.

    Raises:
        TypeError, ValueError: there is no such strategy, or it is of the other kind.

    Example:
        >>> serializer = ComputeSerializer(strategy_data="farpool.serialize.JSONData")
        >>> serializer.serialize([1, 2])
        '11\n[1, 2]'
    """

    __slots__ = ("allowed_deserializer_types",)

    def __init__(
        self,
        strategy_code: StrategyLike | None = None,
        strategy_data: StrategyLike | None = None,
        *,
        allowed_deserializer_types: Iterable[StrategyLike | AllowlistWildcard] | None = None,
    ) -> None:
        super().__init__(strategy_code, strategy_data)
        self.allowed_deserializer_types = _allowed(allowed_deserializer_types)

    @property
    def code_serializer(self) -> Strategy:
        """The strategy for callables."""
        return self.code

    @property
    def data_serializer(self) -> Strategy:
        """The strategy for all else."""
        return self.data

    @staticmethod
    def serialize_from_list(data: Any, strategies: Iterable[StrategyLike]) -> str:
        """Write one value by the first of several strategies that can.

        Raises:
            SerializationError: none of them can; says why not, for each.
        """
        return Serializer().serialize_by(data, list(strategies))

    @override
    def deserialize(self, text: str, find: Find | None = None) -> Any:
        """Read one value, whatever strategy wrote it, if that one is allowed.

        Raises:
            DeserializationError: it may not, or cannot be read here; says why.
        """
        if self.allowed_deserializer_types:
            self.assert_deserializer_allowed(DillDataBase64() if is_referenced(text) else strategy_of(text))
        return super().deserialize(text, find)

    def assert_deserializer_allowed(self, strategy: Strategy) -> None:
        """Make sure that what a strategy wrote may be read.

        Raises:
            DeserializationError: it may not; says what may.
        """
        allowed = self.allowed_deserializer_types
        if allowed and type(strategy) not in allowed:
            names = ", ".join(sorted(one.__name__ for one in allowed if one.for_code == strategy.for_code))
            raise DeserializationError(f"{strategy} may not be read here; allowed are: {names}")

    @staticmethod
    def pack_buffers(buffers: Iterable[str]) -> str:
        """Pack strings into one."""
        return pack(buffers)

    @staticmethod
    def unpack_buffers(packed_buffer: str) -> list[str]:
        """Take a packed string apart.

        Raises:
            WireError: it is damaged.
        """
        return unpack(packed_buffer)

    def unpack_and_deserialize(self, packed_buffer: str) -> list[Any]:
        """Read a function, its positional and its keyword arguments.

        Raises:
            WireError: it is not three packed strings.
            DeserializationError: one of them may not or cannot be read here.
        """
        texts = unpack(packed_buffer)
        if len(texts) != 3:
            raise WireError(f"a task holds a function and two kinds of arguments, 3 packed strings, not {len(texts)}")
        return [self.deserialize(text) for text in texts]

    def check_strategies(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Send a call through these strategies and back, here.

        Returns:
            The function, the positional and the keyword arguments, as a worker would have them.

        Raises:
            SerializationError: one of them cannot be written.
            DeserializationError: one of them cannot be read.
        """
        if not callable(function):
            raise SerializationError(f"check_strategies takes a function first, not {shown(function)}")
        return self.unpack_and_deserialize(self.pack_function(function) + self.pack_arguments(args, kwargs))


def as_serializer(value: object, what: str = "serializer") -> Serializer:
    """Take a serializer of this package, or read one of the SDK's.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, Serializer):
        return value
    kind = type(value)
    if kind.__module__.startswith("globus_compute_sdk.") and kind.__name__ == ComputeSerializer.__name__:
        theirs: Any = value
        return ComputeSerializer(
            theirs.code_serializer,
            theirs.data_serializer,
            allowed_deserializer_types=getattr(theirs, "allowed_deserializer_types", None),
        )
    raise TypeError(f"{what} must be a Serializer, not {shown(value)}")


def _allowed(values: Iterable[StrategyLike | AllowlistWildcard] | None) -> frozenset[type[Strategy]]:
    if not values:
        return frozenset()
    wildcards: Mapping[str, bool] = {AllowlistWildcard.CODE.value: True, AllowlistWildcard.DATA.value: False}
    found: set[type[Strategy]] = set()
    for value in values:
        name = str(getattr(value, "value", value)) if isinstance(value, str) else ""
        if name in wildcards:
            found |= {type(one) for one in STRATEGIES if one.for_code == wildcards[name]}
        else:
            found.add(type(strategy_like(value)))
    if len({one.for_code for one in found}) != 2:
        raise ValueError("allowed_deserializer_types must hold at least one strategy for code and one for data")
    return frozenset(found)
