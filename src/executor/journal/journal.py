"""The journal as the pipeline sees it: told of everything, in any thread, at the cost of a list's append.

A thread of its own writes what was told, a batch at a time. One thing is waited for: that the tasks of a request are in
the file before the request is sent. What goes wrong with the file is said once in the log; from then on nothing is
written, and everything else goes on.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

from ...wire import new_id
from ...wire.messages import Result
from ...wire.rest import SubmitRequest, TaskDocument
from ..pipeline.threads import start
from .file import JournalFile
from .records import Accepted, Call, Moving, Outcome, Sending, State, is_small
from .text import call_text
from .writing import About, Item, Writing

if TYPE_CHECKING:
    from ..future import Future
    from ..pipeline.task import Batch, Route, Task

log = logging.getLogger(__name__)

Arguments: TypeAlias = tuple[Sequence[Any], Mapping[str, Any]]

#: Seconds for which things are gathered that nobody waits for.
LINGER_S = 0.1

#: Routes whose text is kept, so that it is made once and not for each task.
_MOST_ROUTES = 1000


class NoJournal:
    """Remembers nothing: for the embedded stack, which ends with its program, and for who wants none."""

    is_on = False

    def describe(self, future: Future[Any], name: str, call: Arguments) -> None:
        """Take note of what a future's call looks like.

        Args:
            future: the future.
            name: the function's name.
            call: the arguments.
        """

    def put(self, task: Task) -> None:
        """Take note of a task that is about to wait for its turn."""

    def sending(self, batch: Batch, request: SubmitRequest) -> str:
        """Take note of a request before it is sent; returns when that is in the file.

        Returns:
            The idempotency key to send it with.
        """
        return new_id()

    def accepted(self, pairs: Sequence[tuple[Task, str]], task_group_id: str, *, is_own: bool) -> None:
        """Take note of the ids that tasks were given, and of whether their group is the executor's own."""

    def moving(self, tasks: Sequence[Task]) -> None:
        """Take note of tasks that are about to leave their endpoint; returns when that is in the file."""

    def result(self, future: Future[Any], result: Result | TaskDocument, *, failed: bool) -> None:
        """Take note of what a task came to."""

    def cancelled(self, future: Future[Any]) -> None:
        """Take note that a future was cancelled."""

    def refused(self, future: Future[Any], error: BaseException) -> None:
        """Take note of an outcome that did not come from the endpoint, and that stays."""

    def close(self, *, ended: bool) -> None:
        """Write what is left, and let go of the file; the executor came to its end, in order or not. Blocks."""


