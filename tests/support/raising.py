"""Exceptions of every kind, and tasks that raise them."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

Exceptions = dict[str, Callable[[], BaseException]]


def builtin_types() -> list[type[BaseException]]:
    """Give every exception type of the module `builtins`, each once."""
    found: dict[type[BaseException], None] = {}
    waiting: list[type[BaseException]] = [BaseException]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == "builtins" and vars(builtins).get(kind.__name__) is kind:
            found[kind] = None
            waiting += kind.__subclasses__()
    return sorted(found, key=lambda kind: kind.__name__)


#: What the types are made with, the most special first.
_ARGUMENTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "BaseExceptionGroup": (("a group", [ValueError(1), KeyError("k")]), {}),
    "UnicodeDecodeError": (("utf-8", b"ab\xff", 2, 3, "invalid start byte"), {}),
    "UnicodeEncodeError": (("ascii", "ab\xff", 2, 3, "ordinal not in range(128)"), {}),
    "UnicodeTranslateError": (("ab\xff", 2, 3, "no such letter"), {}),
    "SyntaxError": (("a message", ("a file", 3, 5, "a = = 3", 3, 6)), {}),
    "ImportError": (("a message",), {"name": "a_module", "path": "/a/path"}),
    "BlockingIOError": ((11, "a message", 77), {}),
    "OSError": ((2, "a message", "a file", None, "another file"), {}),
    "AttributeError": (("a message",), {"name": "a_name", "obj": "an object"}),
    "NameError": (("a message",), {"name": "a_name"}),
    "BaseException": (("a message", 7), {}),
}


def made(kind: type[BaseException]) -> BaseException:
    """Make an exception of a builtin type, with all that its type can hold."""
    for name, (args, kwargs) in _ARGUMENTS.items():
        if issubclass(kind, getattr(builtins, name, ())):
            return kind(*args, **kwargs)
    raise AssertionError(kind)


# ---- exceptions that pickle makes nothing of, or something else


class WantsMore(ValueError):
    """Its constructor wants other arguments than those that it passes on: pickle cannot make it."""

    def __init__(self, name: str, *, code: int) -> None:
        super().__init__(f"{name} failed")
        self.name = name
        self.code = code


class Doubles(Exception):
    """Pickle makes it, but of a text that says everything twice."""

    def __init__(self, text: str = "") -> None:
        super().__init__(f"said: {text}")


class Slotted(RuntimeError):
    __slots__ = ("_private", "left", "right")

    def __init__(self, left: object) -> None:
        super().__init__()
        self.left = left
        self._private = [left]

    def __str__(self) -> str:
        return f"{self.left!r} and nothing on the right"


class Hidden(Exception):
    __slots__ = ("__secret",)

    def __init__(self, secret: int) -> None:
        self.__secret = secret

    def __str__(self) -> str:
        return str(self.__secret)


class OfFile(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "not there", path)
        self.tries = 3

    @property
    def errno(self) -> int:  # type: ignore[override] # as people do
        return 77


class OwnWay(Exception):
    """Says how it is pickled."""

    def __init__(self, *, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __reduce__(self) -> Any:
        return _own_way, (self.url,)


def _own_way(url: str) -> OwnWay:
    error = OwnWay(url=url)
    error.__dict__["came by"] = "its own way"
    return error


class Forgets(OwnWay):
    """Holds more than the way that it inherits knows of."""

    def __init__(self, url: str) -> None:
        super().__init__(url=url)
        self.retries = 3

    def __reduce__(self) -> Any:
        return Forgets, (self.url,)


class Wraps(Exception):
    """Makes its text of what another exception says, wherever it is made."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(f"({original})")
        self.original = original

    def __reduce__(self) -> Any:
        return Wraps, (self.original,)


class Secretive(Exception):
    """Keeps a secret to itself."""

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user)
        self.user = user
        self.password = password

    def __getstate__(self) -> dict[str, Any]:
        return {"user": self.user}


class EmptySlots(IndexError):
    """As numpy's AxisError: slots of which some hold None."""

    __slots__ = ("axis", "message")

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.message = None

    def __str__(self) -> str:
        return f"axis {self.axis}" if self.message is None else self.message


