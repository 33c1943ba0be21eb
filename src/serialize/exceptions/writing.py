"""Exceptions to documents, where they were raised.

A user's code runs in pickling and in `str` alone, and nothing of what it raises gets through.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from types import TracebackType
from typing import Any, cast

from ..pickling import dumps
from .document import CUT_OFF, MAX_CHARS, MAX_NODES, MAX_TEXT_CHARS, VERSION, Node
from .frames import describe_frames
from .kinds import is_named, name_of, original_of
from .pickles import TooLarge, write
from .state import State, is_group, members_of, state_of, text_of


def _all(frames: TracebackType | None) -> TracebackType | None:
    return frames


def describe(
    error: BaseException,
    trim: Callable[[TracebackType | None], TracebackType | None] = _all,
    *,
    max_chars: int = MAX_CHARS,
) -> Node:
    """Write an exception, and all that it is chained to, as plain data.

    Args:
        error: the exception.
        trim: takes off a traceback what is not to be told.
        max_chars: about how large the document may be. What does not fit is left out, the innermost first.

    Returns:
        A document that JSON can hold and `rebuild` reads.
    """
    writer = _Writer(max_chars)
    writer.number_of(error)
    return {"version": VERSION, "nodes": writer.write(trim)}


class _Writer:
    def __init__(self, max_chars: int) -> None:
        self._room = max_chars
        self._errors: list[BaseException] = []
        self._numbers: dict[int, int] = {}

    def number_of(self, error: BaseException) -> int:
        """Give the number of an exception in the document; it is in there from now on, if there is room."""
        known = self._numbers.get(id(error))
        if known is None:
            if len(self._errors) >= MAX_NODES or self._room <= 0:
                return CUT_OFF
            known = self._numbers[id(error)] = len(self._errors)
            self._errors.append(error)
        return known

    def write(self, trim: Callable[[TracebackType | None], TracebackType | None]) -> list[Node]:
        # The list of errors grows on the way.
        return [self._node(error, trim(error.__traceback__)) for error in self._errors]

    def _node(self, error: BaseException, frames: TracebackType | None) -> Node:
        kind = original_of(type(error))
        text = text_of(error)
        node: Node = {
            "type": name_of(kind),
            "text": None if text is None else self._spend(_cut(text)),
            "frames": _attempt(lambda: describe_frames(frames)),
            "cause": self._link(error.__cause__),
            "context": self._link(error.__context__),
            "suppress": error.__suppress_context__,
            "class": None if is_named(kind) else self._spend(_attempt(lambda: _class(kind, self._room))),
        }
        if is_group(error):
            message, members = members_of(error)
            node["message"] = self._spend(_cut(message))
            node["members"] = [self.number_of(member) for member in members]
        if _has_own(_OWN_WAYS, kind):
            node["own"] = self._spend(_attempt(lambda: self._write(_reduction(error))))
            node["own_state"] = True if _has_own(_OWN_STATES, kind) else None
        node.update(self._state(error))
        return {key: value for key, value in node.items() if value is not None}

    def _link(self, error: BaseException | None) -> int | None:
        return None if error is None else self.number_of(error)

    def _state(self, error: BaseException) -> Node:
        state = _attempt(lambda: _told_state(error))
        if state is None:
            return {"left_out": ["arguments", "attributes"]}
        whole = self._spend(_attempt(lambda: self._write((state.args, state.attributes, state.fields))))
        return {"state": whole} if whole is not None else self._pieces(state)

    def _pieces(self, state: State) -> Node:
        """Write what can be written of a state; the rest is named, and arguments are replaced by their text."""
        left_out: list[str] = []

        def kept(name: str, value: object) -> bool:
            if self._fits(value):
                return True
            left_out.append(name)
            return False

        fields = {name: value for name, value in state.fields.items() if kept(name, value)}
        attributes = {name: value for name, value in state.attributes.items() if kept(name, value)}
        args = tuple(
            value if kept(f"args[{place}]", value) else _instead(value) for place, value in enumerate(state.args)
        )
        written = self._spend(_attempt(lambda: self._write((args, attributes, fields))))
        return {"state": written, "left_out": left_out}

    def _fits(self, value: object) -> bool:
        # A tenth: one large value must not take the room of all that come after it.
        return _attempt(lambda: write(value, self.number_of, self._room // 10)) is not None

    def _write(self, value: object) -> str:
        return write(value, self.number_of, self._room)

    def _spend(self, text: str | None) -> str | None:
        self._room -= len(text or "")
        return text


def _attempt(make: Callable[[], Any]) -> Any:
    """Make something that a user's code has a part in; None where that fails, whatever it raises."""
    try:
        return make()
    except BaseException:  # noqa: BLE001 - what it raises is not what this is about
        return None


def _class(kind: type, max_chars: int) -> str:
    text = dumps(kind).hex()
    if len(text) > max_chars:
        raise TooLarge
    return text


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT_CHARS:
        return text
    half = MAX_TEXT_CHARS // 2
    return f"{text[:half]} ... ({len(text) - 2 * half} characters left out) ... {text[-half:]}"


def _instead(value: object) -> str:
    """Give what stands for an argument that cannot be sent."""
    if isinstance(value, str):
        return _cut(value)
    return f"<{type(value).__qualname__} left out: it cannot be sent, or is too large>"


_OWN_STATES = ("__getstate__", "__setstate__")
_OWN_WAYS = ("__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__", *_OWN_STATES)


def _has_own(methods: tuple[str, ...], kind: type) -> bool:
    """Whether a class, and not Python, says how it is pickled."""
    return kind in copyreg.dispatch_table or any(
        one.__module__ != "builtins" and any(name in vars(one) for name in methods) for one in kind.__mro__
    )


def _told_state(error: BaseException) -> State:
    """Read what an exception holds; of its attributes what its class wants to be told of."""
    state = state_of(error)
    if not _has_own(("__getstate__",), original_of(type(error))):
        return state
    told = _own_state(error)
    return State(state.args, cast("dict[str, Any]", told) if isinstance(told, dict) else {}, state.fields)


def _own_state(error: Any) -> Any:
    return error.__getstate__()


def _reduction(error: BaseException) -> tuple[Any, ...]:
    """Ask an exception how it is pickled.

    Raises:
        TypeError: it says something that is not understood here.
    """
    made = error.__reduce_ex__(4)
    if not isinstance(made, tuple) or any(part is not None for part in made[3:]):
        raise TypeError("no reduction of an exception")
    kind = original_of(type(error))
    if _has_own(("__getstate__",), kind) and not _has_own(("__reduce__", "__reduce_ex__"), kind):
        return (*made[:2], _own_state(error))  # exceptions pass over it, other objects do not
    return made[:3]
