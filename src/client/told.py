"""What the text of a traceback tells: the type and the message of each exception in it.

    [block, separator]* block        block: header, frames, "type: message"; a group's with its members in it

Text is all that an endpoint sends that is not farpool's. A message may hold anything, tracebacks too; where the text
can be read in two ways, it is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = "Traceback (most recent call last):"
_GROUP_HEADER = f"Exception Group {_HEADER}"
_TOP_GROUP_HEADER = f"  + {_GROUP_HEADER}"
_SEPARATORS = {
    "The above exception was the direct cause of the following exception:": True,
    "During handling of the above exception, another exception occurred:": False,
}
_LAST_LINE = re.compile(r"(?P<name>[^\W\d]\w*(?:\.(?:[^\W\d]\w*|<locals>))*)(?::(?: (?P<message>.*))?)?")
_FIRST_MEMBER = re.compile(r"\+-\+-+ 1 -+")
_NEXT_MEMBER = re.compile(r"\+-+ (?:\d+|\.\.\.) -+")
_END = re.compile(r"\+-+")
_COUNT = re.compile(r" \(\d+ sub-exceptions?\)$")


@dataclass(frozen=True, slots=True)
class Told:
    """An exception, as a traceback tells of it.

    Attributes:
        name: of its type, with the module if that is told; empty for members that are told of in a sum.
        message: what it said.
        before: the exception that it is chained to.
        is_cause: whether that is its cause, and not only its context.
        members: of a group.
        is_raised: whether there are frames.
    """

    name: str
    message: str
    before: Told | None = None
    is_cause: bool = False
    members: tuple[Told, ...] = ()
    is_raised: bool = False


class _Unclear(Exception):
    """The text is no traceback, or can be read in two ways."""


def read_traceback(text: str) -> Told | None:
    """Read the text of a traceback; None when it is none, or when it is not clear what it tells."""
    try:
        told = _chain(text.rstrip("\n").split("\n"), 0)
    except (_Unclear, RecursionError):
        return None
    return told if told.is_raised else None


def _chain(lines: list[str], depth: int) -> Told:
    """Read exceptions that follow from one another.

    Args:
        lines: what is told of them.
        depth: how many groups they are in: so many bars are before each line.
    """
    told: Told | None = None
    is_cause = False
    for block, becomes_cause in _blocks(lines, "  " * depth + "|" if depth else ""):
        if not depth and block[0] == _TOP_GROUP_HEADER:
            told = _block(
                [f"  | {_GROUP_HEADER}", *block[1:]], 1, is_last=becomes_cause is None, before=(told, is_cause)
            )
        else:
            told = _block(block, depth, is_last=becomes_cause is None, before=(told, is_cause))
        is_cause = bool(becomes_cause)
    if told is None:
        raise _Unclear
    return told


def _blocks(lines: list[str], margin: str) -> Iterator[tuple[list[str], bool | None]]:
    """Split a chain; with each block goes whether it is the next one's cause, or None at the last."""
    start = 0
    empty = {margin, f"{margin} "}
    for place in range(2, len(lines) - 2):
        is_cause = _SEPARATORS.get(_inside(lines[place], margin))
        if is_cause is None or not {lines[place - 1], lines[place + 1]} <= empty:
            continue
        if _is_header(_inside(lines[place + 2], margin)):
            yield lines[start : place - 1], is_cause
            start = place + 2
    yield lines[start:], None


def _block(lines: list[str], depth: int, *, is_last: bool, before: tuple[Told | None, bool]) -> Told:
    """Read one exception: the header, the frames, the type and the message, and the members."""
    margin = "  " * depth + "|" if depth else ""
    first = next((place for place, line in enumerate(lines) if depth and _is_first_member(line, depth)), len(lines))
    body = [_inside(line, margin) for line in lines[:first]]
    is_raised = _is_header(body[0]) if body else False
    end = 1 if is_raised else 0
    while end < len(body) and body[end].startswith("  "):
        end += 1
    match = _LAST_LINE.fullmatch(body[end]) if end < len(body) else None
    rest = body[end + 1 :]
    # A message that quotes a traceback, and then something that ends a message: whose is it?
    if match is None or (not is_last and any(map(_is_header, rest))):
        raise _Unclear
    message = "\n".join([match["message"] or "", *rest])
    members = tuple(_members(lines[first:], depth + 1)) if first < len(lines) else ()
    return Told(match["name"], message, *before, members, is_raised)


def _members(lines: list[str], depth: int) -> Iterator[Told]:
    margin = "  " * depth
    starts = [0]
    for place, line in enumerate(lines[1:], 1):
        if line.startswith(margin) and _NEXT_MEMBER.fullmatch(line[len(margin) :]):
            starts.append(place)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        member = lines[start + 1 : end]
        if member and member[-1].startswith(margin) and _END.fullmatch(member[-1][len(margin) :]):
            member.pop()
        if "- ... -" in lines[start]:  # "and 25 more exceptions"
            yield Told("", "\n".join(_inside(line, f"{margin}|") for line in member))
        else:
            yield _chain(member, depth)


def _is_first_member(line: str, depth: int) -> bool:
    margin = "  " * depth
    return line.startswith(margin) and _FIRST_MEMBER.fullmatch(line[len(margin) :]) is not None


def _inside(line: str, margin: str) -> str:
    """Give what is behind the bars.

    Raises:
        _Unclear: there are none, or more.
    """
    if not margin:
        return line
    if not line.startswith(margin):
        return line
    return line[len(margin) + 1 :]


def _is_header(line: str) -> bool:
    return line in {_HEADER, _GROUP_HEADER, _TOP_GROUP_HEADER}


def without_count(message: str) -> str:
    """Take the number of members off a group's message.

    >>> without_count("two of them (2 sub-exceptions)")
    'two of them'
    """
    return _COUNT.sub("", message)
