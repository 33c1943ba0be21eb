"""A call as text for people: the function's name and what its arguments look like, shortened."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

#: Characters of a call's arguments, at most.
MAX_CHARS = 200

#: Arguments that are packed in more characters than this are not asked to describe themselves: that may take long.
BIG_CHARS = 100_000

#: What `repr` describes at once, and in few characters.
_SHORT = frozenset({int, float, bool, type(None)})


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80
        self.maxlevel = 4


class _Brief(_Short):
    """For big arguments: says what kind of thing it is, and the shape of it where that is a word for it."""

    def repr_instance(self, x: Any, level: int) -> str:
        shape = getattr(x, "shape", None)
        told = f" of shape {shape}" if isinstance(shape, tuple) else ""
        return f"<{type(x).__name__}{told}>"


_SHORT_REPR = _Short()
_BRIEF_REPR = _Brief()


def call_text(args: Sequence[Any], kwargs: Mapping[str, Any], packed_chars: int) -> str:
    """Describe the arguments of a call. Never raises for what an argument's own `repr` raises.

    Args:
        args: the positional arguments.
        kwargs: the keyword arguments.
        packed_chars: how large they are, packed.

    Returns:
        Such as ``"3, mode='fast'"``, on one line, in `MAX_CHARS` characters at most.

    >>> call_text((3, "x" * 1000), {"mode": "fast"}, 1100)
    "3, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', mode='fast'"
    """
    if not kwargs and len(args) == 1 and type(args[0]) in _SHORT and packed_chars < 1000:
        return repr(args[0])
    short = _SHORT_REPR.repr if packed_chars < BIG_CHARS else _BRIEF_REPR.repr
    parts: list[str] = []
    left = MAX_CHARS
    for name, value in [*(("", value) for value in args), *kwargs.items()]:
        if left <= 0:
            break
        part = f"{name}={short(value)}" if name else short(value)
        parts.append(part)
        left -= len(part) + 2
    text = ", ".join(parts)
    if not text.isprintable():  # also line ends, and half surrogate pairs that a file would not take
        text = " ".join(text.split())
        text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 3]}..."