class Journal(NoJournal):
    """Remembers one campaign.

    Args:
        file: where.
        label, service_url, endpoint_id: what there is to say of the campaign.
        campaign: the number of the one that is gone on with, taken by the caller; None: it is new.
        first_number: the number of the next task.
        kept: for one that is gone on with, which record keeps the packed arguments of which task.
        linger_s: how long things are gathered.
    """

    is_on = True

    def __init__(
        self,
        file: JournalFile,
        *,
        label: str,
        service_url: str,
        endpoint_id: str,
        campaign: int | None = None,
        first_number: int = 1,
        kept: Mapping[int, int] | None = None,
        linger_s: float = LINGER_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        about = About.of_this_process(label, service_url, endpoint_id)
        self._file = file
        self._writing = Writing(file, about, campaign=campaign, kept=kept, clock=clock)
        self._next = first_number
        self._linger_s = linger_s
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._items: list[Item] = []
        self._told = self._written = 0
        self._urgent = self._closing = self._is_off = False
        self._ended = False
        self._routes: dict[Route, Mapping[str, Any]] = {}
        self._thread: threading.Thread | None = None

    def describe(self, future: Future[Any], name: str, call: Arguments) -> None:
        """Take note of what a future's call looks like."""
        if not self._is_off:
            future.function_name, future.arguments = name, call_text(*call, future.size_bytes)

    def put(self, task: Task) -> None:
        """Take note of a task that is about to wait for its turn."""
        future = task.future
        told = self._route(task.route)
        with self._changed:
            if self._is_off or self._closing:
                return
            if future.number is None:
                future.number, self._next = self._next, self._next + 1
            call = Call(
                future.number,
                task.function_id,
                future.function_name,
                future.arguments,
                future.label,
                told,
                task.payload,
            )
            self._tell(call)

    def sending(self, batch: Batch, request: SubmitRequest) -> str:
        """Take note of a request before it is sent; returns when that is in the file.

        Returns:
            The idempotency key to send it with.
        """
        key = new_id()
        head = request.to_json()
        del head["tasks"]
        numbers = {
            function_id: [task.future.number or 0 for task in tasks]
            for function_id, tasks in batch.by_function().items()
        }
        payloads = {task.future.number or 0: task.payload for task in batch.tasks if task.future.task_id is not None}
        self._write_now(Sending(key, batch.route.endpoint_id, head, numbers, payloads))
        return key

    def accepted(self, pairs: Sequence[tuple[Task, str]], task_group_id: str, *, is_own: bool) -> None:
        """Take note of the ids that tasks were given, and of whether their group is the executor's own."""
        numbers = [task.future.number or 0 for task, _ in pairs]
        self._add(Accepted(task_group_id, numbers, [task_id for _, task_id in pairs], is_own))

    def moving(self, tasks: Sequence[Task]) -> None:
        """Take note of tasks that are about to leave their endpoint; returns when that is in the file."""
        payloads = {task.future.number: task.payload for task in tasks if task.future.number is not None}
        if payloads:
            self._write_now(Moving(payloads))

    def result(self, future: Future[Any], result: Result | TaskDocument, *, failed: bool) -> None:
        """Take note of what a task came to."""
        if future.number is not None:
            state = State.FAILED if failed else State.SUCCESS
            self._add(Outcome(future.number, self._clock(), state, result if is_small(result) else None))

    def cancelled(self, future: Future[Any]) -> None:
        """Take note that a future was cancelled."""
        if future.number is not None:
            self._add(Outcome(future.number, self._clock(), State.CANCELLED))

    def refused(self, future: Future[Any], error: BaseException) -> None:
        """Take note of an outcome that did not come from the endpoint, and that stays."""
        if future.number is not None:
            told = (type(error).__name__, str(error))
            self._add(Outcome(future.number, self._clock(), State.FAILED, error=told))

    def close(self, *, ended: bool) -> None:
        """Write what is left, and let go of the file; the executor came to its end, in order or not. Blocks."""
        with self._changed:
            self._closing, self._ended = True, ended
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        else:
            self._writing.close(ended=ended)

    # ---- inside

    def _route(self, route: Route) -> Mapping[str, Any]:
        told = self._routes.get(route)
        if told is None:
            if len(self._routes) >= _MOST_ROUTES:  # some give each task a route of its own
                self._routes.clear()
            told = self._routes[route] = {name: value for name, value in asdict(route).items() if value}
        return told

    def _add(self, item: Item) -> None:
        with self._changed:
            if not self._is_off and not self._closing:
                self._tell(item)

    def _write_now(self, item: Item) -> None:
        with self._changed:
            if self._is_off or self._closing:
                return
            ticket = self._tell(item)
            self._urgent = True
            self._changed.notify_all()
            while self._written < ticket and not self._is_off:
                self._changed.wait()

    def _tell(self, item: Item) -> int:
        """Have something written, soon; with the lock held. Gives the number of items told so far."""
        if not self._items and not self._urgent:
            self._changed.notify_all()
        self._items.append(item)
        self._told += 1
        if self._thread is None:
            self._thread = start("journal", self._run, self._give_up)
        return self._told

    # ---- thread "journal"

    def _run(self) -> None:
        try:
            while (items := self._take()) is not None:
                self._write(items)
                del items  # nothing is kept while more is waited for
        finally:
            self._end()

    def _take(self) -> list[Item] | None:
        with self._changed:
            while not self._items and not self._closing:
                self._changed.wait()
            until = time.monotonic() + self._linger_s
            while not (self._urgent or self._closing) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            self._urgent = False
            items, self._items = self._items, []
            return items if items or not self._closing else None

    def _write(self, items: Sequence[Item]) -> None:
        if self._is_off:
            return
        try:
            self._writing.write(items)
            with self._changed:
                self._written += len(items)
                self._changed.notify_all()
            self._writing.tidy()  # when nobody waits any more
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        with self._changed:
            was_off, self._is_off = self._is_off, True
            self._items.clear()
            self._changed.notify_all()
        if not was_off:
            log.warning(
                "%s cannot be written: %s; the executor goes on without, and Executor.resume will not know of what "
                "is submitted from now on. Remove the file, or set FARPOOL_JOURNAL=0",
                self._file.path,
                error,
            )

    def _end(self) -> None:
        try:
            self._writing.close(ended=self._ended)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)


#: What a future of no campaign is told of.
NO_JOURNAL = NoJournal()
