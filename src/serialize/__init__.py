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
from .code import AutoCode, DillCode, PickleCode
from .combined import AllCodeStrategies, AllDataStrategies, CombinedCode
from .data import DillDataBase64, JSONData
from .digest import digest_of, holds_bare_bytecode, is_lasting
from .names import set_names, used_globals
from .serializer import Serializer
from .source import DillCodeSource, DillCodeTextInspect, PureSourceDill, PureSourceTextInspect
from .staying import Staying
from .strategies import STRATEGIES, strategy_named, strategy_of
from .strategy import Strategy
from .watch import Unwatchable, Watch

__all__ = [
    "STRATEGIES",
    "AllCodeStrategies",
    "AllDataStrategies",
    "AutoCode",
    "ByValue",
    "CombinedCode",
    "DillCode",
    "DillCodeSource",
    "DillCodeTextInspect",
    "DillDataBase64",
    "JSONData",
    "PickleCode",
    "PureSourceDill",
    "PureSourceTextInspect",
    "Serializer",
    "Staying",
    "Strategy",
    "Unwatchable",
    "Watch",
    "by_value",
    "digest_of",
    "holds_bare_bytecode",
    "is_lasting",
    "set_names",
    "strategy_named",
    "strategy_of",
    "used_globals",
]
