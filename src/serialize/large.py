"""Values to pieces and back: what is large in a pickle stays where it is in memory, and is not copied.

A pickle that is small comes out as `pickling.dumps` writes it. One that is not comes out in *pieces*: arrays and what
else gives its memory away (pickle protocol 5) are out-of-band buffers, long byte strings are pieces of the stream. A
piece is the same wherever it is found, so that what many calls have in common is kept once.
"""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dill
from typing_extensions import Buffer, override

from .pickling import PROTOCOL, CarefulPickler, dumps_by_dill, is_flat
from .whole import WholePickler

_dill: Any = dill  # it has no types

#: Pickles of more bytes come out in pieces, and pieces of that many are on their own.
LARGE_BYTES = 1_000_000
#: The most pieces of a value: they are named in the head of a message.
MOST_PIECES = 64


@dataclass(frozen=True, slots=True)
class Pieces:
    """A pickle in pieces.

    Attributes:
        stream: the pieces of its stream.
        buffers: its out-of-band buffers: the memory of the value itself, so read them before it changes.
    """

    stream: Sequence[bytes]
    buffers: Sequence[memoryview] = ()


def dumps_large(value: object, limit: int = LARGE_BYTES) -> bytes | Pieces:
    """Pickle a value: as `pickling.dumps` does where that is small, in pieces where it is not.

    Args:
        value: the value.
        limit: what is small: so many bytes.

    Raises:
        Exception: the value cannot be pickled; whatever dill or the value's own reduction raises.
    """
    if is_flat(value):
        data = pickle.dumps(value, PROTOCOL)
        return data if len(data) <= limit else _in_pieces(value, limit, _by_pickle)
    try:
        chunks = _Few(limit)
        _Measuring(chunks, limit).dump(value)
        return b"".join(chunks)
    except _TooMuch:
        pass
    except Exception:  # noqa: BLE001 - dill is asked, and what it raises is raised
        data = dumps_by_dill(value)
        return data if len(data) <= limit else _in_pieces(value, limit, _by_dill)
    try:
        return _in_pieces(value, limit, _by_pickle)
    except Exception:  # noqa: BLE001 - as above: what only dill can write may come late in it
        return _in_pieces(value, limit, _by_dill)


def loads_pieces(stream: Sequence[Buffer], buffers: Sequence[Buffer]) -> Any:
    """Rebuild a value from its pieces.

    Args:
        stream: the pieces of its stream.
        buffers: its out-of-band buffers: the value keeps them, and writes into them when it is changed.

    Raises:
        Exception: whatever the rebuilding raises.
    """
    return _dill.load(_Reading(stream), buffers=buffers)


def array_over(buffer: Any, dtype: Any, shape: tuple[int, ...], order: Any) -> Any:
    """Make an array over a buffer; it can be written to, as one from a plain pickle can."""
    np: Any = importlib.import_module("numpy")  # it is there where arrays are
    # What was read-only where it came from is handed over so; the memory below is nobody else's.
    memory = getattr(buffer, "obj", buffer)
    return np.frombuffer(memory, dtype=np.uint8).view(dtype).reshape(shape, order=order)


class _TooMuch(Exception):
    """The pickle is over the limit."""


