"""What stays in the process where it was made: it cannot be pickled, copied or sent to a worker."""

from __future__ import annotations

import contextlib
from types import FunctionType
from typing import Any, NoReturn, SupportsIndex

from .names import used_globals


class StaysHere(TypeError):
    """Somebody tried to pickle or copy what stays; says what to do instead."""


class Staying:
    """Refuses to be pickled, and says what to do instead."""

    def _instead(self) -> str:
        """Say what to do instead."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        """Refuse; `copy` and `copy.deepcopy` come here as well."""
        kind = type(self).__name__
        article = "an" if kind[0] in "AEIOU" else "a"
        raise StaysHere(f"{article} {kind} cannot be pickled, copied or sent to a worker: {self._instead()}")


def stays_here(error: BaseException) -> StaysHere | None:
    """Find out whether a failure to serialize is due to something that stays."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, StaysHere):
        seen = seen.__cause__
    return seen


def relies_on_staying(value: object) -> bool:
    """Whether a function's own code uses something that stays, itself or through functions that it uses."""
    seen: set[int] = set()
    todo: list[Any] = [value]
    while todo:
        function = todo.pop()
        if isinstance(function, Staying):
            return True
        if isinstance(function, FunctionType) and id(function) not in seen:
            seen.add(id(function))
            todo += used_globals(function).values()
            for cell in function.__closure__ or ():
                with contextlib.suppress(ValueError):  # a variable that has no value yet
                    todo.append(cell.cell_contents)
    return False
