"""The initializer: a function that each worker process runs once, before an executor's first task there.

It travels inside each function that the executor registers, so any endpoint runs it, and none needs to know of it. A
table in the worker process says what has run already, under a key of the executor.

Functions of `__main__` are made anew for each task, with their globals as they were at the registration. So the
globals that the initializer uses or sets are carried over: from the task in which it ran to those that follow.
"""

# ruff: noqa: F821 - what `_initialized` uses is in the namespace it is sent with
from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from ...serialize import ByValue, by_value, set_names, used_globals


class Initializer:
    """A function and its arguments, and the way to have workers run it.

    Args:
        function: called once in each worker process.
        arguments: what it is called with.

    Raises:
        TypeError: the function is not callable, or the arguments are no iterable.
    """

    def __init__(self, function: Callable[..., object], arguments: Iterable[Any] = ()) -> None:
        if not callable(function):
            raise TypeError(f"initializer must be a callable, not {function!r} ({type(function).__name__})")
        self._function = function
        self._arguments = tuple(arguments)
        self._key = uuid.uuid4().hex

    def before(self, fn: Callable[..., Any]) -> ByValue:
        """Make a function that does what `fn` does, after the initializer has run.

        It is sent with both in it, by value: the worker needs no farpool.
        """
        return by_value(
            _initialized,
            _task=fn,
            _initializer=self._function,
            _initargs=self._arguments,
            _key=self._key,
            _names=_state_of(self._function),
        )

    def failure_in(self, error: BaseException) -> BaseException | None:
        """Give what the initializer raised, when that is why a task failed: the original, where it came back."""
        if self._key not in str(error):
            return None
        seen: BaseException | None = error
        while seen is not None and self._key in str(seen):
            seen = seen.__cause__
        return seen or error


# In the namespace that `by_value` gives the function, under names that no function has whose source may be put there.
_task: Callable[..., Any]
_initializer: Callable[..., object]
_initargs: tuple[Any, ...]
_key: str
_names: tuple[str, ...]


def _initialized(*args: Any, **kwargs: Any) -> Any:
    import sys  # noqa: PLC0415 - it is sent without this module
    import threading  # noqa: PLC0415 - it is sent without this module

    inner: Any = _initializer
    while not hasattr(inner, "__globals__") and (hasattr(inner, "func") or hasattr(inner, "__func__")):
        inner = getattr(inner, "func", None) or inner.__func__
    space: dict[str, Any] = getattr(inner, "__globals__", {})
    table: dict[str, Any] = sys.__dict__.setdefault("_farpool_initialized", {})
    once: tuple[threading.Lock, dict[str, Any]] = table.setdefault(_key, (threading.Lock(), {}))
    done = once[1]
    with once[0]:  # of an engine's threads, one runs it
        if not done:
            try:
                _initializer(*_initargs)
                done["space"] = space
            except BaseException as failure:  # noqa: BLE001 - also SystemExit: the executor is to hear of it
                done["error"] = failure
    if "error" in done:
        error: BaseException = done["error"]
        what = f"the initializer failed with {type(error).__name__}: {error} (executor {_key})"
        raise RuntimeError(what) from error
    kept: dict[str, Any] = done["space"]
    if kept is space:
        return _task(*args, **kwargs)
    space.update({name: kept[name] for name in _names if name in kept})
    try:
        return _task(*args, **kwargs)
    finally:
        kept.update({name: space[name] for name in _names if name in space})


def _state_of(function: Any) -> tuple[str, ...]:
    """Name the globals that a function uses or sets, itself or through functions of its module; no code among them."""
    while isinstance(function, functools.partial) or hasattr(function, "__func__"):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    if not isinstance(function, FunctionType):
        return ()
    found: set[str] = set()
    seen = {function}
    todo = [function]
    while todo:
        one = todo.pop()
        found |= set_names(one.__code__)
        for name, value in used_globals(one).items():
            if isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
                if value not in seen:
                    seen.add(value)
                    todo.append(value)
            elif not isinstance(value, (type, ModuleType, FunctionType)) and name.isidentifier():
                found.add(name)
    return tuple(sorted(found))
