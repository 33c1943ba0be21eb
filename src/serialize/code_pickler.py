"""dill's pickler, with ways of its own for code: source text where that says the same, and else guarded bytecode.

What is written uses what every reader has, so an endpoint without farpool reads it as well:

    remake = space["remake"], or eval("...", space)     its text is run once in a process that reads
    remake(mark, text, file, ...)                       for each code
"""

from __future__ import annotations

import ast
import inspect
import sys
import zlib
from base64 import b85encode
from collections.abc import Callable
from functools import cache
from pickle import EMPTY_DICT
from types import CodeType
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from .fragments import Fragment, fragment_of
from .generated import generated_fragments, is_dataclass
from .guard import guard
from .opcodes import call, named, text
from .remake import remake
from .texts import SPACE

if TYPE_CHECKING:

    class _DillPickler:
        """What is used here of dill's pickler, which has no types.

        `_postproc` is what is to be done after an object is there, by the id of each object under construction,
        outermost first; `memo` is what is written already, by its id.
        """

        memo: dict[int, Any]
        _postproc: dict[int, list[Any]]

        def __init__(
            self, file: Any, protocol: int, *, buffer_callback: Callable[[Any], Any] | None = None
        ) -> None: ...
        def dump(self, value: object) -> None: ...
        def save(self, value: Any, save_persistent_id: bool = True) -> None: ...
        def memoize(self, value: object) -> None: ...
        def write(self, data: bytes) -> None: ...
        def save_reduce(
            self, make: Any, args: tuple[Any, ...], *more: Any, obj: object = None, **named: Any
        ) -> None: ...

else:
    from dill import Pickler as _DillPickler


class CodePickler(_DillPickler):
    """dill's pickler, for readers of any Python version as far as that can be.

    Args:
        file: where to write.
        protocol: of pickle.
        as_source: whether code is written as source text where that is as good.
        buffer_callback: as for `pickle.Pickler`.
    """

    def __init__(
        self,
        file: Any,
        protocol: int,
        *,
        as_source: bool = True,
        buffer_callback: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(file, protocol, buffer_callback=buffer_callback)
        self._as_source = as_source and _reader() is not None
        self._is_guarded = False
        # By the id of the code, which lives as long as the class that is being pickled.
        self._generated: dict[int, Fragment] = {}

    @override
    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if type(value) is CodeType and id(value) not in self.memo:
            fragment = self.fragment_of(value)
            if fragment is not None:
                self.save_reduce(remake, (fragment.parts(),), obj=value)
                return
            if not self._is_guarded:
                self._is_guarded = True
                self.write(guard())
        elif value is remake and id(value) not in self.memo:
            self.write(_reader() or b"")
            self.memoize(value)
            return
        super().save(value, save_persistent_id)

    def fragment_of(self, code: CodeType) -> Fragment | None:
        """Find the source text that is written for code; None where it is bytecode."""
        if not self._as_source:
            return None
        return self._generated.get(id(code)) or fragment_of(code)

    def know_generated(self, kind: type) -> None:
        """Look for the text of methods that nobody wrote, before they are pickled with their class."""
        if self._as_source and is_dataclass(kind):
            self._generated |= {id(code): fragment for code, fragment in generated_fragments(kind)}


@cache
def _reader() -> bytes | None:
    """Give the part of a pickle that stands for `remake`; None where farpool is installed without its text.

    A reader takes what its process has already, and else what the text makes. The look for it comes first: evaluating
    text takes as long as reading ten functions.
    """
    try:
        tree = ast.parse(inspect.getsource(sys.modules[remake.__module__]))
    except OSError:
        return None
    short = ast.unparse(_Shortened().visit(tree))
    packed = b85encode(zlib.compress(short.encode(), 9)).decode()
    program = f"__import__('zlib').decompress(__import__('base64').b85decode({packed!r}))"
    expression = f"exec(compile({program}, '<farpool remake>', 'exec')) or remake"
    keep = call(named("builtins", "getattr"), named("dill", "__dict__"), text("setdefault"))
    space = call(keep, text(SPACE), EMPTY_DICT)
    make = call(named("functools", "partial"), named("builtins", "eval"), text(expression), space)
    known = call(named("collections", "defaultdict"), make, space)
    return call(named("operator", "getitem"), known, text(remake.__name__))


class _Shortened(ast.NodeTransformer):
    """Takes out what people read: docstrings and annotations. What is left is sent with every function."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.copy_location(ast.Assign([node.target], node.value or ast.Constant(None)), node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node
