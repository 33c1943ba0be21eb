"""What a map needs of an executor: to submit, to cancel, and a few facts. Any `concurrent.futures.Executor` has it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

#: Submits one call, given its positional arguments.
Submit: TypeAlias = Callable[..., "Future[Any]"]


def cancel_each(futures: Iterable[Future[Any]]) -> None:
    """Cancel futures as the standard library can: what has not been sent."""
    for future in futures:
        future.cancel()


@dataclass(frozen=True, slots=True)
class Crew:
    """An executor, as a map sees it.

    Attributes:
        bind: makes a function known, and gives what submits its calls. Of a function that makes many calls of a user's
            in one task, it is given that too.
        workers: how many tasks run at the same time, as far as is known.
        cancel: cancels what no worker has begun; takes the futures of one map at a time.
        abandon: the same for a map that is being collected as garbage: takes no lock, and may do it a little later.
        size_of: the packed characters that a finished task needed, its arguments or its result; 0 where not known.
        again: how a worker is to try calls of a function again (`Retry.by_worker`).
    """

    bind: Callable[..., Submit]
    workers: int
    cancel: Callable[[list[Any]], None] = cancel_each
    abandon: Callable[[list[Any]], None] = cancel_each
    size_of: Callable[[Any], int] = lambda _future: 0
    again: Callable[[Callable[..., Any]], list[Any] | None] = lambda _fn: None

    @classmethod
    def of(cls, executor: concurrent.futures.Executor) -> Crew:
        """See an executor of the standard library as a crew."""

        def bind(fn: Callable[..., Any], _chunk_of: object = None) -> Submit:
            return partial(executor.submit, fn)

        return cls(
            bind=bind,
            workers=getattr(executor, "_max_workers", None) or 1,
        )


def outcome_of(future: Future[Any]) -> tuple[Any, BaseException | None]:
    """Give the value of a finished future, or the error in its place."""
    if future.cancelled():
        return None, CancelledError()
    error = future.exception()
    return (None, error) if error is not None else (future.result(), None)
