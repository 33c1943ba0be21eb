"""The instructions of a pickle, followed without running anything, for what they come to.

Two processes that pickle one value do not write the same bytes: the elements of a set come in another order, and a
string that is one object here is two there. So values are told apart like this:

- What cannot change (numbers, strings, tuples and frozen sets, what is found by name) is what it is, wherever it was
  written first.
- All else (lists, dicts, sets, whatever a call makes) is known by a number, in the order in which it is made. What is
  done to it is an event. Events count in order, but what is put into one set at one time counts in any.
- The file name of code and of source text counts; where it is the name of a notebook's cell, which run of the cell it
  was does not.

Two pickles of equal events make the same of a reader. The reverse is not true: then there are merely two of them.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from .cells import cell_of
from .fragments import MARK

#: Bytes of a value that stand in its token; of longer ones a hash stands there.
_LONGEST = 4096

#: The fewest values that dill writes for code.
_CODE_PARTS = 15

#: More instructions are not followed: it would take longer than to register the function again.
_MOST = 100_000


class NotUnderstood(Exception):
    """There is an instruction that none of our picklers writes, or the pickle is damaged."""


def follow(data: bytes) -> Iterator[bytes]:
    """Give the events of a pickle, the last of which names the value.

    Raises:
        NotUnderstood, ValueError: it is no pickle of ours.
    """
    machine = _Machine()
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(data)):
            name = instruction.name
            if count == _MOST:
                raise NotUnderstood("it is too long")
            if name in _ATOMS:
                machine.stack.append(_ATOMS[name](argument))
            elif name in _STEPS:
                _STEPS[name](machine, argument)
            elif name not in _PASSED_OVER:
                raise NotUnderstood(name)
            if machine.events:
                yield from machine.events
                machine.events.clear()
    except (IndexError, KeyError, TypeError, struct.error) as error:
        raise NotUnderstood("the pickle is damaged") from error


# ---- what cannot change: a letter for its kind, and its content

_MARK = b""


def _text(text: str) -> bytes:
    return _token(b"s", text.encode("utf-8", "surrogatepass"))


def _whole(number: int) -> bytes:
    if isinstance(number, bool):  # INT writes these, too
        return b"B1" if number else b"B0"
    return _token(b"i", number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True))


def _token(kind: bytes, content: bytes) -> bytes:
    # A content of just that length and a hash in capitals are told apart.
    return kind + content if len(content) <= _LONGEST else kind.upper() + sha256(content).digest()


def _joined(kind: bytes, tokens: list[bytes]) -> bytes:
    return _token(kind, b"".join(b"%d:%b" % (len(token), token) for token in tokens))


_ATOMS: dict[str, Callable[[Any], bytes]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _whole),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _text),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), lambda content: _token(b"b", content)),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), lambda number: b"f" + struct.pack("<d", number)),
    "NONE": lambda _: b"N",
    "NEWTRUE": lambda _: b"B1",
    "NEWFALSE": lambda _: b"B0",
    "EMPTY_TUPLE": lambda _: _joined(b"t", []),
    "GLOBAL": lambda name: _named(*map(_text, name.split(" ", 1))),
}

_PASSED_OVER = frozenset({"PROTO", "FRAME"})


def _named(module: bytes, name: bytes) -> bytes:
    return _joined(b"g", [module, name])


_FRAGMENT = _text(MARK)
_CREATE_CODE = _named(_text("dill._dill"), _text("_create_code"))


class _Machine:
    """The stack and the memo, of tokens; `events` are those that nobody has taken yet."""

    def __init__(self) -> None:
        self.stack: list[bytes] = []
        self.events: list[bytes] = []
        self._memo: dict[int, bytes] = {}
        self._made = 0
        self._long_tuples: dict[bytes, list[bytes]] = {}
        # The set that is being filled, and what with.
        self._filled = _MARK
        self._filling: list[bytes] = []

    def mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def pop(self, _: Any) -> None:
        self.stack.pop()

    def pop_mark(self, _: Any) -> None:
        self._above_mark()

    def twice(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def put(self, place: int) -> None:
        self._memo[place] = self.stack[-1]

    def get(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def stack_global(self, _: Any) -> None:
        module, name = self.taken(2)
        self.stack.append(_named(module, name))

    def tuple_of(self, items: list[bytes]) -> None:
        if items and items[0] == _FRAGMENT:
            items = [*items[:2], _with_cell(items[2]), *items[3:]]
        token = _joined(b"t", items)
        if len(items) >= _CODE_PARTS:
            self._long_tuples[token] = items
        self.stack.append(token)

    def tuple_above_mark(self, _: Any) -> None:
        self.tuple_of(self._above_mark())

    def frozen_set(self, _: Any) -> None:
        self.stack.append(_joined(b"z", sorted(self._above_mark())))

    def fill(self, _: Any) -> None:
        items = self._above_mark()
        if self.stack[-1] != self._filled:
            self._end_filling()
        self._filled = self.stack[-1]
        self._filling += items

    def change(self, what: bytes, items: list[bytes]) -> None:
        self.event(what, [self.stack[-1], *items])

    def change_above_mark(self, what: bytes) -> None:
        self.change(what, self._above_mark())

    def change_by(self, what: bytes, count: int) -> None:
        self.change(what, self.taken(count))

    def make(self, what: bytes, parts: list[bytes]) -> None:
        self.event(what, parts)
        self.stack.append(b"#%d" % self._made)
        self._made += 1

    def make_of(self, what: bytes, count: int) -> None:
        parts = self.taken(count)
        if parts[0] == _CREATE_CODE:
            parts[1] = self._code_with_cell(parts[1])
        self.make(what, parts)

    def make_above_mark(self, what: bytes) -> None:
        self.make(what, self._above_mark())

    def stop(self, _: Any) -> None:
        self.event(b"result", [self.stack.pop()])

    def event(self, what: bytes, tokens: list[bytes]) -> None:
        self._end_filling()
        self.events.append(_joined(what + b" ", tokens))

    def _end_filling(self) -> None:
        filled, filling = self._filled, self._filling
        if filling:
            self._filled, self._filling = _MARK, []
            self.events.append(_joined(b"fill ", [filled, *sorted(filling)]))

    def taken(self, count: int) -> list[bytes]:
        items = self.stack[-count:]
        if len(items) < count or _MARK in items:
            raise NotUnderstood("the stack is too short")
        del self.stack[-count:]
        return items

    def _above_mark(self) -> list[bytes]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] == _MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise NotUnderstood("there is no mark")

    def _code_with_cell(self, arguments: bytes) -> bytes:
        """Put the cell in the place of the file name, which is the first text that code is made of."""
        parts = list(self._long_tuples[arguments])
        place = next(index for index, part in enumerate(parts) if part[:1] in {b"s", b"S"})
        parts[place] = _with_cell(parts[place])
        return _joined(b"t", parts)


def _with_cell(token: bytes) -> bytes:
    """Put the cell in the place of its file name; any other file's is left."""
    cell = cell_of(token[1:].decode("utf-8", "surrogatepass")) if token[:1] == b"s" else None
    return token if cell is None else _token(b"c", cell.encode())


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.twice,
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "STACK_GLOBAL": _Machine.stack_global,
    "TUPLE1": lambda machine, _: machine.tuple_of(machine.taken(1)),
    "TUPLE2": lambda machine, _: machine.tuple_of(machine.taken(2)),
    "TUPLE3": lambda machine, _: machine.tuple_of(machine.taken(3)),
    "TUPLE": _Machine.tuple_above_mark,
    "FROZENSET": _Machine.frozen_set,
    "EMPTY_LIST": lambda machine, _: machine.make(b"list", []),
    "EMPTY_DICT": lambda machine, _: machine.make(b"dict", []),
    "EMPTY_SET": lambda machine, _: machine.make(b"set", []),
    "LIST": lambda machine, _: machine.make_above_mark(b"list"),
    "DICT": lambda machine, _: machine.make_above_mark(b"dict"),
    "APPEND": lambda machine, _: machine.change_by(b"append", 1),
    "APPENDS": lambda machine, _: machine.change_above_mark(b"append"),
    "SETITEM": lambda machine, _: machine.change_by(b"setitem", 2),
    "SETITEMS": lambda machine, _: machine.change_above_mark(b"setitem"),
    "ADDITEMS": _Machine.fill,
    "REDUCE": lambda machine, _: machine.make_of(b"call", 2),
    "NEWOBJ": lambda machine, _: machine.make_of(b"new", 2),
    "NEWOBJ_EX": lambda machine, _: machine.make_of(b"new", 3),
    "BUILD": lambda machine, _: machine.change_by(b"state", 1),
    "STOP": _Machine.stop,
}
