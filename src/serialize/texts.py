"""Where the text of functions is: in files and cells, and in what was sent to this process; and what is where in it."""

from __future__ import annotations

import ast
import contextlib
import linecache
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, TypeAlias, cast

import dill

from .remake import lock

#: Where readers keep `remake` and what it has made, beside what dill has. Another text of it gets another number.
SPACE = "farpool remake 1"

#: Longer files are not looked through.
_MOST_LINES = 50_000

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def also_in(made_up: str, file: str) -> None:
    """Take note that code with a made-up file name has its text in a file."""
    _also_in.setdefault(made_up, {})[file] = None


_also_in: dict[str, dict[str, None]] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """A function in a text.

    Attributes:
        node: the function.
        chain: what it stands in, outermost first.
    """

    node: Function
    chain: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Source text, and what functions are in it.

    Attributes:
        lines: its lines.
        shift: how many lines further down it stood.
        places: the functions, by name and first line.
        imported: the names that its imports bind.
    """

    lines: Sequence[str]
    shift: int = 0
    places: dict[tuple[str, int], list[Place]] = field(default_factory=dict[tuple[str, int], list[Place]])
    imported: set[str] = field(default_factory=set[str])

    def places_of(self, code: CodeType) -> Iterable[Place]:
        """Give the functions that code may be of."""
        return self.places.get((code.co_name, code.co_firstlineno - self.shift), ())


_of_files: dict[str, Text] = {}


def texts_of(file: str) -> Iterator[Text]:
    """Give the texts that a file's code may be in: what is read from it, and what was sent of it."""
    for one in _also_in.get(file, {file: None}):
        text = _text_of_file(one)
        yield text
        if one not in linecache.cache or one in _there().get("lines_of", ()):
            continue
        linecache.checkcache(one)  # it was changed, and so what was read before is not what runs; or the reverse
        if linecache.getlines(one) is not text.lines:
            yield _text_of_file(one)
    for _mark, text, of_file, shift, *_ in list(_there().get("kept", ())):
        if of_file == file:
            yield _text_of_fragment(text, shift)


def _text_of_file(file: str) -> Text:
    lines = linecache.getlines(file)
    known = _of_files.get(file)
    if known is not None and known.lines is lines:
        return known
    text = _indexed(lines, 0)
    _of_files[file] = text
    while len(_of_files) > 256:
        _of_files.pop(next(iter(_of_files)), None)
    return text


@lru_cache(maxsize=256)
def _text_of_fragment(text: str, shift: int) -> Text:
    return _indexed([f"{line}\n" for line in text.split("\n")], shift)


def _there() -> dict[str, Any]:
    """Give the names that `remake` has in this process, if it has been read here."""
    space: dict[str, Any] = vars(dill).get(SPACE, {})
    return space


def _indexed(lines: Sequence[str], shift: int) -> Text:
    text = Text(lines, shift)
    if len(lines) > _MOST_LINES:
        return text
    try:
        tree = _parsed("".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return text
    waiting: list[tuple[ast.AST, tuple[Scope, ...]]] = [(tree, ())]
    while waiting:
        node, chain = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom) and not chain:
            text.imported.update((one.asname or one.name).partition(".")[0] for one in node.names)
        if isinstance(node, Function):
            text.places.setdefault((name_of(node), first_line(node)), []).append(Place(node, chain))
        for child, is_inside in _children(node):
            waiting.append((child, (*chain, cast("Scope", node)) if is_inside else chain))
    return text


def _parsed(text: str) -> ast.Module:
    for _ in range(9):
        # In Python 3.11 it fails now and then where other threads do the same: not those of farpool, for the lock.
        with lock(), warnings.catch_warnings(), contextlib.suppress(SystemError):
            warnings.simplefilter("ignore")
            return ast.parse(text)
    return ast.parse(text)


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Give what is in a node, and whether the node is a scope that it is in: defaults and decorators are not."""
    if not isinstance(node, Scope):
        yield from ((child, False) for child in ast.iter_child_nodes(node))
        return
    inside = [node.body] if isinstance(node, ast.Lambda) else node.body
    yield from ((child, True) for child in inside)
    inner = set(map(id, inside))
    yield from ((child, False) for child in ast.iter_child_nodes(node) if id(child) not in inner)


def name_of(node: Scope) -> str:
    """Give the name that a scope's code has."""
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def first_line(node: Scope) -> int:
    """Give the line that a scope's code begins with."""
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(one.lineno for one in decorators)])