class OwnState(Exception):
    """Says what is pickled of it."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows
        self.lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        self.rows = (state or {})["rows"]
        self.lock = threading.Lock()


class LiesAboutItself(Exception):
    """Its own way of being pickled leads nowhere."""

    def __reduce__(self) -> Any:
        return str, ("no exception at all",)


@dataclass(frozen=True)
class Frozen(Exception):
    row: int
    column: str = "a"


class Chosen(Exception):
    """Is made by a `__new__` that wants an argument."""

    def __new__(cls, which: str) -> Chosen:
        self = super().__new__(cls)
        self.which = which
        return self

    def __init__(self, which: str) -> None:
        super().__init__()

    which: str


class Several(KeyError, OSError):
    """Of two builtin types."""


class Tallying(type):
    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        if len(bases) > 1:
            raise TypeError("one base is enough")


class Sole(Exception, metaclass=Tallying):
    """Its metaclass allows no class that has more bases."""


class Registered(Exception):
    def __init_subclass__(cls) -> None:
        raise TypeError(f"{cls} is no plugin")


@final
class Final(Exception):
    pass


class TaskIdOfItsOwn(Exception):
    def __init__(self) -> None:
        super().__init__("mine")
        self.task_id = 7

    @property
    def code(self) -> str:
        return "a code of its own"


class Outer:
    class Inner(LookupError):
        pass


class Untold(Exception):
    def __str__(self) -> str:
        raise ValueError("says nothing")


CUSTOM: Exceptions = {
    "wants more": lambda: WantsMore("it", code=3),
    "doubles": lambda: Doubles("a"),
    "slotted": lambda: Slotted((1, 2)),
    "hidden slots": lambda: Hidden(5),
    "of a file": lambda: OfFile("a/path"),
    "own way": lambda: OwnWay(url="http://x"),
    "forgets": lambda: Forgets("http://x"),
    "wraps": lambda: Wraps(KeyError("inside")),
    "wraps one that wraps": lambda: Wraps(Wraps(OwnWay(url="inside"))),
    "empty slots": lambda: EmptySlots(3),
    "lies": lambda: LiesAboutItself("it"),
    "frozen dataclass": lambda: Frozen(3),
    "chosen": lambda: Chosen("that"),
    "several": lambda: Several(2, "text", "file"),
    "sole": lambda: Sole("of its own metaclass"),
    "registered": lambda: Registered("no subclasses"),
    "final": lambda: Final("typing only"),
    "its own task id": TaskIdOfItsOwn,
    "inner": lambda: Outer.Inner("k"),
    "no arguments": ValueError,
    "empty text": lambda: ValueError(""),
    "surrogate": lambda: ValueError("\ud800"),
    "nested arguments": lambda: ValueError({"a": [1, (2, b"3")]}, 1j),
    "args set": lambda: _with(OSError("x"), args=(1, 2, 3)),
    "attributes": lambda: _with(KeyError("k"), rows=[1, 2], note=None),
}


def _with(error: BaseException, **attributes: Any) -> BaseException:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


#: `ExceptionGroup` and `BaseExceptionGroup`; None before Python 3.11.
Group: Any = getattr(builtins, "ExceptionGroup", None)
WideGroup: Any = getattr(builtins, "BaseExceptionGroup", None)

if sys.version_info >= (3, 11):

    class CodedGroup(Group):  # type: ignore[misc]  # of a type that Python 3.10 does not have
        """A group with more arguments than groups have."""

        def __new__(cls, message: str, errors: list[Exception], code: int) -> CodedGroup:
            self: CodedGroup = super().__new__(cls, message, errors)
            self.code = code
            return self

        code: int

    def _noted() -> BaseException:
        error = ValueError("with notes")
        error.add_note("a note")
        error.add_note("another\nof two lines")
        return error

    CUSTOM |= {
        "notes": _noted,
        "group": lambda: Group("a", [ValueError(1), Group("b", [WantsMore("x", code=1), OSError(2, "t")])]),
        "group of all": lambda: WideGroup("a", [KeyboardInterrupt(), ValueError(1)]),
        "coded group": lambda: CodedGroup("a", [ValueError(1)], 5),
    }
