"""All strategies, by their id on the wire and by their name."""

from __future__ import annotations

from functools import cache

from ..errors import DeserializationError
from .code import AutoCode, DillCode, PickleCode
from .combined import AllCodeStrategies, AllDataStrategies, CombinedCode
from .data import DillDataBase64, JSONData
from .source import DillCodeSource, DillCodeTextInspect, PureSourceDill, PureSourceTextInspect
from .strategy import Strategy

STRATEGIES: tuple[Strategy, ...] = (
    DillDataBase64(),
    JSONData(),
    AllDataStrategies(),
    AutoCode(),
    DillCode(),  # reads what both write
    PureSourceTextInspect(),
    PureSourceDill(),
    DillCodeTextInspect(),
    DillCodeSource(),
    PickleCode(),
    CombinedCode(),
    AllCodeStrategies(),
)


@cache
def _by_id() -> dict[str, Strategy]:
    return {f"{strategy.identifier}\n": strategy for strategy in STRATEGIES}


def strategy_of(text: str) -> Strategy:
    """Find the strategy that wrote a text.

    Raises:
        DeserializationError: no strategy has the id that the text begins with; names it.
    """
    strategy = _by_id().get(text[:3])
    if strategy is None:
        known = ", ".join(header[:2] for header in _by_id())
        raise DeserializationError(
            f"text begins with {text[:3]!r}, which is the id of no serialization strategy (known: {known}); "
            "it is damaged, or was written by a newer version"
        )
    return strategy


def strategy_named(import_path: str) -> Strategy:
    """Find a strategy by its import path, of this package or of the Globus Compute SDK, or by its bare name.

    >>> strategy_named("globus_compute_sdk.serialize.JSONData")
    JSONData()

    Raises:
        ValueError: there is no such strategy; lists those there are.
    """
    name = import_path.rpartition(".")[2]
    for strategy in STRATEGIES:
        if type(strategy).__name__ == name:
            return strategy
    known = ", ".join(type(strategy).__name__ for strategy in STRATEGIES)
    raise ValueError(f"no serialization strategy is named {import_path!r}; known: {known}")
