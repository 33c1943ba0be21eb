r"""The map family: many calls, their results taken in order or as they come. Knows how to submit, nothing else.

iterables --> calls --> cut (chunks) --> submit --> Window --> items --> whoever iterates
                          ^                           |
                          '-- Sizes <-- measured -----'
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from ..progress.progress import Bar, bar_for
from .calls import run_calls
from .chunks import ChunkSize, Measured, Sizes, count_of, cut, sizes_for
from .crew import Crew, Submit, outcome_of
from .failures import failure_in
from .window import Empty, Sent, TimeOver, Window

T = TypeVar("T")

#: Tasks of a map with `chunksize="auto"` that may be submitted and not yet taken, for each worker.
AUTO_WINDOW = 4

_Call = tuple[Any, ...]
_Items = tuple["deque[Any]", "BaseException | None"]


class Results(Iterator[T], AsyncIterator[T], Generic[T]):
    """The results of a map: an iterator, and an asynchronous one for `async for`. For one consumer at a time.

    It raises what a call raised, and TimeoutError when the map's own time is over. After either, after `close`, and
    when it is let go of, what has not been sent or begun is cancelled. A result is not kept once it was given.
    """

    def __init__(
        self,
        tasks: Iterator[Sent],
        items_of: Callable[[Sent], _Items],
        *,
        cancel: Callable[[list[Any]], None],
        abandon: Callable[[list[Any]], None],
        ordered: bool,
        buffersize: int | None,
        timeout: float | None,
        bar: Bar,
    ) -> None:
        """Submit the first tasks: all of them, or as many as `buffersize` allows.

        Args:
            tasks: submits the next task whenever it is asked for one.
            items_of: gives the results in a finished task, and the error to raise after them.
            cancel: cancels what is left.
            abandon: the same, called when this is collected as garbage.
            ordered: whether the results come in the order of the calls.
            buffersize: tasks that may be submitted and not yet taken.
            timeout: seconds, from now, until every result must be there.
            bar: shows how far it is.
        """
        self._tasks: Iterator[Sent] | None = tasks
        self._window = Window(ordered=ordered)
        self._items: deque[Any] = deque()
        self._error: BaseException | None = None
        self._items_of = items_of
        self._cancel = cancel
        self._abandon = abandon
        self._buffersize = buffersize
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._bar = bar
        try:
            self._submit_more()
        except BaseException:
            self.close()
            raise

    # ---- iterating

    def __iter__(self) -> Results[T]:
        return self

    def __next__(self) -> T:
        try:
            self._submit_more()
            while self._is_waiting():
                self._open(self._window.take(self._left_s()))
            return self._items.popleft()  # type: ignore[no-any-return]
        except Empty:
            self._time_out()
        except BaseException:
            self.close()
            raise

    def __aiter__(self) -> Results[T]:
        return self

    async def __anext__(self) -> T:
        try:
            self._submit_more()
            while self._is_waiting():
                await asyncio.sleep(0)  # also where everything is there already, others get their turn
                self._open(await self._window.take_async(self._left_s()))
            return self._items.popleft()  # type: ignore[no-any-return]
        except StopIteration:
            raise StopAsyncIteration from None
        except Empty:
            self._time_out()
        except BaseException:  # also the cancellation of whoever iterates
            self.close()
            raise

    def close(self) -> None:
        """Give up: what has not been sent, or not begun, is cancelled. Nothing happens the second time."""
        self._stop(self._cancel)
        self._items.clear()
        self._error = None

    async def aclose(self) -> None:
        """Give up, as `close` does: for `contextlib.aclosing`."""
        self.close()

    def __del__(self) -> None:
        # Perhaps in the middle of anything, in any thread: what is done here must take no lock of the executor.
        self._stop(self._abandon)

    # ---- inside

    def _is_waiting(self) -> bool:
        """Say whether a task must finish before there is an item.

        Raises:
            StopIteration: there is none, and none will come.
            BaseException: what a call raised, after the items before it.
        """
        if self._items:
            return False
        if self._error is not None:
            self._raise()
        if not len(self._window):
            raise StopIteration
        return True

    def _submit_more(self) -> None:
        while self._tasks is not None and (self._buffersize is None or len(self._window) < self._buffersize):
            task = next(self._tasks, None)
            if task is None:
                self._tasks = None
                self._bar.all_known()
            else:
                self._window.add(task)
                self._bar.follow(task.future, task.calls)

    def _open(self, task: Sent) -> None:
        self._items, self._error = self._items_of(task)
        if self._error is not None:
            self._stop(self._cancel)
        elif self._tasks is None and not len(self._window):
            self._bar.stop()

    def _stop(self, cancel: Callable[[list[Future[Any]]], None]) -> None:
        self._tasks = None
        self._bar.stop()
        futures = self._window.drain()
        if futures:
            cancel(futures)

    def _left_s(self) -> float | None:
        return None if self._deadline is None else self._deadline - time.monotonic()

    def _time_out(self) -> NoReturn:
        waiting = len(self._window)
        self.close()
        raise TimeOver(f"{waiting} tasks of the map were not finished {self._timeout} s after it was called") from None

    def _raise(self) -> NoReturn:
        error, self._error = self._error, None
        try:
            if isinstance(
                error, StopIteration | StopAsyncIteration
            ):  # as in a generator: it would end the loop in silence
                raise RuntimeError(f"the task raised {error!r}, which cannot be raised in a loop") from error  # noqa: TRY004
            raise error  # type: ignore[misc]  # there is one
        finally:
            del error  # its traceback refers to this frame


def mapped(
    crew: Crew,
    fn: Callable[..., T],
    calls: Iterable[_Call],
    *,
    count: int | None = None,
    timeout: float | None = None,
    chunksize: ChunkSize = 1,
    buffersize: int | None = None,
    ordered: bool = True,
    return_exceptions: bool = False,
    progress: bool | str = False,
) -> Results[T]:
    """Run `fn` in a crew over calls, each the positional arguments of one; read only as far as submitted.

    `count` is how many there are at most, where that is known. All else is as for `Executor.map`, and checked.
    """
    if chunksize == 1:
        submit = crew.bind(fn)
        tasks: Iterator[Sent] = (Sent(submit(*arguments)) for arguments in calls)
        items_of = partial(_items_of_call, return_exceptions=return_exceptions)
    else:
        submit, again = crew.bind(run_calls(fn), fn), crew.again(fn)
        workers = max(1, crew.workers)
        sizes = sizes_for(chunksize, workers=workers, calls=count)
        if chunksize == "auto":
            buffersize = buffersize or AUTO_WINDOW * workers
        tasks = _chunks(submit, cut(calls, sizes), return_exceptions, again)
        items_of = partial(_items_of_chunk, size_of=crew.size_of, sizes=sizes, return_exceptions=return_exceptions)
    return Results(
        tasks,
        items_of,
        cancel=crew.cancel,
        abandon=crew.abandon,
        ordered=ordered,
        buffersize=buffersize,
        timeout=timeout,
        bar=bar_for(progress, fn, count),
    )


def _chunks(submit: Submit, chunks: Iterable[list[_Call]], go_on: bool, again: list[Any] | None) -> Iterator[Sent]:
    return (Sent(submit(chunk, go_on, again), len(chunk)) for chunk in chunks)


def _items_of_call(task: Sent, *, return_exceptions: bool) -> _Items:
    value, error = outcome_of(task.future)
    if error is None:
        return deque([value]), None
    return (deque([error]), None) if return_exceptions else (deque(), error)


def _items_of_chunk(task: Sent, *, size_of: Callable[[Any], int], sizes: Sizes, return_exceptions: bool) -> _Items:
    made, error = outcome_of(task.future)
    if error is not None:  # of the task as a whole, and so of each of its calls
        return (deque([error] * task.calls), None) if return_exceptions else (deque(), error)
    seconds, values, failures = made
    sizes.note(Measured(len(values), seconds, size_of(task.future)))
    for place, told in failures:
        failure = failure_in(told, task.future)
        if not return_exceptions:
            return deque(values[:place]), failure
        values[place] = failure
    return deque(values), None


def over(*iterables: Iterable[Any]) -> tuple[Iterable[_Call], int | None]:
    """Give the calls that a map over iterables makes, to the end of the shortest, and how many they are if known."""
    return zip(*iterables), count_of(*iterables)  # noqa: B905 - to the end of the shortest, as `map` does


def over_tuples(iterable: Iterable[Iterable[Any]]) -> tuple[Iterable[_Call], int | None]:
    """Give the calls that a starmap makes, and how many they are if known."""
    return map(tuple, iterable), count_of(iterable)
