"""The code strategies that send source text: for functions that must run under another Python version.

A function sent as source is made anew on the worker from its own text alone: it must import what it uses, and cannot
be a lambda, a method, or close over variables. Where such a function is given, these strategies say so at once.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeAlias

from dill import source as dill_source
from typing_extensions import override

from ..errors import DeserializationError, SerializationError
from .by_value import ByValue
from .names import used_globals
from .pickling import dumps, loads
from .strategy import Strategy

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _inspect_source(function: Any) -> str:
    return textwrap.dedent(inspect.getsource(function))


def _dill_source(function: Any) -> str:
    getsource: Callable[..., str] = dill_source.getsource  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - dill has no types
    return textwrap.dedent(getsource(function, lstrip=True))


def _name_and_source(function: Any, source_of: Callable[[Any], str]) -> tuple[str, str]:
    """Take a function's name and text, if the text is enough to make it anew."""
    if isinstance(function, ByValue):
        return function.__name__, function.source(lambda value: _name_and_source(value, source_of))
    kind = type(function).__qualname__
    if not isinstance(function, FunctionType | type):
        raise SerializationError(f"a {kind} cannot be sent as source: only functions and classes can; use DillCode")
    name = function.__name__
    if name == "<lambda>":
        raise SerializationError("a lambda cannot be sent as source: give it a name with def, or use DillCode")
    if isinstance(function, FunctionType) and function.__code__.co_freevars:
        names = ", ".join(function.__code__.co_freevars)
        raise SerializationError(
            f"function {name!r} cannot be sent as source: it closes over {names}; pass that as an argument, "
            "or use DillCode"
        )
    if isinstance(function, FunctionType) and (missed := ", ".join(used_globals(function))):
        raise SerializationError(
            f"function {name!r} cannot be sent as source: it uses {missed} of its module; import or define that "
            "inside the function, or use DillCode"
        )
    unfound = f"the source of {name!r} was not found: define it in a file or a notebook cell, or use DillCode"
    try:
        source = source_of(function)
    except (OSError, TypeError, IndexError) as error:
        raise SerializationError(unfound) from error
    if not _defines(source, name):
        # All that `exec` makes has one file name, under which some text may be known: that of something else.
        raise SerializationError(unfound)
    return name, source


def _defines(source: str, name: str) -> bool:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return any(isinstance(one, _Definition) and one.name == name for one in body)


def _make(name: str, source: str) -> Any:
    namespace: dict[str, Any] = {}
    # Annotations are not evaluated: what is run here inherits this module's `annotations`, as in the peer's worker.
    exec(source, namespace)  # noqa: S102 - running what was sent is what a worker is for
    if name not in namespace:
        raise DeserializationError(f"the source sent as function {name!r} does not define it")
    return namespace[name]


class PureSourceTextInspect(Strategy):
    """Name and source, found by `inspect.getsource`, as plain text."""

    identifier = "st"
    for_code = True

    @override
    def encode(self, value: Any) -> str:
        return ":".join(_name_and_source(value, _inspect_source))

    @override
    def decode(self, body: str) -> Any:
        name, _, source = body.partition(":")
        return _make(name, source)


class PureSourceDill(PureSourceTextInspect):
    """Name and source, found by `dill.source.getsource`, as plain text."""

    identifier = "sd"

    @override
    def encode(self, value: Any) -> str:
        return ":".join(_name_and_source(value, _dill_source))


class DillCodeTextInspect(Strategy):
    """Name and source, found by `inspect.getsource`, pickled. Deprecated: use `PureSourceTextInspect`."""

    identifier = "03"
    for_code = True

    @override
    def encode(self, value: Any) -> str:
        return b2a_base64(dumps(_name_and_source(value, _inspect_source)), newline=False).decode("ascii")

    @override
    def decode(self, body: str) -> Any:
        name, source = loads(a2b_base64(body))
        return _make(name, source)


class DillCodeSource(DillCodeTextInspect):
    """Name and source, found by `dill.source.getsource`, pickled. Deprecated: use `PureSourceDill`."""

    identifier = "04"

    @override
    def encode(self, value: Any) -> str:
        return b2a_base64(dumps(_name_and_source(value, _dill_source)), newline=False).decode("ascii")
