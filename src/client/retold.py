"""Exceptions made of what a text tells of them: the type where it is found here, and what the message gives away.

A text does not tell the arguments. They are taken from the message where a builtin type is known to print them; else
the message is the one argument. No constructor runs: it may want what nobody knows.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
import re
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from ..errors import TaskExecutionFailed
from ..serialize.exceptions import State, blank, find_kind, link, restore, text_of
from .from_task import as_raised, say
from .told import Told, without_count

#: A dotted name of more parts is no type's.
_MOST_PARTS = 30


def retell(told: Told) -> BaseException | None:
    """Make the exception that a text tells of, with what it is chained to; None where its type is not found here."""
    try:
        error = _make(told, as_raised)
    except BaseException:  # noqa: BLE001 - the classes are the user's code
        return None
    # What cannot even say what it said is worse than the text.
    return error if text_of(error) is not None else None


def _make(told: Told, cast_to: Callable[[type[BaseException]], type[BaseException]]) -> BaseException:
    kind = _kind(told.name)
    if kind is None:
        raise ImportError(told.name)
    message = told.message
    if told.members:
        message = without_count(message)
        members = [_stand_in(member) for member in told.members]
        error = blank(kind, (message, members), rather=cast_to(kind))
        restore(error, State((message, members)))
    else:
        error = blank(kind, rather=cast_to(kind))
        restore(error, _state(kind, message))
        say(error, _without_hint(message) if _has_hints(kind) else message)
    before = None if told.before is None else _stand_in(told.before)
    link(error, before if told.is_cause else None, before, suppress=told.is_cause)
    return error


def _stand_in(told: Told) -> BaseException:
    try:
        return _make(told, lambda kind: kind)
    except BaseException:  # noqa: BLE001 - the classes are the user's code
        return TaskExecutionFailed(": ".join(filter(None, (told.name, told.message))))


def _kind(name: str) -> type[BaseException] | None:
    """Find the type that a traceback names: it leaves out the modules `builtins` and `__main__`."""
    parts = name.split(".")
    if len(parts) > _MOST_PARTS:
        return None
    if hasattr(builtins, parts[0]):
        return find_kind("builtins", name)
    found = find_kind("__main__", name.removeprefix("__main__."))
    for place in range(len(parts) - 1, 0, -1):
        found = found or find_kind(".".join(parts[:place]), ".".join(parts[place:]))
    return found


# ---- what messages give away


class _Verbatim(str):
    """Stands for an object of which only the text is known, in an argument that is printed by `repr`."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return str(self)


_HINT = re.compile(r"\. (?:Did you mean: |Did you forget to import |Or did you forget to import ).*\?$")
#: Longer ones have no hint at their end.
_LONGEST_HINTED = 5000
_OS = re.compile(r"\[(?:Errno|WinError) (?P<errno>-?\d+)\] (?P<rest>.*)", re.DOTALL)
_QUOTED = re.compile(r"'(?P<name>[^']+)'")
_ATTRIBUTE = re.compile(r"has no attribute '(?P<name>[^']+)'")


def _has_hints(kind: type) -> bool:
    return issubclass(kind, NameError | AttributeError | ImportError)


def _without_hint(message: str) -> str:
    return _HINT.sub("", message) if len(message) <= _LONGEST_HINTED else message


def _state(kind: type[BaseException], message: str) -> State:
    for base, read in _READERS.items():
        if issubclass(kind, base):
            return read(message)
    return State((message,) if message else ())


def _key_error(message: str) -> State:
    if not message:
        return State()
    try:
        return State((ast.literal_eval(message),))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return State((_Verbatim(message),))


def _exit(message: str) -> State:
    code: Any = message or None
    with contextlib.suppress(ValueError):
        code = int(message)
    return State(() if code is None else (code,), {}, {"code": code})


def _os_error(message: str) -> State:
    match = _OS.fullmatch(message)
    if match is None:
        return State((message,) if message else ())
    number, rest = int(match["errno"]), match["rest"]
    fields: dict[str, Any] = {"errno": number, "strerror": rest}
    known = os.strerror(number)
    said, mark, names = (known, ": ", rest[len(known) + 2 :]) if rest.startswith(f"{known}: ") else rest.partition(": ")
    if mark:
        with contextlib.suppress(ValueError, SyntaxError):
            files = [ast.literal_eval(name) for name in names.split(" -> ", 1)]
            fields = {"errno": number, "strerror": said, **dict(zip(("filename", "filename2"), files, strict=False))}
    return State((number, fields["strerror"]), {}, fields)


def _named(pattern: re.Pattern[str]) -> Callable[[str], State]:
    def read(message: str) -> State:
        message = _without_hint(message)
        match = pattern.search(message)
        return State((message,) if message else (), {}, {"name": match["name"]} if match else {})

    return read


def _syntax_error(message: str) -> State:
    return State((message,) if message else (), {}, {"msg": message or None})


_READERS: dict[type[BaseException], Callable[[str], State]] = {
    KeyError: _key_error,
    SystemExit: _exit,
    OSError: _os_error,
    AttributeError: _named(_ATTRIBUTE),
    NameError: _named(_QUOTED),
    ImportError: _named(_QUOTED),
    SyntaxError: _syntax_error,
}
