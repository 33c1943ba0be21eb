r"""The map-reduce: values are made and reduced in tasks, and reduced further in tasks while there are many of them.

     calls 0..9   -- task --> value [0, 10)  --\
     calls 10..19 -- task --> value [10, 20) ----> a run [0, 30) -- task --> value [0, 30) --> ... --> the value
     calls 20..29 -- task --> value [20, 30) --/

Only neighbours are reduced with each other, left with right: the function need be associative, and no more.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ...errors import PayloadTooLarge
from ..progress.progress import Bar, bar_for
from .calls import fold_calls, reduce_values
from .chunks import ChunkSize, Measured, Sizes, cut, sizes_for
from .crew import Crew, Submit, outcome_of
from .window import Empty, Sent, TimeOver, Window

#: Neighbouring values that are reduced in a task of their own when so many have gathered.
SPAWN_REDUCE_AT = 16

#: Tasks that may be submitted and not yet finished, for each worker.
WINDOW = 4

#: No initial value was given.
MISSING: Final[Any] = object()

_Reducer = Callable[[Any, Any], Any]


@dataclass(slots=True)
class _Run:
    """Neighbouring values, of the tasks from `place` to before `end`."""

    place: int
    end: int
    values: list[Any]


class Runs:
    """Values that wait to be reduced, next to their neighbours as these come."""

    def __init__(self) -> None:
        self._by_place: dict[int, _Run] = {}
        self._by_end: dict[int, _Run] = {}

    def add(self, place: int, end: int, value: Any) -> _Run:
        """Add the value of the tasks from `place` to before `end`, and give the run that it is in now."""
        run = self._by_end.pop(place, None)
        if run is None:
            run = _Run(place, end, [value])
        else:
            run.values.append(value)
            run.end = end
        right = self._by_place.pop(end, None)
        if right is not None:
            run.values += right.values
            run.end = right.end
        self._by_place[run.place] = self._by_end[run.end] = run
        return run

    def take(self, run: _Run) -> list[Any]:
        """Take the values of a run out."""
        del self._by_place[run.place], self._by_end[run.end]
        return run.values

    def rest(self) -> list[Any]:
        """Take out what is left when all values are there: one run, or nothing."""
        return [value for run in list(self._by_place.values()) for value in self.take(run)]


class Reduction:
    """One map-reduce under way. For one thread.

    Args:
        crew: where to.
        fn: makes a value of each call.
        reduce: makes one value of two neighbours.
        sizes: how many calls a task makes.
        spawn_reduce_at: how many neighbouring values make a task; None: they are all reduced here.
        buffersize: tasks that may be submitted and not yet finished.
    """

    def __init__(
        self,
        crew: Crew,
        fn: Callable[..., Any],
        reduce: _Reducer,
        *,
        sizes: Sizes,
        spawn_reduce_at: int | None,
        buffersize: int,
    ) -> None:
        self._crew = crew
        self._fold = crew.bind(fold_calls(fn, reduce), fn)
        self._again = crew.again(fn)
        self._reduce = reduce
        self._remote_reduce: Submit | None = None
        self._sizes = sizes
        self._spawn_at = spawn_reduce_at
        self._buffersize = buffersize
        self._window = Window(ordered=False)
        self._runs = Runs()

    def run(self, calls: Iterable[tuple[Any, ...]], deadline: float | None, bar: Bar) -> list[Any]:
        """Map and reduce until few values are left; blocks.

        Args:
            calls: the positional arguments of each call.
            deadline: when it must be done, by the monotonic clock.
            bar: shows how far it is.

        Returns:
            Neighbouring values, fewer than `spawn_reduce_at`; none where there were no calls.

        Raises:
            Empty: the deadline has passed.
            BaseException: what a call raised.
        """
        tasks: Iterator[Sent] | None = self._folds(calls)
        try:
            while True:
                while tasks is not None and len(self._window) < self._buffersize:
                    tasks = self._submit_next(tasks, bar)
                if not len(self._window):
                    return self._runs.rest()
                self._receive(self._window.take(None if deadline is None else deadline - time.monotonic()))
        finally:
            bar.stop()
            futures = self._window.drain()
            if futures:
                self._crew.cancel(futures)

    def _folds(self, calls: Iterable[tuple[Any, ...]]) -> Iterator[Sent]:
        for place, chunk in enumerate(cut(calls, self._sizes)):
            yield Sent(self._fold(chunk, self._again), len(chunk), place, place + 1)
            del chunk

    def _submit_next(self, tasks: Iterator[Sent], bar: Bar) -> Iterator[Sent] | None:
        task = next(tasks, None)
        if task is None:
            bar.all_known()
            return None
        self._window.add(task)
        bar.follow(task.future, task.calls)
        return tasks

    def _receive(self, task: Sent) -> None:
        value, error = outcome_of(task.future)
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback refers to this frame
        if task.calls:
            seconds, value = value
            self._sizes.note(Measured(task.calls, seconds, self._crew.size_of(task.future)))
        run = self._runs.add(task.place, task.end, value)
        if self._spawn_at is None:
            self._here(run)
        elif len(run.values) >= self._spawn_at:
            self._elsewhere(run)

    def _here(self, run: _Run) -> None:
        run.values[:] = [functools.reduce(self._reduce, run.values)]

    def _elsewhere(self, run: _Run) -> None:
        if self._remote_reduce is None:
            self._remote_reduce = self._crew.bind(reduce_values(self._reduce))
        try:
            future = self._remote_reduce(run.values)
        except PayloadTooLarge:  # together they are more than the service takes
            self._here(run)
        else:
            self._runs.take(run)
            self._window.add(Sent(future, 0, run.place, run.end))


def map_reduced(
    crew: Crew,
    fn: Callable[..., Any],
    calls: Iterable[tuple[Any, ...]],
    reduce: _Reducer,
    *,
    count: int | None = None,
    timeout: float | None = None,
    chunksize: ChunkSize = "auto",
    initial: Any = MISSING,
    spawn_reduce_at: int | None = SPAWN_REDUCE_AT,
    buffersize: int | None = None,
    progress: bool | str = False,
) -> Any:
    """Run `fn` in a crew over calls, each the positional arguments of one, and reduce the values to one; blocks.

    `count` is how many there are at most, where that is known. All else is as for `Executor.map_reduce`, and checked.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    workers = max(1, crew.workers)
    reduction = Reduction(
        crew,
        fn,
        reduce,
        sizes=sizes_for(chunksize, workers=workers, calls=count),
        spawn_reduce_at=spawn_reduce_at,
        buffersize=buffersize or WINDOW * workers,
    )
    try:
        values = reduction.run(calls, deadline, bar_for(progress, fn, count))
    except Empty:
        raise TimeOver(f"the map_reduce was not finished {timeout} s after it was called") from None
    if initial is not MISSING:
        return functools.reduce(reduce, values, initial)
    if not values:
        raise TypeError("map_reduce() of an empty iterable with no initial value")
    return functools.reduce(reduce, values)
