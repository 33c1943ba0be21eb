"""Strategies made of others: they write a value in every way that works, and read the first way that works."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from typing_extensions import override

from ..errors import DeserializationError, FarpoolError, SerializationError
from ..wire.packing import pack, unpack
from .code import DillCode
from .data import DillDataBase64, JSONData
from .source import DillCodeSource, DillCodeTextInspect, PureSourceDill, PureSourceTextInspect
from .strategy import Strategy

log = logging.getLogger(__name__)


class _Combination(Strategy):
    """Several strategies in one text. A reader tries them in the order in which they were written."""

    parts: ClassVar[tuple[Strategy, ...]]

    def _write(self, value: Any) -> Iterator[str]:
        """Write the value in each way that works.

        Raises:
            SerializationError: none does; says why not, for each.
        """
        failures: list[FarpoolError] = []
        for part in self.parts:
            try:
                yield part.serialize(value)
            except SerializationError as error:
                log.debug("%s left out of %s: %s", part, self, error)
                failures.append(error)
        if len(failures) == len(self.parts):
            raise SerializationError(f"no way to write it: {_list(failures)}")

    def _read(self, texts: Iterable[str]) -> Any:
        """Read the first text that can be read.

        Raises:
            DeserializationError: none can; says why not, for each.
        """
        by_id = {part.identifier: part for part in self.parts}
        failures: list[FarpoolError] = []
        for text in texts:
            part = by_id.get(text[:2])
            try:
                if part is None:
                    raise DeserializationError(f"no part of {self} has the id {text[:2]!r}")  # noqa: TRY301 - listed
                return part.deserialize(text)
            except DeserializationError as error:
                log.debug("%s: %s", self, error)
                failures.append(error)
        raise DeserializationError(f"no part of {self} can be read: {_list(failures) or 'it is empty'}")


def _list(failures: Iterable[FarpoolError]) -> str:
    return "; ".join(str(failure) for failure in failures)


class AllDataStrategies(_Combination):
    """Data as JSON and as pickle: read as JSON where it could be written so (tuples come back as lists then)."""

    identifier = "13"
    for_code = False
    parts = (JSONData(), DillDataBase64())

    @override
    def encode(self, value: Any) -> str:
        return pack(self._write(value))

    @override
    def decode(self, body: str) -> Any:
        return self._read(unpack(body))


class AllCodeStrategies(_Combination):
    """Code as source, found in two ways, and as bytecode: for workers of another Python version."""

    identifier = "12"
    for_code = True
    parts = (PureSourceTextInspect(), PureSourceDill(), DillCode())

    @override
    def encode(self, value: Any) -> str:
        return pack(self._write(value))

    @override
    def decode(self, body: str) -> Any:
        return self._read(unpack(body))


class CombinedCode(_Combination):
    """Code in five ways, in a form with `:` between id and body. Deprecated: use `AllCodeStrategies`."""

    identifier = "10"
    for_code = True
    # Plain source comes last: it may hold colons, after which older readers find nothing.
    parts = (DillCodeSource(), DillCode(), DillCodeTextInspect(), PureSourceDill(), PureSourceTextInspect())

    @override
    def encode(self, value: Any) -> str:
        return ":".join(f"{text[:3]}:{text[3:]}" for text in self._write(value))

    @override
    def decode(self, body: str) -> Any:
        return self._read(_split(body))


def _split(body: str) -> Iterator[str]:
    """Split at the colons between pieces, not at those inside plain source."""
    while body:
        identifier, _, rest = body.partition(":")
        if identifier == "sd\n":
            piece, mark, after = rest.partition(":st\n:")
            body = mark[1:] + after
        elif identifier == "st\n":
            piece, body = rest, ""
        else:
            piece, _, body = rest.partition(":")
        yield identifier + piece
