"""The exception that a task raised, as it is raised here: of its own type, and a `TaskExecutionFailed` as well.

    class ValueError(FromTask, ValueError, TaskExecutionFailed)      made when first needed, and kept

Printed traces show it as the original; `except ValueError` and `except TaskExecutionFailed` both catch it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from typing_extensions import override

from ..errors import RemoteTraceback, TaskExecutionFailed
from ..serialize.exceptions import (
    ORIGINAL,
    attributes_of,
    describe,
    link,
    original_of,
    rebuild,
    remade,
    text_of,
)

_TOLD = "_farpool_text"


class FromTask:
    """What classes made here add to the two they are made of: they pickle, copy, and say what the original said."""

    __slots__ = ()

    @override
    def __init_subclass__(cls, **_: object) -> None:
        """Keep the original's own hook from running: a class made here is none of its plugins."""

    @override
    def __str__(self) -> str:
        told = attributes_of(cast("BaseException", self)).get(_TOLD)
        return super().__str__() if told is None else str(told)

    @override
    def __reduce_ex__(self, _protocol: object, /) -> tuple[Any, ...]:
        return _revive, (describe(cast("BaseException", self)),)

    def __copy__(self) -> BaseException:
        error = cast("BaseException", self)
        return remade(error, type(error))


def as_raised(kind: type[BaseException]) -> type[BaseException]:
    """Give the class of both kinds for the type of an original; the type itself where there can be none."""
    try:
        made: type[BaseException] = _as_raised(cast("Any", kind))
    except BaseException:  # noqa: BLE001 - metaclasses are the user's code
        return kind
    return made


@lru_cache(maxsize=256)
def _as_raised(kind: type[BaseException]) -> type[BaseException]:
    if issubclass(kind, TaskExecutionFailed):
        return kind
    # `Exception` comes after its own subclass.
    bases = (TaskExecutionFailed,) if issubclass(TaskExecutionFailed, kind) else (kind, TaskExecutionFailed)
    names = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    metaclass: Any = type(kind)
    made: type[BaseException] = metaclass(kind.__name__, (FromTask, *bases), {**names, ORIGINAL: kind})
    return made


def _revive(document: object) -> BaseException:
    return rebuild(document, as_raised).error


def say(error: BaseException, text: str | None) -> None:
    """Have an exception say what the original said, where what it holds does not make it say so."""
    if text is not None and isinstance(error, FromTask) and text_of(error) != text:
        attributes_of(error)[_TOLD] = text


def tell(error: BaseException, **facts: str | None) -> None:
    """Give an exception facts about its task as attributes; those that it has of its own stay."""
    own = original_of(type(error))
    attributes = attributes_of(error)
    for name, value in facts.items():
        if name not in attributes and not any(name in vars(one) for one in own.__mro__):
            attributes[name] = value


def chain(error: BaseException, trace: RemoteTraceback) -> None:
    """Put a remote traceback at the end of an exception's causes."""
    seen = {id(error)}
    last = error
    while last.__cause__ is not None and id(last.__cause__) not in seen:
        last = last.__cause__
        seen.add(id(last))
    link(last, trace, last.__context__, suppress=last.__suppress_context__)
