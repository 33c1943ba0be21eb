"""Pickling by dill, with what a function or class of `__main__` needs on a machine that has never seen it.

dill stores such functions by value but leaves their globals to the worker's `__main__`, where they are not: the
module imported at the top of a script, a helper function, a constant. Here they travel along. What is written uses
dill's own building blocks only, so every `dill.loads` reads it.
"""

# ruff: noqa: SLF001 - dill's building blocks have no public names
from __future__ import annotations

import _thread
import importlib
import io
import sys
from abc import ABCMeta
from collections.abc import Callable
from enum import Enum
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeGuard
from uuid import uuid4

from typing_extensions import override

from .code_pickler import CodePickler
from .generated import is_dataclass
from .identity import give_keys, is_kept, is_ours, keep, known_key, target_key
from .instructions import follow
from .main import MAIN, main_name, module_of
from .moved import Call, moved
from .names import used_globals

_dill: Any = importlib.import_module("dill._dill")


def dumps_whole(value: object, protocol: int, *, as_source: bool = True) -> bytes:
    """Pickle a value with dill; functions stored by value take along the globals they use.

    Args:
        value: the value.
        protocol: of pickle.
        as_source: whether code is written as source text where that is as good.

    Raises:
        Exception: whatever dill or the value's own reduction raises.
    """
    file = io.BytesIO()
    WholePickler(file, protocol, as_source=as_source).dump(value)
    return file.getvalue()


# A lock is nobody's where it arrives. dill would have it come back held, and what waits for it there waits for ever: an
# `RLock` always, as `functools.cached_property` has one before 3.12.
_LOCKS: dict[type, Any] = {type(make()): make for make in (_thread.allocate_lock, _thread.RLock)}


class WholePickler(CodePickler):
    """dill's pickler, with ways of its own for code, functions, modules, enumerations and locks; see `CodePickler`."""

    def __init__(
        self,
        file: Any,
        protocol: int,
        *,
        as_source: bool = True,
        buffer_callback: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(file, protocol, as_source=as_source, buffer_callback=buffer_callback)
        # By the id of a function's globals: what stands for them in the pickle, and the names given to it so far.
        # Functions that share their globals here share them there.
        self._spaces: dict[int, tuple[dict[str, Any], set[str]]] = {}

    @override
    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if id(value) not in self.memo:
            elsewhere = moved(value)
            if elsewhere is not None:
                self.save_reduce(*elsewhere, obj=value)
                return
            if type(value) is FunctionType or _is_class(value):
                module_of(value)  # before dill looks
            if type(value) is FunctionType and _is_homeless(value):
                self._save_function(value)
                return
            if type(value) in _LOCKS:
                self.save_reduce(_LOCKS[type(value)], (), obj=value)
                return
            if type(value) is ModuleType and value is sys.modules.get(value.__name__) and not _is_main(value):
                # dill would send the content of a module of the user's own along, and set it over what is there.
                self.save_reduce(_dill._import_module, (value.__name__,), obj=value)
                return
            if _is_class(value) and is_dataclass(value) and not is_found_by_name(value):
                self.know_generated(value)
            if _is_class(value) and issubclass(value, Enum) and is_kept(value):
                self._save_enum(value)
                return
        super().save(value, save_persistent_id)

    @override
    def save_reduce(self, make: Any, args: tuple[Any, ...], *more: Any, obj: Any = None, **named: Any) -> None:
        if _is_class(obj) and id(obj) in self._postproc:
            kind = obj
            args = tuple(map(_as_written, args))
            if is_kept(kind):
                make, args = keep(), (self.key_of(kind), Call(make, *args))
                self._postproc[id(kind)] += self.refresh(kind)
        super().save_reduce(make, args, *more, obj=obj, **named)

    def key_of(self, kind: type) -> str:
        """Give the key of a class: the one it came with, or else one made for it now."""
        return known_key(kind) or _named(kind)

    def refresh(self, kind: type[Any]) -> list[Any]:
        """List what sets a class's methods once more: a reader may have kept it from an earlier pickle."""
        if not issubclass(kind, Enum) and not (is_ours(kind) and type(kind) in _PLAIN_METACLASSES):
            return []
        target = Call(keep(), target_key(self.key_of(kind)), kind)
        return [(setattr, (target, name, part)) for name, part in _own_parts(kind).items()]

    def _save_function(self, function: FunctionType) -> None:
        space, given = self._spaces.setdefault(
            id(function.__globals__), ({"__name__": main_name(function.__globals__.get("__name__"))}, set())
        )
        new = {name: value for name, value in used_globals(function).items() if name not in given}
        given.update(new)
        at_once = {name: value for name, value in new.items() if is_found_by_name(value)}
        later = {name: value for name, value in new.items() if name not in at_once}
        # A class under construction may be among the rest, or be reached from them: they wait until it is there.
        afterwards: list[Any] = [(_dill._setitems, (space, at_once))]
        next(iter(self._postproc.values()), afterwards).append((_dill._setitems, (space, later)))
        creation = (function.__code__, space, function.__name__, function.__defaults__, function.__closure__)
        attributes = _given_attributes(function, FunctionType(*creation))
        if self.fragment_of(function.__code__):
            attributes |= _uncertain_attributes(function)
        state = (function.__dict__, attributes)
        _dill._save_with_postproc(
            self, (_dill._create_function, creation, state), obj=function, postproc_list=afterwards
        )

    def _save_enum(self, kind: type[Enum]) -> None:
        # dill cannot rebuild an enumeration; its own functional interface can. Methods are set as those of any class.
        members = [(name, member.value) for name, member in kind.__members__.items()]
        make = partial(kind.__bases__[-1], module=kind.__module__, qualname=kind.__qualname__)
        _dill._save_with_postproc(self, (make, (kind.__name__, members)), obj=kind)


def _is_class(value: object) -> TypeGuard[type[Any]]:
    # Not `isinstance`, which asks a lazy proxy for its target's class: that would fetch the target.
    return issubclass(type(value), type)


def _as_written(part: Any) -> Any:
    """Take out of a class's namespace what pickling its objects has put there: the class is the same."""
    if type(part) is not dict:
        return part
    namespace: dict[str, Any] = part  # pyright: ignore[reportUnknownVariableType]
    return {name: value for name, value in namespace.items() if name != "__slotnames__"}


_PLAIN_METACLASSES = frozenset({type, ABCMeta})


class _Describer(WholePickler):
    """Writes classes that have no key yet, with all that they are made of.

    Attributes:
        kinds: those that it has come across; a number stands for the key of each.
    """

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol, as_source=False)
        self.kinds: list[type] = []

    @override
    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if _is_class(value) and id(value) not in self.memo and is_kept(value) and (key := known_key(value)):
            self.save_reduce(keep(), (key, None), obj=value)
        else:
            super().save(value, save_persistent_id)

    @override
    def key_of(self, kind: type) -> str:
        self.kinds.append(kind)
        return f"{kind.__qualname__} {len(self.kinds)}"

    @override
    def refresh(self, kind: type[Any]) -> list[Any]:
        return []


