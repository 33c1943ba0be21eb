"""`as_completed`: the standard library's, with a progress bar."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from typing import TypeVar

from .progress.progress import bar_for

T = TypeVar("T")


def as_completed(
    futures: Iterable[Future[T]], timeout: float | None = None, *, progress: bool | str = False
) -> Generator[Future[T], None, None]:
    """Give futures as they finish or are cancelled, those first that are finished already.

    Args:
        futures: of any executor, also of several; one that is there twice is given once.
        timeout: seconds from the first `next` until the last must be finished.
        progress: show a progress bar where there is a terminal or a notebook; a string is its label.

    Returns:
        An iterator over the futures, which keeps nothing of what it gave.

    Raises:
        TimeoutError: some were not finished in time (`concurrent.futures.TimeoutError`).

    Example:
        >>> from concurrent.futures import Future
        >>> future = Future()
        >>> future.set_result(42)
        >>> next(as_completed([future])).result()
        42
    """
    once = set(futures)
    bar = bar_for(progress, "tasks", len(once))
    try:
        for future in once:
            bar.follow(future)
            del future
        finished = concurrent.futures.as_completed(once, timeout)
        del once
        yield from finished
    finally:
        bar.stop()