class _Few(list[bytes]):
    """A file for a pickler, of few bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._left = limit

    def write(self, chunk: bytes, /) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise _TooMuch
        self.append(chunk)


def _is_array(value: object) -> bool:
    kind = type(value)
    return kind.__name__ == "ndarray" and kind.__module__ == "numpy"


class _Measuring(CarefulPickler):
    """Gives up on arrays over the limit before they are copied."""

    def __init__(self, chunks: _Few, limit: int) -> None:
        super().__init__(chunks)
        self._limit = limit

    @override
    def reducer_override(self, value: Any) -> Any:
        if _is_array(value) and value.nbytes > self._limit:
            raise _TooMuch
        return super().reducer_override(value)


@dataclass(slots=True)
class _Taking:
    """A file for a pickler, and the taker of its buffers: keeps long ones apart."""

    least: int
    stream: list[bytes] = field(default_factory=list[bytes])
    buffers: list[memoryview] = field(default_factory=list[memoryview])
    _short: list[bytes] = field(default_factory=list[bytes])

    def write(self, chunk: Any, /) -> int:
        if len(chunk) >= self.least and isinstance(chunk, bytes):
            self.flush()
            self.stream.append(chunk)
        else:
            self._short.append(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        if self._short:
            self.stream.append(b"".join(self._short))
            self._short.clear()

    def take(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < self.least:
            return True  # into the stream
        self.buffers.append(raw)
        return False

    def array(self, value: Any) -> Any:
        """Say how an array is written: over a buffer where it is large, else as every version of numpy reads it."""
        if value.nbytes < self.least or value.dtype.hasobject:
            return value.__reduce__()
        order = "C" if value.flags.c_contiguous else "F"
        if order == "F" and not value.flags.f_contiguous:
            return value.__reduce__()
        flat = (value if order == "C" else value.T).reshape(-1).view("u1")
        return array_over, (pickle.PickleBuffer(flat), value.dtype, value.shape, order)


class _ByPickle(CarefulPickler):
    def __init__(self, taking: _Taking) -> None:
        super().__init__(taking, 5, taking.take)
        self._taking = taking

    @override
    def reducer_override(self, value: Any) -> Any:
        return self._taking.array(value) if _is_array(value) else super().reducer_override(value)


class _ByDill(WholePickler):
    def __init__(self, taking: _Taking) -> None:
        super().__init__(taking, 5, buffer_callback=taking.take)
        self._taking = taking

    def reducer_override(self, value: Any) -> Any:
        return self._taking.array(value) if _is_array(value) else NotImplemented


def _by_pickle(value: object, taking: _Taking) -> None:
    _ByPickle(taking).dump(value)


def _by_dill(value: object, taking: _Taking) -> None:
    _ByDill(taking).dump(value)


def _in_pieces(value: object, limit: int, write: Callable[[object, _Taking], None]) -> Pieces:
    least = limit
    while True:
        taking = _Taking(least)
        write(value, taking)
        taking.flush()
        if len(taking.stream) + len(taking.buffers) <= MOST_PIECES:
            break
        least *= 8  # what is shorter goes into the stream
    if sum(len(piece) for piece in taking.stream if len(piece) < limit) > limit:
        taking.stream = [b"".join(taking.stream)]
    return Pieces(taking.stream, taking.buffers)


class _Reading(io.RawIOBase):
    """The pieces of a stream as one file, so that they need not be joined."""

    def __init__(self, pieces: Sequence[Buffer]) -> None:
        self._pieces = [memoryview(piece).cast("B") for piece in pieces]

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, target: Buffer, /) -> int:
        into = memoryview(target).cast("B")
        filled = 0
        while self._pieces and filled < len(into):
            taken = self._take(len(into) - filled)
            into[filled : filled + len(taken)] = taken
            filled += len(taken)
        return filled

    @override
    def read(self, size: int = -1, /) -> bytes:
        found: list[memoryview] = []
        while self._pieces and size:
            found.append(self._take(size))
            size -= len(found[-1])
        return b"".join(found)

    @override
    def readline(self, size: int | None = -1, /) -> bytes:
        found: list[bytes] = []
        while self._pieces:
            end = bytes(self._pieces[0][:4096]).find(b"\n")
            found.append(bytes(self._take(end + 1 if end >= 0 else 4096)))
            if end >= 0:
                break
        return b"".join(found)

    def _take(self, most: int) -> memoryview:
        piece = self._pieces[0]
        taken = piece[: most if most >= 0 else len(piece)]
        if len(taken) == len(piece):
            del self._pieces[0]
        else:
            self._pieces[0] = piece[len(taken) :]
        return taken