def _named(kind: type) -> str:
    file = io.BytesIO()
    describer = _Describer(file, 4)
    try:
        describer.dump(kind)
        content = sha256(b"".join(b"%d:%b" % (len(event), event) for event in follow(file.getvalue()))).hexdigest()
    except Exception:  # noqa: BLE001 - it cannot be serialized, which will be told, or it is too long to be followed
        content = uuid4().hex
    return give_keys(describer.kinds if kind in describer.kinds else [kind], content)[kind]


_ATTRIBUTES = ("__doc__", "__kwdefaults__", "__annotations__", "__qualname__", "__module__")


def _given_attributes(function: FunctionType, fresh: FunctionType) -> dict[str, Any]:
    """List what a function has been given since it was made from its code."""
    return {name: value for name in _ATTRIBUTES if (value := getattr(function, name)) != getattr(fresh, name)}


def _uncertain_attributes(function: FunctionType) -> dict[str, Any]:
    """List what another version of Python would make otherwise of the same text."""
    uncertain: dict[str, Any] = {}
    if function.__qualname__ != function.__name__:  # 3.10 finds it where the function is made
        uncertain["__qualname__"] = function.__qualname__
    if "\n" in (function.__doc__ or ""):  # 3.13 takes the indentation out
        uncertain["__doc__"] = function.__doc__
    return uncertain


def _own_parts(kind: type) -> dict[str, Any]:
    """List the methods and properties that the text of a class defines."""
    parts: dict[str, Any] = {}
    for name, part in vars(kind).items():
        function = getattr(part, "__func__", None) or getattr(part, "fget", None) or part
        # Those of named tuples and enumerations hold functions of other modules as well: they are made there anew.
        if isinstance(function, FunctionType) and module_of(function) == module_of(kind):
            parts[name] = part
    return parts


def _is_main(module: ModuleType) -> bool:
    return main_name(module.__name__) == MAIN


def is_found_by_name(value: object) -> bool:
    """Whether a worker finds it by its module and name, if it has the module."""
    if type(value) in {ModuleType, BuiltinFunctionType}:
        return True
    if type(value) is not FunctionType and not _is_class(value):
        return False
    module_of(value)  # before dill looks
    return bool(_dill._locate_function(value))


def _is_homeless(function: FunctionType) -> bool:
    """Whether dill stores it by value and its globals have to go with it: no module that a worker needs has them."""
    if module_of(function) in {MAIN, None}:
        return True
    if _dill._locate_function(function):
        return False
    module = _dill._import_module(function.__module__, safe=True)
    if getattr(module, "__dict__", None) is not function.__globals__:
        return True
    # Inside a function of a module: dill has the worker import that module, which it does not need for nothing.
    return all(map(_is_of_elsewhere(function.__module__), used_globals(function).values()))


def _is_of_elsewhere(module: str) -> Callable[[object], bool]:
    def is_of_elsewhere(value: object) -> bool:
        if isinstance(value, bool | int | float | str | bytes | None):
            return True
        return is_found_by_name(value) and getattr(value, "__module__", None) != module

    return is_of_elsewhere
