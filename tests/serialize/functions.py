"""Functions for tests of the code strategies: as a user's module defines them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def double(number: int) -> int:
    """Double: with a colon in its text, and "quotes"."""
    return 2 * number  # a comment: with colons :st


def typed(one: int, *others: int, key: str = "a:b\n") -> tuple[Any, ...]:
    return one, others, key


def fails() -> None:
    raise LookupError("it: fails")


def uses_its_module(number: int) -> float:
    return math.sqrt(double(number))


class Greeter:
    def __call__(self, name: str = "you") -> str:
        return f"hello, {name}"

    def greet(self) -> str:
        return self()


def closure(more: Any) -> Callable[[int], Any]:
    def add(number: int) -> Any:
        return number + more

    return add
