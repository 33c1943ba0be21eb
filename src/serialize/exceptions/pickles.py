"""Pickles of an exception's parts: bounded in size, and with every exception in them a reference.

A pickler asks of each object whether it is an exception (`persistent_id`), and writes a number in its place. So a
mutual reference, an attribute that is an exception, or the members among a group's arguments need nothing of their own.
"""

from __future__ import annotations

import io
import sys
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from ..pickling import PROTOCOL, CarefulPickler
from ..whole import WholePickler
from .kinds import member

if TYPE_CHECKING:

    class _DillUnpickler:
        """What is used here of dill's unpickler, which has no types."""

        def __init__(self, file: io.BytesIO) -> None: ...
        def load(self) -> Any: ...
        def find_class(self, module: str, name: str) -> Any: ...

else:
    from dill import Unpickler as _DillUnpickler


class TooLarge(Exception):
    """The pickle is over its limit; raised while it is written, so that no more of it is made."""


class _Bounded(list[bytes]):
    """A file for picklers that takes so many bytes and no more."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._room = limit

    def write(self, chunk: bytes, /) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            raise TooLarge
        self.append(bytes(chunk))


def write(value: object, refer: Callable[[BaseException], int], max_chars: int) -> str:
    """Pickle a value, as base64.

    Args:
        value: anything.
        refer: gives the number that stands for an exception.
        max_chars: the most characters of the outcome.

    Raises:
        TooLarge: it would have more.
        BaseException: whatever pickle, dill or the value's own reduction raises.
    """
    limit = max_chars * 3 // 4
    chunks = _Bounded(limit)
    try:
        _Careful(chunks, refer).dump(value)
    except TooLarge:
        raise
    except Exception:  # noqa: BLE001 - dill is asked, and what it raises is raised
        chunks = _Bounded(limit)
        _Whole(chunks, refer).dump(value)
    return b2a_base64(b"".join(chunks), newline=False).decode("ascii")


def read(text: str, refer: Callable[[Any], BaseException]) -> Any:
    """Rebuild what `write` wrote.

    Args:
        text: what was written.
        refer: gives the exception that a number stands for.

    Raises:
        BaseException: whatever the rebuilding raises.
    """
    return _Reader(a2b_base64(text), refer).load()


class _Careful(CarefulPickler):
    def __init__(self, chunks: _Bounded, refer: Callable[[BaseException], int]) -> None:
        super().__init__(cast("Any", chunks))
        self._refer = refer

    @override
    def persistent_id(self, obj: object) -> int | None:
        return self._refer(obj) if isinstance(obj, BaseException) else None


class _Whole(WholePickler):
    def __init__(self, chunks: _Bounded, refer: Callable[[BaseException], int]) -> None:
        super().__init__(cast("Any", chunks), PROTOCOL)
        self._refer = refer

    def persistent_id(self, obj: object) -> int | None:
        return self._refer(obj) if isinstance(obj, BaseException) else None


class _Reader(_DillUnpickler):  # noqa: S301 - what this protocol is about
    def __init__(self, data: bytes, refer: Callable[[Any], BaseException]) -> None:
        super().__init__(io.BytesIO(data))
        self._refer = refer

    def persistent_load(self, number: Any) -> BaseException:
        return self._refer(number)

    @override
    def find_class(self, module: str, name: str) -> Any:
        # Not by importing what is there: that waits while the module is being imported, perhaps by who waits for this.
        found = None if module in {"__main__", "__builtin__"} else member(sys.modules.get(module), name)
        return super().find_class(module, name) if found is None else found
