"""Kinds of callables: what is sent for one that is more than a function which returns its result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from types import FunctionType
from typing import Any

from ...client import name_of
from ...serialize import ByValue, by_value


def prepared(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give what is sent for a callable: itself, or for an async function one that runs it to its end.

    >>> async def answer():
    ...     return 42
    >>> prepared(answer)()
    42

    Raises:
        TypeError: it is a generator function, whose result could not be sent back.
    """
    if isinstance(fn, ByValue):
        return fn.replacing({name: prepared(value) for name, value in fn.namespace.items() if callable(value)})
    inner = _called(fn)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TypeError(
            f"{name_of(fn)} is a generator function: the generator that it returns cannot be sent back from where it "
            "runs; submit a function that returns a list"
        )
    return by_value(_awaited, fn=fn) if inspect.iscoroutinefunction(inner) else fn


def _called(fn: Any) -> Any:
    """Give the function that a call of an object runs; bound methods are left to `inspect`."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    kind: type[Any] = type(fn)  # pyright: ignore[reportUnknownVariableType]  # it may be anything
    method = inspect.getattr_static(kind, "__call__", None)
    return method if isinstance(method, FunctionType) else fn


fn: Callable[..., Awaitable[Any]]  # in the namespace that `by_value` gives the function


def _awaited(*args: Any, **kwargs: Any) -> Any:
    import asyncio  # noqa: PLC0415 - it runs elsewhere

    async def run() -> Any:
        return await fn(*args, **kwargs)  # noqa: F821 - it is in the namespace

    return asyncio.run(run())
