"""Functions of farpool's own that must run on workers without farpool."""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any

from ..errors import SerializationError
from .names import global_names
from .texts import also_in


class ByValue:
    """A function cut loose from the module it was written in, so that it travels whole.

    Made by `by_value`. Calling it calls the function. The code strategies send the function itself, not this object.

    Attributes:
        function: the function, in a namespace of its own.
        namespace: what was put into that namespace.
    """

    __slots__ = ("__name__", "_written", "function", "namespace")

    def __init__(self, written: FunctionType, namespace: Mapping[str, Any]) -> None:
        code = written.__code__
        if code.co_freevars:
            raise ValueError(f"{written.__name__} closes over {code.co_freevars}: give it a namespace instead")
        missing = global_names(code) - set(namespace) - set(dir(builtins))
        if missing:
            raise ValueError(
                f"{written.__name__} uses {', '.join(sorted(missing))}: import it inside, or pass it along"
            )
        self.namespace = dict(namespace)
        made_up = f"<farpool {written.__name__}>"
        also_in(made_up, code.co_filename)
        self.function: FunctionType = FunctionType(
            _without_file(code, made_up),
            {name: value.function if isinstance(value, ByValue) else value for name, value in namespace.items()},
            written.__name__,
            written.__defaults__,
        )
        self.function.__kwdefaults__ = written.__kwdefaults__
        # No module: dill sends functions without one by value, and with them their namespace.
        self.function.__module__ = None  # type: ignore[assignment]
        self.__name__ = written.__name__
        self._written = written

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"by_value({self.__name__}, {', '.join(self.namespace)})"

    def replacing(self, namespace: Mapping[str, Any]) -> ByValue:
        """Give the same function with something else under some names of its namespace."""
        if all(self.namespace[name] is value for name, value in namespace.items()):
            return self
        return ByValue(self._written, {**self.namespace, **namespace})

    def source(self, source_of: Callable[[Any], tuple[str, str]]) -> str:
        """Write the function and its namespace as source text.

        Args:
            source_of: gives the name and the source of a function of the namespace.

        Raises:
            SerializationError: from `source_of`, for what is in the namespace and has no source; for a value that is
                no literal.
        """
        lines: list[str] = []
        for name, value in self.namespace.items():
            if not callable(value):
                lines.append(f"{name} = {_literal(name, value)}")
                continue
            own_name, text = source_of(value)
            lines += [text, "" if own_name == name else f"{name} = {own_name}"]
        lines.append(textwrap.dedent(inspect.getsource(self._written)))
        return "\n".join(lines)


def _without_file(code: CodeType, instead: str) -> CodeType:
    """Take the file name out of code: it would tell where farpool is installed, and no worker finds a file there."""
    constants = tuple(_without_file(one, instead) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=instead, co_consts=constants)


def _literal(name: str, value: object) -> str:
    text = repr(value)
    try:
        if ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError):
        pass
    raise SerializationError(f"{name.lstrip('_')} cannot be sent as source: it is no plain number, text or container")


def by_value(function: Callable[..., Any], **namespace: Any) -> ByValue:
    """Cut a function loose from its module, so that any worker can run it, also one without farpool.

    Args:
        function: a plain function; it may use builtins, what it imports inside, and the names in `namespace`.
        namespace: values to travel with it as its globals, such as a user's function, or another one made by this.

    Raises:
        ValueError: the function needs something else; names it.

    >>> def total(calls):
    ...     return sum(weight(call) for call in calls)
    >>> by_value(total, weight=len)(["ab", "c"])
    3
    """
    if not isinstance(function, FunctionType):
        raise ValueError(f"by_value takes a function defined with def, not a {type(function).__name__}")  # noqa: TRY004
    return ByValue(function, namespace)
