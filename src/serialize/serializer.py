"""The facade: one strategy for code, one for data, and the packing of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import DeserializationError, SerializationError, WireError
from ..wire.blobs import is_referenced
from ..wire.packing import pack, unpack
from .by_value import ByValue
from .chosen import StrategyLike, strategy_like
from .code import AutoCode
from .data import DillDataBase64
from .faults import locate, locate_in_function
from .referenced import Find, Keep, read_pieces, write_pieces
from .staying import stays_here
from .strategies import strategy_named, strategy_of
from .strategy import Strategy
from .wording import kind_of


class Serializer:
    """Turns functions, arguments and results into text and back. Immutable: one serves every thread.

    Args:
        code: the strategy for callables; `AutoCode` when left out.
        data: the strategy for all else; `DillDataBase64` when left out.

    Raises:
        TypeError: what was given is no strategy.
        ValueError: there is no strategy of that name, or a code strategy was given for data, or the reverse.
    """

    __slots__ = ("code", "data")

    def __init__(self, code: StrategyLike | None = None, data: StrategyLike | None = None) -> None:
        self.code = _checked(AutoCode() if code is None else code, for_code=True)
        self.data = _checked(DillDataBase64() if data is None else data, for_code=False)

    def __repr__(self) -> str:
        return f"Serializer(code={self.code!r}, data={self.data!r})"

    def serialize(self, value: Any) -> str:
        """Write one value: a callable by the code strategy, all else by the data strategy.

        Raises:
            SerializationError: it cannot be written; says why.
        """
        return (self.code if callable(value) else self.data).serialize(value)

    def serialize_by(self, value: Any, strategies: Sequence[StrategyLike]) -> str:
        """Write one value by the first of several strategies that can, as `result_serializers` asks for.

        Args:
            value: a result.
            strategies: strategies, mostly as import paths, of which the last part counts: clients of any library send
                them. Those of the wrong kind (code or data) are passed over. Empty: as `serialize`.

        Raises:
            SerializationError: none of them can; says why not, for each.
        """
        if not strategies:
            return self.serialize(value)
        failures: list[str] = []
        for path in strategies:
            try:
                strategy = strategy_named(path) if isinstance(path, str) else path
                return _checked(strategy, for_code=callable(value)).serialize(value)
            except (SerializationError, TypeError, ValueError) as error:
                failures.append(f"{path}: {error}")
        raise SerializationError(f"no strategy asked for can write {kind_of(value)}: {'; '.join(failures)}")

    def serialize_large(self, value: Any, keep: Keep) -> str:
        """Write one value; what is large in it is kept elsewhere, where that can be.

        Raises:
            SerializationError: it cannot be written; says why.
        """
        if callable(value) or not self._takes_pieces:
            return self.serialize(value)
        identifier, body = write_pieces(value, keep)
        return f"{identifier}\n{body}"

    def deserialize(self, text: str, find: Find | None = None) -> Any:
        """Read one value, whatever strategy wrote it.

        Args:
            text: the value.
            find: gives the memory of a piece that is kept elsewhere; None: there is no such here.

        Raises:
            DeserializationError: it cannot be read here; says why and what to do.
        """
        return read_pieces(text, find) if is_referenced(text) else strategy_of(text).deserialize(text)

    def pack_function(self, function: Callable[..., Any]) -> str:
        """Write a function as it is registered (`function_code`).

        Raises:
            SerializationError: it cannot be written; names the function and, where it is found, what it holds that
                cannot be.
        """
        try:
            return pack([self.code.serialize(function)])
        except SerializationError as error:
            if isinstance(function, ByValue):
                self._find_fault_inside(function)
            name = getattr(function, "__qualname__", None) or kind_of(function)
            fault = locate_in_function(function, self._fails)
            if stays := stays_here(error):
                because = f" because of {fault}" if fault else ""
                raise SerializationError(f"function {name} cannot be serialized{because}: {stays}") from error
            advice = f" because of {fault}; pass that as an argument or make it inside the function" if fault else ""
            raise SerializationError(f"function {name} cannot be serialized{advice}: {error}") from error

    def pack_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], keep: Keep | None = None) -> str:
        """Write the arguments of one call, as they are submitted.

        Args:
            args: the positional arguments.
            kwargs: the keyword arguments.
            keep: has a large piece of them kept elsewhere, and gives its name; None: everything travels along.

        Raises:
            SerializationError: one of them cannot be written; names it by position (from 1) or keyword, and its type.
        """
        try:
            one, positional = self._argument_body(args, keep)
            two, keyword = self._argument_body(dict(kwargs), keep)
        except SerializationError as error:
            raise self._argument_error(args, kwargs, error) from error
        # One join for all: arguments may be large, and every further step would copy them.
        return f"{len(positional) + 3}\n{one}\n{positional}{len(keyword) + 3}\n{two}\n{keyword}"

    def unpack_call(
        self, task_buffer: str, find: Find | None = None
    ) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        """Read a task: the function, its positional and its keyword arguments.

        Args:
            task_buffer: the task.
            find: as for `deserialize`.

        Raises:
            WireError: the text is not three packed strings.
            DeserializationError: one of them cannot be read here; says which.
        """
        texts = list(unpack(task_buffer))
        if len(texts) != 3:
            raise WireError(f"a task holds a function and two kinds of arguments, 3 packed strings, not {len(texts)}")
        function = self._read("the function", texts[0])
        args = self._read("the positional arguments", texts[1], find)
        kwargs = self._read("the keyword arguments", texts[2], find)
        if not callable(function):
            raise DeserializationError(f"the task's function is {kind_of(function)}, which cannot be called")
        return function, tuple(args), dict(kwargs)

    def _find_fault_inside(self, function: ByValue) -> None:
        # What farpool wraps around a user's function can be sent: the fault is the user's function, so that is named.
        for name, part in function.namespace.items():
            if callable(part):
                self.pack_function(part)
            elif self._fails(part):
                raise self._argument_error((), {name.lstrip("_"): part}, None)

    @property
    def _takes_pieces(self) -> bool:
        return type(self.data) is DillDataBase64

    def _argument_body(self, value: Any, keep: Keep | None) -> tuple[str, str]:
        if keep is None or not self._takes_pieces:
            return self.data.identifier, self.data.body_of(value)
        return write_pieces(value, keep)

    def _read(self, what: str, text: str, find: Find | None = None) -> Any:
        try:
            return self.deserialize(text, find)
        except DeserializationError as error:
            raise DeserializationError(f"{what}: {error}") from error

    def _fails(self, value: Any) -> bool:
        try:
            self.data.body_of(value)
        except SerializationError:
            return True
        return False

    def _argument_error(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: SerializationError | None
    ) -> SerializationError:
        named = [(f"argument {place}", value) for place, value in enumerate(args, 1)]
        named += [(f"argument {name!r}", value) for name, value in kwargs.items()]
        for name, value in named:
            try:
                self.data.body_of(value)
            except SerializationError as fault:
                inner = locate(value, self._fails)
                place = f", at {inner}," if inner else ""
                why = stays_here(fault) or (
                    f"{fault}; pass something that can be pickled, or make it inside the function"
                )
                return SerializationError(f"{name} ({kind_of(value)}){place} cannot be serialized: {why}")
        return SerializationError(f"the arguments cannot be serialized: {error}")


def _checked(named: object, *, for_code: bool) -> Strategy:
    strategy = strategy_like(named)
    if strategy.for_code != for_code:
        kind, other = ("code", "data") if for_code else ("data", "code")
        raise ValueError(f"{strategy} is for {other}; for {kind} choose a strategy for {kind}")
    return strategy
