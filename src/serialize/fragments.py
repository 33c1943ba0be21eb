"""The source text of code, cut out of its file or cell so that it can be compiled by itself, to the same code.

    file, cell --lines--> index (which functions begin where, inside what)
                            | the function's own lines, and what it must stand in: `class A:`, `def outer(x):`
                            v
                         Fragment --compiled here, compared with the code--> sent, or not

Only what compiles to the same instructions, constants and names is given out: text that has been edited since, that was
rewritten while it was imported, or that says something else in another place, is not. Nothing here runs the text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from .remake import compiled
from .same_code import is_same
from .texts import Place, Scope, Text, first_line, name_of, texts_of

#: The first item of what a fragment is sent as; such a tuple in a pickle is known by it.
MARK = "farpool source 1"

#: `from __future__ import annotations` changes what a function's text means. (The others are on for all.)
_FUTURE = 0x1000000


@dataclass(frozen=True, slots=True)
class Fragment:
    """Source text that compiles to one function's code.

    Attributes:
        text: the lines of the function, in those of what it stands in.
        file: the name of the file that it was cut out of.
        shift: how many lines further down it stood there.
        flags: of the compiler.
        path: the names of scopes that lead to the code.
        free: its free variables.
    """

    text: str
    file: str
    shift: int
    flags: int
    path: tuple[str, ...]
    free: tuple[str, ...]

    def parts(self) -> tuple[Any, ...]:
        """Give what `remake` takes."""
        return (MARK, self.text, self.file, self.shift, self.flags, self.path, self.free)


def fragment_of(code: CodeType) -> Fragment | None:
    """Find source text that compiles to the same code; None where there is none.

    Takes milliseconds for the first function of a file, and microseconds for code that was asked for before.
    """
    return _fragment_of(code, code.co_filename)


@lru_cache(maxsize=2048)
def _fragment_of(code: CodeType, file: str) -> Fragment | None:
    for text in texts_of(code.co_filename):
        for place in text.places_of(code):
            try:
                fragment = _cut(text, place, code)
                if is_same(compiled(fragment.text, file, fragment.shift, fragment.flags, fragment.path), code):
                    return fragment
            except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
                continue
    return None


# ---- cutting out


def _cut(text: Text, place: Place, code: CodeType) -> Fragment:
    """Cut a function out of its text."""
    scopes = [one for one in place.chain if not isinstance(one, ast.Lambda)]
    # Of a lambda in a lambda the outer one is taken, and the way leads through it.
    lambdas = [one for one in (*place.chain, place.node) if isinstance(one, ast.Lambda)]
    outermost = lambdas[0] if lambdas else place.node
    above, indent = _scaffold(text.lines, scopes, code.co_freevars)
    if isinstance(outermost, ast.Lambda):
        above, own = _lambda(text.lines, outermost, above, indent)
    else:
        own = list(text.lines[first_line(outermost) - 1 : outermost.end_lineno])
        if own[0][:1].isspace() and not above:
            above = ["if 1:\n"]
    # A call of an imported module's function has instructions of its own.
    if imported := text.imported.intersection(_names_in(code)):
        above = [f"import {', '.join(sorted(imported))}\n", *above]
    path = tuple(name_of(one) for one in (*place.chain, place.node))
    whole = "".join([*above, *own]).rstrip("\n")
    shift = text.shift + first_line(outermost) - 1 - len(above)
    return Fragment(whole, code.co_filename, shift, code.co_flags & _FUTURE, path, code.co_freevars)


def _scaffold(lines: Sequence[str], scopes: Sequence[Scope], free: Iterable[str]) -> tuple[list[str], str]:
    """Write the heads of what a function stands in, as far as it matters: names, and who binds its free variables.

    Returns:
        The lines, and how far what is inside must be indented at least.
    """
    above: list[str] = []
    indent = ""
    binding = next((one for one in reversed(scopes) if not isinstance(one, ast.ClassDef)), None)
    is_in_class = any(isinstance(one, ast.ClassDef) for one in scopes)
    bound = ", ".join(name for name in free if name != "__class__" or not is_in_class)
    for one in scopes:
        line = lines[one.lineno - 1]
        indent = line[: len(line) - len(line.lstrip())]
        if indent and not above:
            above.append("if 1:\n")
        kind = "class" if isinstance(one, ast.ClassDef) else "def"
        arguments = "" if kind == "class" else f"({bound if one is binding else ''})"
        above.append(f"{indent}{kind} {name_of(one)}{arguments}:\n")
        indent += " "
    return above, indent


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names_in(one)


def _lambda(lines: Sequence[str], node: ast.Lambda, above: list[str], indent: str) -> tuple[list[str], list[str]]:
    """Cut a lambda out of its lines, and put it in brackets, in the column where it was."""
    own = list(lines[node.lineno - 1 : node.end_lineno])
    own[-1] = own[-1].encode()[: node.end_col_offset].decode() + ")"
    start = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
    own[0] = own[0][start:]
    if start > len(indent):
        own[0] = indent + "(" + " " * (start - len(indent) - 1) + own[0]
    else:
        above = [*above, f"{indent}(\n"]
        own[0] = " " * start + own[0]
    return above, own
