"""The registry: which function id a callable has at the service, asked for once.

fn --(the object that was seen before, unchanged)------------------------------.
 `- Code -- exact ----(equal text in this process)-----------------------------+--> Registered
           `- key ----(equal code in this process, or in the memory)-----------+
                    `-(no)--> register at the service, remember ---------------'
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType
from typing import Any, Protocol

from ...client import name_of
from ...serialize import Unwatchable, Watch
from .code import Code

#: Codes that are known without asking; more make the oldest forgotten, and at worst registered again.
MAX_CODES = 100_000


class Memory(Protocol):
    """What is remembered from one program to the next, by the key of the code."""

    def get(self, key: bytes) -> str | None:
        """Give the function id, if it is remembered."""
        ...

    def keep(self, key: bytes, function_id: str) -> None:
        """Remember the function id."""
        ...

    def forget(self, key: bytes, function_id: str) -> None:
        """Forget that this is the function id."""
        ...


class Registered:
    """A function that the service knows under an id.

    Attributes:
        function_id: the id.
        name: its name, as far as it is known here.
    """

    __slots__ = ("_code", "_registry", "function_id", "name")

    def __init__(
        self, function_id: str, code: Code | None = None, registry: Registry | None = None, *, name: str = ""
    ) -> None:
        self.function_id = function_id
        self.name = name if code is None else code.name
        self._code = code
        self._registry = registry

    def renew(self, refused: str) -> str | None:
        """Register the function again, when the service knows nothing of it under an id. Blocks.

        Args:
            refused: that id.

        Returns:
            The id that it has now, which may be one that somebody else has got meanwhile; None for a function that was
            not registered by itself: whoever gave its id must know.

        Raises:
            ServiceError: it could not be registered.
        """
        if self._code is None or self._registry is None:
            return None
        self.function_id = self._registry.renew(self._code, refused)
        return self.function_id


@dataclass(frozen=True, slots=True)
class _Known:
    """An object that was seen before: `watch` tells whether it is as it was, None that this does not matter."""

    object: weakref.ref[Any]
    registered: Registered
    watch: Watch | None


class Registry:
    """Registers callables by themselves, equal ones once.

    The same object is recognised in microseconds as long as nothing that goes with it has changed; another object of
    equal code finds the id of the first. Two threads that come with the same new function make one registration: the
    second waits.

    Args:
        pack: serializes a callable; raises `SerializationError` when it cannot.
        register: sends the code to the service and gives the function id.
        memory: what earlier programs have registered; None: nothing is remembered.
    """

    def __init__(
        self,
        *,
        pack: Callable[[Callable[..., Any]], Code],
        register: Callable[[Code], str],
        memory: Memory | None = None,
    ) -> None:
        self._pack = pack
        self._register = register
        self._memory = memory
        self._lock = threading.Lock()
        self._by_object: dict[int, _Known] = {}
        self._by_exact: dict[bytes, bytes] = {}
        self._by_key: dict[bytes, str] = {}
        self._by_hand: set[bytes] = set()
        self._busy: dict[bytes, threading.Lock] = {}

    def find(self, fn: Callable[..., Any]) -> Registered:
        """Find a callable at the service, registering it if need be. Blocks for one request the first time.

        Raises:
            SerializationError: the callable cannot be serialized; nothing was sent.
            ServiceError: it could not be registered; the next call tries again.
        """
        known = self._by_object.get(id(fn))
        if known is not None and known.object() is fn and (known.watch is None or known.watch.is_current()):
            return known.registered
        watch = _watch(fn)  # first: what changes meanwhile is noticed next time
        registered = self._find_code(self._pack(fn))
        if watch is not None:
            self._note_object(fn, registered, watch)
        return registered

    def id_of(self, fn: Callable[..., Any]) -> str:
        """Give the function id of a callable, as `find`."""
        return self.find(fn).function_id

    def remember(self, fn: Callable[..., Any], function_id: str) -> None:
        """Note the id of a callable that was registered by hand, for as long as this registry lives.

        A function or a class is known by it whatever becomes of what it uses; anything else as long as its code is
        equal.

        Raises:
            SerializationError: it must be recognised by its code, and cannot be serialized.
        """
        if isinstance(fn, (FunctionType, BuiltinFunctionType, type)) and getattr(fn, "__closure__", None) is None:
            self._note_object(fn, Registered(function_id, name=name_of(fn)), None)
            return
        code = self._pack(fn)
        key = self._key_of(code)
        with self._lock:
            self._by_key[key] = function_id
            self._by_hand.add(key)

    def renew(self, code: Code, refused: str) -> str:
        """Register code again that the service does not know under an id; part of `Registered`."""
        return self._id_of(code, self._key_of(code), refused)

    def _note_object(self, fn: Callable[..., Any], registered: Registered, watch: Watch | None) -> None:
        place = id(fn)
        found = weakref.ref(fn, lambda _ref: self._by_object.pop(place, None))
        self._by_object[place] = _Known(found, registered, watch)

    def _key_of(self, code: Code) -> bytes:
        exact = code.exact()
        key = self._by_exact.get(exact)
        if key is None:
            key = code.key()
            with self._lock:
                _add(self._by_exact, exact, key)
        return key

    def _find_code(self, code: Code) -> Registered:
        key = self._key_of(code)
        function_id = self._id_of(code, key)
        return Registered(function_id, name=code.name) if key in self._by_hand else Registered(function_id, code, self)

    def _id_of(self, code: Code, key: bytes, refused: str | None = None) -> str:
        with self._lock:
            function_id = self._by_key.get(key)
            if function_id is not None and function_id != refused:
                return function_id
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            function_id = self._by_key.get(key)
            if function_id is None or function_id == refused:
                memory = self._memory if code.is_lasting() else None
                function_id = _recall(memory, key, refused)
                if function_id is None:
                    function_id = self._register(code)
                    if memory is not None:
                        memory.keep(key, function_id)
                with self._lock:
                    _add(self._by_key, key, function_id)
                    self._busy.pop(key, None)
        return function_id


def _recall(memory: Memory | None, key: bytes, refused: str | None) -> str | None:
    function_id = None if memory is None else memory.get(key)
    if memory is not None and function_id is not None and function_id == refused:
        memory.forget(key, function_id)
        return None
    return function_id


def _watch(fn: Callable[..., Any]) -> Watch | None:
    try:
        return Watch(fn)
    except Unwatchable:
        return None


def _add(table: dict[bytes, Any], key: bytes, value: Any) -> None:
    table[key] = value
    if len(table) > MAX_CODES:
        del table[next(iter(table))]
