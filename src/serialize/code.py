"""The code strategies that send bytecode: for functions, classes and other callables."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any

from typing_extensions import override

from ..errors import SerializationError
from .by_value import ByValue
from .pickling import PROTOCOL, loads
from .strategy import Strategy
from .whole import dumps_whole


class DillCode(Strategy):
    """The default for code: any callable, by reference where a worker can import it, else by value.

    What is sent by value is bytecode, so the worker's Python must be of the same minor version, and takes along the
    globals it uses as they are now.
    """

    identifier = "01"
    for_code = True

    @override
    def encode(self, value: Any) -> str:
        function = value.function if type(value) is ByValue else value
        return b2a_base64(dumps_whole(function, PROTOCOL), newline=False).decode("ascii")

    @override
    def decode(self, body: str) -> Any:
        return loads(a2b_base64(body))


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
