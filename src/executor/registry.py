"""The registry: which function id a callable has at the service, asked for once."""

from __future__ import annotations

import builtins
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

from .code import Code


def _is_settled(fn: Callable[..., Any]) -> bool:
    """Whether the same object always means the same code: not so for closures, partials and callable objects."""
    if isinstance(fn, types.FunctionType):
        return fn.__closure__ is None
    return isinstance(fn, (types.BuiltinFunctionType, type)) and getattr(fn, "__self__", None) in (None, builtins)


class Registry:
    """Registers callables by themselves, equal ones once.

    The same object is recognised at once, without serializing it again; another object with equal code finds the id
    of the first. Two threads that come with the same new function make one registration: the second waits.

    Args:
        pack: serializes a callable; raises `SerializationError` when it cannot.
        register: sends the code to the service and gives the function id.
    """

    def __init__(self, *, pack: Callable[[Callable[..., Any]], Code], register: Callable[[Code], str]) -> None:
        self._pack = pack
        self._register = register
        self._lock = threading.Lock()
        self._by_object: dict[int, tuple[Callable[[], object], str]] = {}
        self._by_code: dict[Code, str] = {}
        self._busy: dict[Code, threading.Lock] = {}

    def id_of(self, fn: Callable[..., Any]) -> str:
        """Give the function id of a callable, registering it if need be. Blocks for one request the first time.

        Raises:
            SerializationError: the callable cannot be serialized; nothing was sent.
            ServiceError: it could not be registered; the next call tries again.
        """
        known = self._by_object.get(id(fn))
        if known is not None and known[0]() is fn:
            return known[1]
        code = self._pack(fn)
        function_id = self._id_of_code(code)
        self.remember(fn, function_id)
        return function_id

    def remember(self, fn: Callable[..., Any], function_id: str) -> None:
        """Note the id of a callable, also of one that was registered by hand. A callable that dies is forgotten."""
        if _is_settled(fn):
            key = id(fn)
            self._by_object[key] = (weakref.ref(fn, lambda _ref: self._by_object.pop(key, None)), function_id)

    def _id_of_code(self, code: Code) -> str:
        with self._lock:
            function_id = self._by_code.get(code)
            if function_id is not None:
                return function_id
            busy = self._busy.setdefault(code, threading.Lock())
        with busy:
            function_id = self._by_code.get(code)
            if function_id is None:
                function_id = self._register(code)
                with self._lock:
                    self._by_code[code] = function_id
                    self._busy.pop(code, None)
        return function_id
