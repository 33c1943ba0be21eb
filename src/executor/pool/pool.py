"""`Pool`: an executor with the face of `multiprocessing.Pool`, for libraries that want one.

Knows how to submit, nothing else of the executor: it works on any `concurrent.futures.Executor`, starts no thread and
no process, and leaves the executor open when it is closed.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from types import BuiltinFunctionType, FunctionType
from typing import Any, NoReturn, TypeVar

from typing_extensions import Self

from ...serialize import by_value
from ..maps.calls import call_each
from .results import AsyncResult, ResultIterator

T = TypeVar("T")

#: Tasks of one `imap` that may be submitted and not yet taken: workers are kept busy, and endless iterables are fine.
WINDOW = 1000

Calls = list[tuple[Any, ...]]


def _call(fn: Callable[..., Any], args: Iterable[Any], kwds: Mapping[str, Any]) -> Any:
    return fn(*args, **kwds)


def _call_each(fn: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [fn(*arguments) for arguments in calls]


class Pool:
    """An executor with the methods of `multiprocessing.Pool`.

    What differs: `imap` and `imap_unordered` read their iterable at most 1,000 tasks ahead of the caller, where
    `multiprocessing` reads all of it; results that `terminate` has called off raise `CancelledError`, where
    `multiprocessing` waits for ever. Leaving a `with` block terminates, as in `multiprocessing`.

    Args:
        executor: where calls run. It stays open: whoever made it shuts it down.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor() as executor, Pool(executor) as pool:
        ...     pool.apply(pow, (2, 3))
        8
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._is_open = True
        self._is_terminated = False
        self._pending: set[Future[Any]] = set()
        self._changed = threading.Condition()

    def __repr__(self) -> str:
        state = "terminated" if self._is_terminated else "open" if self._is_open else "closed"
        return f"<{type(self).__name__} {state}, on {self._executor!r}>"

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.terminate()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pool cannot be sent to a worker or pickled: pass what the function needs instead")

    @property
    def _processes(self) -> int:
        # What libraries read to find out how many calls may run at once, as they do of `multiprocessing.Pool`.
        return getattr(self._executor, "_max_workers", None) or os.cpu_count() or 1

    # ---- one call

    def apply(self, func: Callable[..., T], args: Iterable[Any] = (), kwds: Mapping[str, Any] | None = None) -> T:
        """Run `func(*args, **kwds)` and wait for its value."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] | None = None,
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[T]:
        """Have `func(*args, **kwds)` run.

        Args:
            func: what is called.
            args: its positional arguments.
            kwds: its keyword arguments.
            callback: called with the value, in the thread that got it.
            error_callback: called with the exception, likewise.
        """
        self._check()
        if _is_code(func):
            future = self._submit(func, *args, **(kwds or {}))
        else:
            future = self._submit(by_value(_call), func, tuple(args), dict(kwds or {}))
        result = AsyncResult([future], lambda values: values[0], callback, error_callback)
        self._settle_with(future)
        return result

    # ---- many calls, all results at once

    def map(self, func: Callable[[Any], T], iterable: Iterable[Any], chunksize: int | None = None) -> list[T]:
        """Run `func` on each item and wait for the list of values, in order."""
        return self.map_async(func, iterable, chunksize).get()

    def map_async(
        self,
        func: Callable[[Any], T],
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[list[T]]:
        """Have `func` run on each item.

        Args:
            func: called with one item.
            iterable: read at once.
            chunksize: calls that make one task; left out: what makes four tasks for each worker.
            callback: called with the list of values, in the thread that got the last.
            error_callback: called with the first exception, likewise.
        """
        return self._all(func, [(item,) for item in iterable], chunksize, callback, error_callback)

    def starmap(
        self, func: Callable[..., T], iterable: Iterable[Iterable[Any]], chunksize: int | None = None
    ) -> list[T]:
        """Run `func(*item)` for each item and wait for the list of values, in order."""
        return self.starmap_async(func, iterable, chunksize).get()

    def starmap_async(
        self,
        func: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[list[T]]:
        """Have `func(*item)` run for each item; otherwise as `map_async`."""
        return self._all(func, [tuple(item) for item in iterable], chunksize, callback, error_callback)

    # ---- many calls, results as they are taken

    def imap(self, func: Callable[[Any], T], iterable: Iterable[Any], chunksize: int = 1) -> ResultIterator[T]:
        """Run `func` on each item, and give the values in order; the iterator's `next` takes a timeout."""
        return self._lazily(func, iterable, chunksize, is_ordered=True)

    def imap_unordered(
        self, func: Callable[[Any], T], iterable: Iterable[Any], chunksize: int = 1
    ) -> ResultIterator[T]:
        """Run `func` on each item, and give the values as they come."""
        return self._lazily(func, iterable, chunksize, is_ordered=False)

    # ---- the end

    def close(self) -> None:
        """Take no more calls; what was taken runs on."""
        self._is_open = False

    def terminate(self) -> None:
        """Take no more calls, and cancel what has been taken: also what runs, where the executor can stop it."""
        self._is_open, self._is_terminated = False, True
        with self._changed:
            pending = list(self._pending)
        for future in pending:
            getattr(future, "cancel_remote", future.cancel)()

    def join(self) -> None:
        """Wait until every call that was submitted is over and its callbacks have been called.

        Raises:
            ValueError: neither `close` nor `terminate` was called before.
        """
        if self._is_open:
            raise ValueError("Pool is still running")
        with self._changed:
            self._changed.wait_for(lambda: not self._pending)

    # ---- inside

    def _check(self) -> None:
        if not self._is_open:
            raise ValueError("Pool not running")

    def _submit(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        future = self._executor.submit(fn, *args, **kwargs)
        with self._changed:
            self._pending.add(future)
        return future

    def _settle_with(self, *futures: Future[Any]) -> None:
        # After the callbacks of the results: whoever joins finds them done.
        for future in futures:
            future.add_done_callback(self._forget)

    def _forget(self, future: Future[Any]) -> None:
        with self._changed:
            self._pending.discard(future)
            self._changed.notify_all()

    def _sender(
        self, func: Callable[..., Any], chunksize: int
    ) -> tuple[Callable[[Calls], Future[Any]], Callable[[Any], Iterable[Any]]]:
        """Give what submits a chunk of calls, and what makes the list of their values out of the task's own."""
        if not _is_code(func):
            each = by_value(_call_each)
            return lambda calls: self._submit(each, func, calls), list
        if chunksize == 1:
            return lambda calls: self._submit(func, *calls[0]), lambda value: (value,)
        chunk = call_each(func)
        return lambda calls: self._submit(chunk, calls), list

    def _all(
        self,
        func: Callable[..., T],
        calls: Calls,
        chunksize: int | None,
        callback: Callable[[list[T]], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> AsyncResult[list[T]]:
        self._check()
        if chunksize is None:
            chunksize = -(-len(calls) // (self._processes * 4)) or 1
        send, unpack = self._sender(func, chunksize)
        futures = [send(chunk) for chunk in _chunks(calls, chunksize)]

        def gather(values: Sequence[Any]) -> list[T]:
            return list(itertools.chain.from_iterable(map(unpack, values)))

        result = AsyncResult(futures, gather, callback, error_callback)
        self._settle_with(*futures)
        return result

    def _lazily(
        self, func: Callable[..., T], iterable: Iterable[Any], chunksize: int, *, is_ordered: bool
    ) -> ResultIterator[T]:
        self._check()
        send, unpack = self._sender(func, chunksize)
        chunks = _chunks(((item,) for item in iterable), chunksize)

        def futures() -> Iterator[Future[Any]]:
            for chunk in chunks:
                future = send(chunk)
                self._settle_with(future)
                yield future

        return ResultIterator(futures(), unpack, window=WINDOW, is_ordered=is_ordered)


def _is_code(fn: Callable[..., Any]) -> bool:
    """Whether a callable is registered as a function; one that carries values is sent along with each task instead.

    Libraries wrap functions in objects that change between calls: each would be another function at the service.
    """
    return isinstance(fn, (BuiltinFunctionType, type)) or (isinstance(fn, FunctionType) and fn.__closure__ is None)


def _chunks(calls: Iterable[tuple[Any, ...]], size: int) -> Iterator[Calls]:
    if size < 1:
        raise ValueError(f"Chunksize must be 1+, not {size}")
    iterator = iter(calls)
    return iter(lambda: list(itertools.islice(iterator, size)), [])
