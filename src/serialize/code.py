"""The code strategies for every callable: functions, classes, methods and objects that can be called."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any, ClassVar

from typing_extensions import override

from ..errors import SerializationError
from .by_value import ByValue
from .pickling import PROTOCOL, loads
from .strategy import Strategy
from .whole import dumps_whole


class DillCode(Strategy):
    """Any callable, by reference where a worker can import it, else by value, as bytecode.

    Bytecode runs under one minor version of Python, and says under which; a worker of another refuses it. What is sent
    by value takes along the globals that it uses, as they are now.
    """

    identifier = "01"
    for_code = True
    _as_source: ClassVar[bool] = False

    @override
    def encode(self, value: Any) -> str:
        function = value.function if type(value) is ByValue else value
        return b2a_base64(dumps_whole(function, PROTOCOL, as_source=self._as_source), newline=False).decode("ascii")

    @override
    def decode(self, body: str) -> Any:
        return loads(a2b_base64(body))


class AutoCode(DillCode):
    """The default for code: as `DillCode`, but each function as source text where that says the same as its bytecode.

    Source text runs under other versions of Python, on every endpoint. A text says the same where it compiles to the
    same code here; what else makes a function (closure, defaults, globals) travels as it is. Read as `DillCode`.
    """

    _as_source = True


class PickleCode(Strategy):
    """Read only: functions that very old clients registered."""

    identifier = "02"
    for_code = True

    @override
    def encode(self, value: Any) -> str:
        raise SerializationError("PickleCode (02) only reads what old clients wrote; use DillCode to write")

    @override
    def decode(self, body: str) -> Any:
        return loads(a2b_base64(body))
