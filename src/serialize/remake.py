"""Makes code anew from source text. Sent along with that text, so it runs where there is no farpool, on Python 3.8 too.

`remake` keeps what it has made, in the process that reads: code that comes with every task is compiled once.
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
import warnings
from types import CodeType
from typing import Any

#: By the process, for the child of a fork must not wait for a thread that it has not got.
locks: dict[int, threading.Lock] = {}

#: What was made, by the fragment that it was made of.
kept: dict[tuple[Any, ...], CodeType] = {}

#: Of files that are not there, the lines that are known.
lines_of: dict[str, list[str]] = {}


def lock() -> threading.Lock:
    """Give what is held while the filter of warnings is another, which is one for all threads."""
    return locks.setdefault(os.getpid(), threading.Lock())


def compiled(text: str, file: str, shift: int, flags: int, path: tuple[str, ...]) -> CodeType:
    """Compile text and give a function's code in it.

    Args:
        text: source text.
        file: the name of the file that it is of.
        shift: how many lines further down it stands there.
        flags: of the compiler: which future features are on.
        path: names of scopes, one in the other. Of several, the last has the name: the others are in its defaults.

    Raises:
        SyntaxError: this Python does not know the syntax.
        IndexError: there is no such path.
    """
    with lock(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile("\n" * shift + text, file, "exec", flags, True)
    for name in path:
        code = [one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name][-1]
    return code if shift >= 0 else moved_up(code, shift)


def moved_up(code: CodeType, shift: int) -> CodeType:
    """Give code that begins at another line, with all that is defined in it."""
    parts = tuple(moved_up(one, shift) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_firstlineno=max(1, code.co_firstlineno + shift), co_consts=parts)


def remake(fragment: tuple[Any, ...]) -> CodeType:
    """Make code, or give what was made of the same text before.

    Args:
        fragment: what says that it is one, for those who look at a pickle without running it; what `compiled` takes;
            the free variables that the code must have.

    Raises:
        RuntimeError: this Python cannot make it.
    """
    code = kept.get(fragment)
    if code is not None:
        return code
    _, text, file, shift, flags, path, free = fragment
    try:
        code = compiled(text, file, shift, flags, path)
    except (SyntaxError, IndexError) as error:
        what = "this holds source text of %r that Python %d.%d cannot compile: %s"
        raise RuntimeError(what % (path[-1], sys.version_info[0], sys.version_info[1], error)) from error
    if code.co_freevars != free:
        what = "the source text of %r comes to free variables %r here, to %r where it was sent"
        raise RuntimeError(what % (path[-1], code.co_freevars, free))
    if file in lines_of or not linecache.getlines(file):
        # A traceback shows these lines.
        own = [line + "\n" for line in text.split("\n")][max(0, -shift) :]
        start = max(0, shift)
        lines = lines_of.setdefault(file, [])
        lines += ["\n"] * (start + len(own) - len(lines))
        lines[start : start + len(own)] = own
        linecache.cache[file] = (0, None, lines, file)
    if len(kept) >= 1000:
        kept.clear()
    kept[fragment] = code
    return code
