"""Several calls in one task: what `map` sends when it makes chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..serialize import ByValue, by_value


def run_calls(fn: Callable[..., Any]) -> ByValue:
    """Make a function that calls `fn` once per tuple of arguments and returns the list of results.

    It is sent with `fn` in it, by value: the worker needs no farpool.

    >>> run_calls(pow)([(2, 3), (3, 2)])
    [8, 9]
    """
    return by_value(_run_calls, fn=fn)


fn: Callable[..., Any]  # in the namespace that `by_value` gives the function


def _run_calls(calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [fn(*arguments) for arguments in calls]  # noqa: F821 - it is in the namespace
