r"""Serialization: values and functions to text and back, as every program of this protocol reads and writes them.

    function, arguments, result
      |  a strategy for code (callables) or for data (all else) writes the body
      v
    id + newline + body             "00\n" + base64, "11\n" + JSON, "st\n" + name:source, ...
      |  packed: each string behind its length
      v
    function_code, payload          their concatenation is the task_buffer that a worker unpacks

Nothing here does I/O.
"""

from .by_value import ByValue, by_value
from .chosen import StrategyLike, paths_of, strategy_like
from .code import AutoCode, DillCode, PickleCode
from .combined import AllCodeStrategies, AllDataStrategies, CombinedCode
from .compute_serializer import AllowlistWildcard, ComputeSerializer, as_serializer
from .data import DillDataBase64, JSONData
from .digest import digest_of, holds_bare_bytecode, is_lasting
from .names import set_names, used_globals
from .referenced import Find
from .serializer import Serializer
from .source import DillCodeSource, DillCodeTextInspect, PureSourceDill, PureSourceTextInspect
from .staying import Staying
from .strategies import STRATEGIES, strategy_named, strategy_of
from .strategy import Strategy
from .watch import Unwatchable, Watch

#: What the Globus Compute SDK calls them.
SerializationStrategy = Strategy
DEFAULT_STRATEGY_CODE: Strategy = AutoCode()
DEFAULT_STRATEGY_DATA: Strategy = DillDataBase64()

__all__ = [
    "DEFAULT_STRATEGY_CODE",
    "DEFAULT_STRATEGY_DATA",
    "STRATEGIES",
    "AllCodeStrategies",
    "AllDataStrategies",
    "AllowlistWildcard",
    "AutoCode",
    "ByValue",
    "CombinedCode",
    "ComputeSerializer",
    "DillCode",
    "DillCodeSource",
    "DillCodeTextInspect",
    "DillDataBase64",
    "Find",
    "JSONData",
    "PickleCode",
    "PureSourceDill",
    "PureSourceTextInspect",
    "SerializationStrategy",
    "Serializer",
    "Staying",
    "Strategy",
    "StrategyLike",
    "Unwatchable",
    "Watch",
    "as_serializer",
    "by_value",
    "digest_of",
    "holds_bare_bytecode",
    "is_lasting",
    "paths_of",
    "set_names",
    "strategy_like",
    "strategy_named",
    "strategy_of",
    "used_globals",
]
