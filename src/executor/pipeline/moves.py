r"""Moving: tasks of several endpoints leave one that goes offline, under the same futures.

    place(task) --> which endpoint            sendable(batch) --> what waits to be sent goes elsewhere
         |
         '--> looked after: one went offline --> the service is asked which of its tasks have certainly not begun, and
                                                  calls these off --> sent again, to another endpoint
                                                 idempotent ones, begun or not --> sent again

A task that has begun, or may have, stays: it runs when its endpoint is back. Lives on one loop, and in no thread.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent import futures as standard
from dataclasses import replace
from typing import Any

from ...amqp import Loop
from ...errors import FarpoolError, TaskCancelled
from ...wire.rest.cancels import CANCELLED, RUNNING
from ..endpoints import Endpoints, Load, choose
from ..future import Future
from ..journal import NO_JOURNAL, NoJournal
from .task import Batch, Task

log = logging.getLogger(__name__)

#: Seconds between looks at the endpoints, while there are tasks.
LOOK_EVERY_S = 5.0
#: The same for a service that limits the rate of requests.
LOOK_PACED_EVERY_S = 30.0
#: Task ids in one request.
CHUNK = 5000


class Moves:
    """Looks after the tasks that may run at several endpoints.

    Args:
        loop: where it looks from.
        get_status: asks the service how an endpoint is; may block.
        strand: has the service call off those of some tasks whose endpoint is away and that have certainly not begun;
            gives what was done, by task id; may block. None where it cannot.
        forget: waits no longer for the result of a task; False when nobody did.
        call_off: has tasks cancelled that began elsewhere, too.
        again: sends a task once more.
        journal: which tasks are about to move is written there.
        paced: whether requests must be few.

    Attributes:
        moved: how often a task went from one endpoint to another.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        get_status: Callable[[str], Mapping[str, Any]],
        strand: Callable[[Sequence[str]], Mapping[str, str]] | None,
        forget: Callable[[str | None], bool],
        call_off: Callable[[Sequence[str]], None],
        again: Callable[[Task], None],
        journal: NoJournal = NO_JOURNAL,
        paced: bool = False,
    ) -> None:
        self._loop = loop
        self._get_status = get_status
        self._strand = strand
        self._forget = forget
        self._call_off = call_off
        self._again = again
        self._journal = journal
        self._every_s = LOOK_PACED_EVERY_S if paced else LOOK_EVERY_S
        self._lock = threading.Lock()
        self._tasks: dict[standard.Future[Any], Task] = {}
        self._on_done = _weakly(self)
        self._pending: Counter[str] = Counter()
        self._turns: Counter[Endpoints] = Counter()
        self._workers: dict[str, int] = {}
        self._away: dict[str, str] = {}  # with how long, as text
        self._seen: set[str] = set()
        self._stranded: dict[str, Task] = {}  # the service was asked to call them off, and has not answered
        self._staying: dict[str, set[str]] = {}  # task ids by endpoint: the service says that they may have begun
        self._is_watching = self._is_stopped = False
        self.moved = 0

    def place(self, task: Task) -> Task:
        """Choose the endpoint of a task that may run at several, and look after it until it is done. Thread-safe."""
        if task.endpoints is None:
            return task
        unseen = [one for one in task.endpoints.ids if one not in self._seen]
        if unseen:
            self._look_at(unseen)
        with self._lock:
            placed = self._assign(task, task.endpoints)
            is_first, self._is_watching = not self._is_watching, True
        task.future.add_done_callback(self._on_done)
        if is_first:
            self._loop.call(lambda: self._later(self._watch))
        return placed

    def placed_again(self, task: Task) -> Task:
        """Choose anew for a task that is sent again. Thread-safe."""
        if task.endpoints is None:
            return task
        with self._lock:
            return self._assign(task, task.endpoints)

    def sendable(self, batch: Batch) -> Batch | None:
        """Say what is to be sent of a batch: when its endpoint has gone offline meanwhile, what cannot go elsewhere."""
        endpoint_id = batch.route.endpoint_id
        if endpoint_id not in self._away:
            return batch
        moving = [task for task in batch.tasks if self._has_choice(task)]
        if not moving:
            return batch
        leaving = {task.future for task in moving}
        self._log(endpoint_id, self._send(moving), 0)
        # What is away may have changed meanwhile: a task either goes or stays, whatever it could do now.
        staying = [task for task in batch.tasks if task.future not in leaving]
        return Batch(batch.route, staying) if staying else None

    def done(self, future: standard.Future[Any]) -> None:
        """Look after a task no longer. Thread-safe."""
        with self._lock:
            task = self._tasks.pop(future, None)
            if task is not None:
                self._pending[task.route.endpoint_id] -= 1

    def takes(self, future: Future[Any], error: BaseException) -> bool:
        """Take a task back that failed only because it was called off to be moved."""
        with self._lock:
            task = self._stranded.pop(future.task_id or "", None)
        if task is None or not isinstance(error, TaskCancelled) or not self._is_wanted(task):
            return False
        self._send([task])
        return True

    def look(self) -> bool:
        """Look at the endpoints now, and move what waits at those that are offline. Loop thread only; blocks.

        Returns:
            False when there are no tasks to look after: the next one that is placed has it look again.
        """
        with self._lock:
            tasks = list(self._tasks.values())
            self._is_watching = bool(tasks)
            self._stranded = {one: task for one, task in self._stranded.items() if not task.future.done()}
        self._look_at({one for task in tasks if task.endpoints for one in task.endpoints.ids})
        for endpoint_id in list(self._away):
            self._leave(endpoint_id, [task for task in tasks if task.route.endpoint_id == endpoint_id])
        return bool(tasks)

    def stop(self) -> None:
        """Move nothing any more: everything is being cancelled."""
        self._is_stopped = True

    # ---- inside; with the lock held

    def _assign(self, task: Task, endpoints: Endpoints) -> Task:
        future = task.future
        before = self._tasks.get(future)
        if before is not None:
            self._pending[before.route.endpoint_id] -= 1
        load = Load(self._turns[endpoints], self._pending, self._workers, self._away)
        endpoint_id = choose(endpoints, load)
        self._turns[endpoints] += 1
        placed = replace(task, route=replace(task.route, endpoint_id=endpoint_id, movable=True))
        if not future.done():
            self._tasks[future] = placed
            self._pending[endpoint_id] += 1
        future.endpoint_id = endpoint_id
        return placed

    # ---- inside

    def _has_choice(self, task: Task) -> bool:
        ids = () if task.endpoints is None else task.endpoints.ids
        return any(one not in self._away for one in ids) and self._is_wanted(task)

    def _is_wanted(self, task: Task) -> bool:
        return not (self._is_stopped or task.future.done() or task.future.is_unwanted)

    def _later(self, fn: Callable[[], None]) -> None:
        self._loop.call_later(self._every_s, fn)

    def _watch(self) -> None:
        if self.look():
            self._later(self._watch)

    def _look_at(self, endpoint_ids: Iterable[str]) -> None:
        for endpoint_id in endpoint_ids:
            try:
                status = self._get_status(endpoint_id)
            except FarpoolError as error:  # what is wrong with it, its tasks will tell
                log.debug("could not ask after endpoint %s: %s", endpoint_id, error)
                continue
            finally:
                self._seen.add(endpoint_id)
            self._note(endpoint_id, status)

    def _note(self, endpoint_id: str, status: Mapping[str, Any]) -> None:
        details: Mapping[str, Any] = status.get("details") or {}
        workers = details.get("total_workers")
        with self._lock:
            if isinstance(workers, int) and workers > 0:
                self._workers[endpoint_id] = workers
            was_away = endpoint_id in self._away
            if status.get("status") == "online":
                self._away = {one: for_s for one, for_s in self._away.items() if one != endpoint_id}
                self._staying.pop(endpoint_id, None)
            else:
                away_s = details.get("away_s")
                for_s = f" for {away_s:.0f} s" if isinstance(away_s, (int, float)) else ""
                self._away = {**self._away, endpoint_id: for_s}
        if was_away and status.get("status") == "online":
            log.info("endpoint %s is back online, and takes part again", endpoint_id)

    def _leave(self, endpoint_id: str, tasks: Sequence[Task]) -> None:
        staying = self._staying.setdefault(endpoint_id, set())
        sent = [task for task in tasks if task.future.task_id is not None and self._has_choice(task)]
        # One that went elsewhere while the endpoints were asked has another task id now.
        sent = [task for task in sent if task.future.task_id not in staying and self._tasks.get(task.future) is task]
        free = self._called_off(sent, staying)
        begun = [task for task in sent if task.future.task_id not in free]
        twice = [task for task in begun if task.retry.idempotent]
        moving = [task for task in sent if task.future.task_id in free or task.retry.idempotent]
        moving = [task for task in moving if self._forget(task.future.task_id)]
        if twice:
            self._call_off([task.future.task_id for task in twice if task.future.task_id is not None])
        if moving:
            self._log(endpoint_id, self._send(moving), len(begun) - len(twice))

    def _called_off(self, tasks: Sequence[Task], staying: set[str]) -> set[str]:
        """Have the service call off what has certainly not begun; give the ids of these tasks."""
        by_id = {task.future.task_id: task for task in tasks if task.future.task_id is not None}
        if self._strand is None or not by_id:
            return set()
        with self._lock:
            asked_before = self._stranded
            self._stranded = asked_before | by_id
        # Once is enough: while the service does not answer, the same tasks are asked about at each look.
        self._journal.moving([task for one, task in by_id.items() if one not in asked_before])
        answers: dict[str, str] = {}
        task_ids = list(by_id)
        try:
            for start in range(0, len(task_ids), CHUNK):
                answers |= self._strand(task_ids[start : start + CHUNK])
        except FarpoolError as error:  # whether it did is told by the results, or by the next answer
            log.warning("could not ask for %d tasks that wait at an offline endpoint: %s", len(task_ids), error)
        for task_id, answer in answers.items():
            # Otherwise its result tells: it may have been called off before, by a request whose answer was lost, or its
            # endpoint has come back just now, and says itself whether it had begun.
            if answer in {CANCELLED, RUNNING}:
                with self._lock:
                    self._stranded.pop(task_id, None)
            if answer == RUNNING:
                staying.add(task_id)
        return {task_id for task_id, answer in answers.items() if answer == CANCELLED}

    def _send(self, tasks: Sequence[Task]) -> list[Task]:
        placed = [self.placed_again(task) for task in tasks]
        for task in placed:
            self._again(task)
        return placed

    def _log(self, endpoint_id: str, moved: Sequence[Task], stay: int) -> None:
        with self._lock:
            self.moved += len(moved)
        to = Counter(task.route.endpoint_id for task in moved)
        log.warning(
            "endpoint %s is offline%s: %d of its tasks move to %s%s",
            endpoint_id,
            self._away.get(endpoint_id, ""),
            len(moved),
            ", ".join(f"{one} ({count})" if len(to) > 1 else one for one, count in to.items()),
            f"; {stay} that have begun, or may have, stay and run when it is back" if stay else "",
        )


def _weakly(moves: Moves) -> Callable[[standard.Future[Any]], None]:
    """Make a callback for futures that keeps nothing alive: they may outlive their executor, and keep callbacks."""
    ref = weakref.ref(moves)

    def done(future: standard.Future[Any]) -> None:
        alive = ref()
        if alive is not None:
            alive.done(future)

    return done
