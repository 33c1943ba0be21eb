"""`map`: many calls, lazily collected in order. Knows how to submit, nothing else of the executor."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

#: Submits one call, given its positional arguments.
Submit = Callable[..., "Future[Any]"]


def mapped(
    submit: Submit, calls: Iterable[tuple[Any, ...]], *, timeout: float | None, buffersize: int | None
) -> Generator[Any, None, None]:
    """Submit calls and give their results in order.

    The first calls (all of them, or as many as `buffersize` allows) are submitted before this returns; the others one
    by one as results are taken.

    Args:
        submit: submits one call.
        calls: the positional arguments of each call; read only as far as submitted.
        timeout: seconds, from now, until every result must be there.
        buffersize: calls that may be submitted and not yet taken.

    Returns:
        An iterator; it raises what a call raised, and `TimeoutError`. When it is given up, calls that have not been
        sent are cancelled.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    remaining = iter(calls)
    window = deque(submit(*arguments) for arguments in itertools.islice(remaining, buffersize))
    return _results(submit, remaining, window, deadline)


def _results(
    submit: Submit, remaining: Iterator[tuple[Any, ...]], window: deque[Future[Any]], deadline: float | None
) -> Generator[Any, None, None]:
    try:
        while window:
            # Nothing here refers to the result while the caller works on it: a large one would live twice as long.
            yield _take(submit, remaining, window, deadline)
    finally:
        for future in window:
            future.cancel()


def _take(
    submit: Submit, remaining: Iterator[tuple[Any, ...]], window: deque[Future[Any]], deadline: float | None
) -> Any:
    result = window[0].result(None if deadline is None else max(0.0, deadline - time.monotonic()))
    window.popleft()
    window.extend(submit(*arguments) for arguments in itertools.islice(remaining, 1))
    return result


def chunked(calls: Iterable[tuple[Any, ...]], size: int) -> Iterator[tuple[list[tuple[Any, ...]]]]:
    """Group calls: each item is the one argument of a call that runs `size` calls."""
    iterator = iter(calls)
    while chunk := list(itertools.islice(iterator, size)):
        yield (chunk,)
