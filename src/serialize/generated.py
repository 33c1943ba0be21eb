"""The text of the methods that `dataclass` has written for a class: it keeps none, so it is made to write them again.

A copy of the module `dataclasses`, whose `exec` takes down the text and runs it, is asked for a class of the same
fields that has no bases and no methods. What it wrote is used where it compiles to the very code that is there.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from .fragments import Fragment
from .remake import compiled, lock
from .same_code import is_same

_FIELDS = "__dataclass_fields__"
_COMMON = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")

#: What was found, of the codes that a class had then.
_found: WeakKeyDictionary[type, list[tuple[CodeType, Fragment | None]]] = WeakKeyDictionary()


def is_dataclass(kind: type) -> bool:
    """Whether `dataclass` has written methods of this very class."""
    return _FIELDS in vars(kind)


def generated_fragments(kind: type) -> Iterator[tuple[CodeType, Fragment]]:
    """Give the codes of a class's methods that `dataclass` wrote, each with its text, as far as that is found."""
    codes = [code for value in vars(kind).values() for code in _codes_of(value)]
    found = _found.get(kind, [])
    if [id(code) for code, _ in found] != [id(code) for code in codes]:
        _found[kind] = found = list(_look_for(kind, codes))
    yield from ((code, fragment) for code, fragment in found if fragment is not None)


def _look_for(kind: type, codes: Sequence[CodeType]) -> Iterator[tuple[CodeType, Fragment | None]]:
    try:
        texts = _texts_for(kind)
    except Exception:  # noqa: BLE001 - another `dataclasses` than is known: its methods go as bytecode
        texts = []
    for code in codes:
        yield code, next(filter(None, (_fragment(kind, code, text) for text in texts)), None)


def _fragment(kind: type, code: CodeType, text: str) -> Fragment | None:
    if f"def {code.co_name}(" not in text:
        return None
    file, path = f"<dataclass {kind.__qualname__}.{code.co_name}>", ("__create_fn__", code.co_name)
    is_it = is_same(compiled(text, file, 0, 0, path), code)
    return Fragment(text, file, 0, 0, path, code.co_freevars) if is_it else None


def params_of(params: Any) -> dict[str, bool]:
    """Give what a class was decorated with, as far as this version of Python has noted it."""
    return {name: bool(getattr(params, name)) for name in params.__slots__}


def _codes_of(value: Any) -> Iterator[CodeType]:
    while isinstance(value, FunctionType):
        if value.__code__.co_filename == "<string>":
            yield value.__code__
        value = getattr(value, "__wrapped__", None)


def _texts_for(kind: type[Any]) -> list[str]:
    annotations: dict[str, Any] = {}
    blank: dict[str, Any] = {"__annotations__": annotations, "__module__": kind.__module__}
    for name, one in getattr(kind, _FIELDS).items():
        if one._field_type is _private("_FIELD_CLASSVAR"):  # noqa: SLF001 - nothing public says it
            continue
        is_argument_only = one._field_type is _private("_FIELD_INITVAR")  # noqa: SLF001 - nothing public says it
        annotations[name] = dataclasses.InitVar[object] if is_argument_only else object
        same = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
        blank[name] = dataclasses.field(**{what: getattr(one, what) for what in same})
    if hasattr(kind, "__post_init__"):
        blank["__post_init__"] = None
    params = kind.__dataclass_params__
    asked = {name: getattr(params, name) for name in _COMMON}
    module, texts = _scribe()
    with lock():
        texts.clear()
        module.dataclass(type(kind.__name__, (), blank), slots="__slots__" in vars(kind), **asked)
        return list(texts)


def _private(name: str) -> Any:
    return getattr(dataclasses, name)


@cache
def _scribe() -> tuple[Any, list[str]]:
    """Make a copy of `dataclasses` that takes down what it writes, in a list."""
    texts: list[str] = []

    def take_down(text: str, *spaces: Any) -> None:
        texts.append(text)
        exec(text, *spaces)  # noqa: S102 - as it does itself

    spec = importlib.util.find_spec("dataclasses")
    if spec is None or spec.loader is None:
        raise ImportError("dataclasses")
    module: ModuleType = importlib.util.module_from_spec(spec)
    vars(module)["exec"] = take_down
    spec.loader.exec_module(module)
    # It is to know the fields of the module that everybody else has.
    names = ("Field", "InitVar", "MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR")
    for name in (*names, "_HAS_DEFAULT_FACTORY", "_MISSING_TYPE", "_KW_ONLY_TYPE"):
        if hasattr(dataclasses, name):
            setattr(module, name, getattr(dataclasses, name))
    return module, texts
