"""Strategies as people name them: objects, classes or import paths, of this package or of the Globus Compute SDK.

Each is one of ours here; on the wire it has the SDK's path, which every worker knows. The SDK itself is not imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from ..wire.shown import shown
from .code import AutoCode, DillCode, PickleCode
from .strategies import STRATEGIES
from .strategy import Strategy

#: What names a strategy: an object, a class, or an import path.
StrategyLike: TypeAlias = Strategy | type[Strategy] | str

_OURS, _SDK = "farpool.serialize", "globus_compute_sdk.serialize"
_BY_NAME = {type(strategy).__name__: strategy for strategy in STRATEGIES}


def strategy_like(value: object) -> Strategy:
    """Find the strategy that something names.

    >>> strategy_like("globus_compute_sdk.serialize.JSONData")
    JSONData()

    Raises:
        TypeError: it is of no kind that could name one.
        ValueError: there is no such strategy; lists those there are.
    """
    if isinstance(value, Strategy):
        return value
    if isinstance(value, str):
        home, _, name = value.rpartition(".")
        if name in _BY_NAME and (not home or _is_known(home)):
            return _BY_NAME[name]
        raise ValueError(f"no serialization strategy is named {value!r}; known: {', '.join(_BY_NAME)}")
    kind: type[Any] = cast("type[Any]", value) if isinstance(value, type) else type(value)
    if issubclass(kind, Strategy):
        return kind()
    if kind.__module__.startswith(f"{_SDK}.") and kind.__name__ in _BY_NAME:
        return _BY_NAME[kind.__name__]
    raise TypeError(
        "a strategy must be one of farpool.serialize, such as AllCodeStrategies(), or its import path, "
        f"not {shown(value)}"
    )


def paths_of(values: object, what: str) -> list[str] | None:
    """Give the import paths under which workers of any kind know strategies, or None for None.

    Raises:
        TypeError: it is one string, or no list, or holds something else.
        ValueError: there is no such strategy, or none that a worker could write with.
    """
    if values is None:
        return None
    if isinstance(values, (str, Strategy)) or not isinstance(values, Iterable):
        raise TypeError(f"{what} must be a list of strategies or of their import paths, not {shown(values)}")
    return [_path_of(value, what) for value in cast("Iterable[object]", values)]


def _path_of(value: object, what: str) -> str:
    try:
        strategy = strategy_like(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what}: {error}") from None
    name = type(strategy).__name__
    if _BY_NAME.get(name) != strategy:
        raise ValueError(f"{what}: {strategy} is your own, and workers know only these: {', '.join(_BY_NAME)}")
    if strategy == PickleCode():
        raise ValueError(f"{what}: PickleCode only reads what old clients wrote; use DillCode")
    return f"{_SDK}.{DillCode.__name__ if type(strategy) is AutoCode else name}"


def _is_known(home: str) -> bool:
    return any(home == one or home.startswith(f"{one}.") for one in (_OURS, _SDK))
