"""What the methods of a `Pool` return: one result that comes later, or an iterator over many."""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, NoReturn, TypeVar

from typing_extensions import Self, override

T = TypeVar("T")


class PoolTimeout(multiprocessing.TimeoutError, TimeoutError):
    """A result was not there in time: the `TimeoutError` of `multiprocessing`, and Python's own."""


class AsyncResult(Generic[T]):
    """The result of an `_async` method, as in `multiprocessing.pool`.

    It is ready when all its tasks are over. It fails with the exception of the first that failed.

    Args:
        futures: its tasks.
        gather: makes the value out of theirs.
        callback: called with the value, in the thread that settled the last task.
        error_callback: called with the exception, likewise.
    """

    def __init__(
        self,
        futures: Sequence[Future[Any]],
        gather: Callable[[Sequence[Any]], T],
        callback: Callable[[T], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        self._futures = futures
        self._gather = gather
        self._callbacks = callback, error_callback
        self._lock = threading.Lock()
        self._left = len(futures)
        self._ready = threading.Event()
        self._value: Sequence[T] = ()
        self._error: BaseException | None = None
        for future in futures:
            future.add_done_callback(self._one_done)
        if not futures:
            self._finish()

    def ready(self) -> bool:
        """Whether the result is there."""
        return self._ready.is_set()

    def successful(self) -> bool:
        """Whether it came without an exception.

        Raises:
            ValueError: it is not there yet.
        """
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._error is None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the result is there, or `timeout` seconds."""
        self._ready.wait(timeout)

    def get(self, timeout: float | None = None) -> T:
        """Wait for the value.

        Raises:
            TimeoutError: it was not there within `timeout` seconds (also a `multiprocessing.TimeoutError`).
            Exception: what the first call that failed has raised.
        """
        if not self._ready.wait(timeout):
            raise PoolTimeout(f"no result within {timeout} seconds")
        if self._error is not None:
            raise self._error
        return self._value[0]

    def _one_done(self, future: Future[Any]) -> None:
        error = _error_of(future)
        with self._lock:
            self._error = self._error or error
            self._left -= 1
            is_last = not self._left
        if is_last:
            self._finish()

    def _finish(self) -> None:
        callback, error_callback = self._callbacks
        if self._error is None:
            self._value = [self._gather([future.result() for future in self._futures])]
        # Let go of the tasks' own values, and of what the callbacks hold.
        self._futures, self._callbacks = (), (None, None)
        try:
            if self._error is not None:
                if error_callback is not None:
                    error_callback(self._error)
            elif callback is not None:
                callback(self._value[0])
        finally:
            self._ready.set()


class ResultIterator(Iterator[T]):
    """The iterator of `imap` and `imap_unordered`.

    Args:
        futures: submits the next task and gives its future, each time it is asked.
        unpack: gives the values in a task's result.
        window: tasks that may be submitted and not yet taken.
        is_ordered: whether values come in the order of the calls, or as they are there.
    """

    def __init__(
        self, futures: Iterator[Future[Any]], unpack: Callable[[Any], Iterable[T]], *, window: int, is_ordered: bool
    ) -> None:
        self._futures = futures
        self._unpack = unpack
        self._is_ordered = is_ordered
        self._order: deque[Future[Any]] = deque()
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._left = 0
        self._values: deque[T] = deque()
        self._error: Exception | None = None
        self._submit(window)

    @override
    def __iter__(self) -> Self:
        return self

    @override
    def __next__(self) -> T:
        return self.next()

    def next(self, timeout: float | None = None) -> T:
        """Give the next value; another call may follow one that raised.

        Raises:
            StopIteration: there are no more.
            TimeoutError: it was not there within `timeout` seconds (also a `multiprocessing.TimeoutError`).
            Exception: what the call has raised; after the last value, what reading the iterable or submitting has.
        """
        while not self._values:
            if not self._left:
                self._end()
            future = self._take(timeout)
            self._left -= 1
            self._submit(1)
            self._values.extend(self._unpack(future.result()))
        return self._values.popleft()

    def _take(self, timeout: float | None) -> Future[Any]:
        try:
            if not self._is_ordered:
                return self._done.get(timeout=timeout)
            self._order[0].exception(timeout)
        except CancelledError:
            pass  # for the caller, when the value is taken
        except (queue.Empty, concurrent.futures.TimeoutError) as error:
            raise PoolTimeout(f"no result within {timeout} seconds") from error
        return self._order.popleft()

    def _submit(self, count: int) -> None:
        try:
            for future in itertools.islice(self._futures, count):
                self._left += 1
                if self._is_ordered:
                    self._order.append(future)
                else:
                    future.add_done_callback(self._done.put)
        except Exception as error:  # noqa: BLE001 - the iterable's own: it is raised where its item would have come
            self._error = error

    def _end(self) -> NoReturn:
        error, self._error = self._error, None
        raise StopIteration if error is None else error


def _error_of(future: Future[Any]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()
