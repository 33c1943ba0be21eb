"""The map family as an executor offers it: `map`, `starmap`, `map_reduce`. Checks what is given, and passes it on."""

from __future__ import annotations

import concurrent.futures
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from ...client.checks import flag, positive
from .chunks import ChunkSize
from .crew import Crew
from .mapping import Results, mapped, over, over_tuples
from .reduce import MISSING, SPAWN_REDUCE_AT, map_reduced

T = TypeVar("T")


class Maps(concurrent.futures.Executor):
    """Many calls of one function."""

    @abstractmethod
    def _crew(self) -> Crew:
        """Give what a map needs of this executor, with the options as they are now; raises what `submit` raises."""

    @overload
    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: ChunkSize = 1,
        buffersize: int | None = None,
        ordered: bool = True,
        return_exceptions: Literal[False] = False,
        progress: bool | str = False,
    ) -> Results[T]: ...

    @overload
    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: ChunkSize = 1,
        buffersize: int | None = None,
        ordered: bool = True,
        return_exceptions: bool,
        progress: bool | str = False,
    ) -> Results[T | BaseException]: ...

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: ChunkSize = 1,
        buffersize: int | None = None,
        ordered: bool = True,
        return_exceptions: bool = False,
        progress: bool | str = False,
    ) -> Results[Any]:
        """Run `fn` over the items of the iterables, as the builtin `map` does, on the endpoint.

        Args:
            fn: called with one item of each iterable.
            iterables: read to the end of the shortest. They are read, and everything is submitted, before this returns,
                unless there is a `buffersize`.
            timeout: seconds from this call until the last result must be there.
            chunksize: calls that make one task; `"auto"` finds a number by which tasks take about 0.3 s, from the times
                that the first ones took. Such a map has a `buffersize` of four tasks per worker if it is given none.
            buffersize: tasks (with a `chunksize`: chunks) that may be submitted and not yet taken. The iterables are
                read only so far, and further as results are taken: they may be endless.
            ordered: whether the results come in the order of the calls, or as they are finished.
            return_exceptions: give what a call raised in the place of its result, and go on.
            progress: show a progress bar on standard error where that is a terminal, or in a notebook; a string is its
                label.

        Returns:
            An iterator, also for `async for`. The exception of a call is raised in its place, after the results before
            it. The map's own time being over raises TimeoutError, also with `return_exceptions`; that one is no
            `TaskExecutionFailed`, as a TimeoutError that the function raised is. After an exception, after `close()`,
            and when the iterator is let go of, what no worker has begun is cancelled.

        Raises:
            ValueError, TypeError: an argument that cannot be.
            BaseException: what reading an iterable raised, or `submit`; what was submitted is cancelled.
        """
        given = _checked(fn, timeout, chunksize, buffersize, ordered, return_exceptions, progress)
        calls, count = over(*iterables)
        return mapped(self._crew(), fn, calls, count=count, **given)

    @overload
    def starmap(
        self,
        fn: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        *,
        timeout: float | None = None,
        chunksize: ChunkSize = 1,
        buffersize: int | None = None,
        ordered: bool = True,
        return_exceptions: Literal[False] = False,
        progress: bool | str = False,
    ) -> Results[T]: ...

    @overload
    def starmap(
        self,
        fn: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        *,
        timeout: float | None = None,
        chunksize: ChunkSize = 1,
        buffersize: int | None = None,
        ordered: bool = True,
        return_exceptions: bool,
        progress: bool | str = False,
    ) -> Results[T | BaseException]: ...

    def starmap(
        self,
        fn: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        *,
        timeout: float | None = None,
        chunksize: ChunkSize = 1,
        buffersize: int | None = None,
        ordered: bool = True,
        return_exceptions: bool = False,
        progress: bool | str = False,
    ) -> Results[Any]:
        """Run `fn(*item)` for each item of an iterable, as `itertools.starmap` does; otherwise as `map`."""
        given = _checked(fn, timeout, chunksize, buffersize, ordered, return_exceptions, progress)
        calls, count = over_tuples(iterable)
        return mapped(self._crew(), fn, calls, count=count, **given)

    def map_reduce(
        self,
        fn: Callable[[Any], T],
        iterable: Iterable[Any],
        reduce: Callable[[T, T], T],
        *,
        timeout: float | None = None,
        chunksize: ChunkSize = "auto",
        initial: T = MISSING,
        spawn_reduce_at: int | None = SPAWN_REDUCE_AT,
        buffersize: int | None = None,
        progress: bool | str = False,
    ) -> T:
        """Run `fn` over the items of an iterable and reduce the values to one: `reduce(reduce(fn(a), fn(b)), fn(c))`.

        Each task calls `fn` for a chunk of items and reduces their values there. What tasks give is reduced in further
        tasks whenever enough neighbours have gathered, as a tree; the last few values are reduced here. Blocks until
        the value is there. The iterable is read as tasks finish: it may be large.

        Args:
            fn: makes a value of an item.
            iterable: the items.
            reduce: makes one value of two, the left one first. It must be associative: `reduce(reduce(a, b), c)` equal
                to `reduce(a, reduce(b, c))`. It need not be commutative: the order of the items is kept.
            timeout: seconds until the value must be there.
            chunksize: items that make one task; `"auto"` as for `map`.
            initial: stands to the left of all values, and is the value when there are no items.
            spawn_reduce_at: how many neighbouring values make a task that reduces them, at least 2; None: what tasks
                give is reduced here, which is quicker where the values are small and `reduce` is cheap.
            buffersize: tasks that may be submitted and not yet finished; left out: four for each worker.
            progress: as for `map`; counts items.

        Returns:
            The value.

        Raises:
            TypeError: there are no items, and no `initial`.
            TimeoutError: it took longer than `timeout`.
            BaseException: what a call of `fn` or `reduce` raised. What no worker has begun is cancelled.

        Example:
            >>> ex.map_reduce(len, open("words.txt"), max)  # doctest: +SKIP
            28
        """
        _check_callable(fn)
        _check_callable(reduce)
        if spawn_reduce_at is not None and (positive(spawn_reduce_at, "spawn_reduce_at") or 0) < 2:
            raise ValueError(
                f"spawn_reduce_at must be at least 2, it is {spawn_reduce_at}: one value is reduced already"
            )
        calls, count = over(iterable)
        given: dict[str, Any] = {"chunksize": _chunksize(chunksize), "buffersize": positive(buffersize, "buffersize")}
        value: T = map_reduced(
            self._crew(),
            fn,
            calls,
            reduce,
            count=count,
            timeout=timeout,
            initial=initial,
            spawn_reduce_at=spawn_reduce_at,
            progress=progress,
            **given,
        )
        return value


def _checked(  # noqa: PLR0917 - what both maps take
    fn: Callable[..., Any],
    timeout: float | None,
    chunksize: ChunkSize,
    buffersize: int | None,
    ordered: bool,
    return_exceptions: bool,
    progress: bool | str,
) -> dict[str, Any]:
    _check_callable(fn)
    return {
        "timeout": timeout,
        "chunksize": _chunksize(chunksize),
        "buffersize": positive(buffersize, "buffersize"),
        "ordered": flag(ordered, "ordered"),
        "return_exceptions": flag(return_exceptions, "return_exceptions"),
        "progress": progress,
    }


def _chunksize(value: ChunkSize) -> ChunkSize:
    if value == "auto":
        return "auto"
    if isinstance(value, str):
        raise TypeError(f"chunksize must be a number of calls or 'auto', not {value!r}")
    return positive(value, "chunksize") or 1


def _check_callable(fn: object) -> None:
    if not callable(fn):
        raise TypeError(f"{fn!r} is not callable: a function is wanted here")
