"""Taking up a campaign from the journal: what an earlier program submitted, as futures of this one.

| a task in the journal | its future |
|---|---|
| its result is there | is settled at once |
| the service has it | waits for its result, or is settled with what the service kept |
| its request had no answer | a farpool service is sent the request again, under its key: it runs once |
| it never was in a request | is submitted now |
| it was called off to be sent to another endpoint | is submitted now |
| it was cancelled | is cancelled |
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import errors
from ..errors import FarpoolError, ServiceRefused, TaskError, TaskUncertain
from ..wire import TaskState
from ..wire.rest import SubmitRequest, TaskDocument
from .endpoints import Endpoints
from .future import Future
from .journal import Entry, State, TakenUp
from .pipeline.outcome import outcome_of
from .pipeline.task import Route, Task
from .timings import told_in

if TYPE_CHECKING:
    from ..client import Client
    from .session import Session

#: Seconds for which a service keeps the tasks of a request, and so its key, where it does not say: 14 days.
_KEPT_S = 14 * 86_400.0
#: For which part of that time it is sure to: clocks differ, and the request takes a while.
_SURE = 13 / 14

#: Task ids in one status request: results come with the answer.
_CHUNK = 200


def revive(taken: TakenUp, session: Session, endpoints: Endpoints | None = None) -> list[Future[Any]]:
    """Make a future for each task of a campaign, in the order of submission. Blocks while the service is asked.

    Args:
        taken: the campaign.
        session: what the executor has that goes on with it.
        endpoints: where tasks may run that were not sent yet; None: where each was to.

    Raises:
        ServiceError: the service cannot be asked now; nothing was changed, and resuming can be tried again.
    """
    return _Revival(taken, session, endpoints).futures()


def max_key_age_s(kept_s: float | None) -> float:
    """Say for how many seconds a service is sure to remember a request.

    Args:
        kept_s: for how long it keeps tasks that are finished; None where it does not say.
    """
    return _SURE * (_KEPT_S if kept_s is None else kept_s)


class _Revival:
    """Sorts the tasks of a campaign by what is to be done about them."""

    def __init__(self, taken: TakenUp, session: Session, endpoints: Endpoints | None) -> None:
        self._taken = taken
        self._endpoints = endpoints
        self._session = session
        self._client: Client = session.place.client
        self._by_number: dict[int, Future[Any]] = {}

    def futures(self) -> list[Future[Any]]:
        """Do it."""
        taken, pipeline = self._taken, self._session.pipeline
        pipeline.adopt(taken.campaign.task_group_id)
        self._by_number = {one.number: self._future(one) for one in taken.entries}
        self._send_again()
        sent = [one for one in taken.entries if one.state is not State.CANCELLED and self._is_open(one) and one.task_id]
        documents = self._documents([one.task_id for one in sent if one.task_id])
        # From here on nothing can go wrong any more that would leave half of it done.
        waiting: dict[str, list[tuple[str, Future[Any]]]] = {}
        for entry in sent:
            self._wait_for(entry, documents, waiting)
        for group, pairs in waiting.items():
            finished = [documents[task_id] for task_id, _ in pairs if documents[task_id].is_finished]
            pipeline.attach(group, pairs, finished)
        for entry in taken.entries:
            if entry.state is State.WAITING and self._is_open(entry):
                self._submit(entry)
        return list(self._by_number.values())

    def _future(self, entry: Entry) -> Future[Any]:
        """Make the future of a task, settled where its outcome is in the journal."""
        is_cancelled = entry.state is State.CANCELLED
        future: Future[Any] = Future(
            endpoint_id=entry.route["endpoint_id"],
            function_id=entry.function_id,
            label=entry.label,
            submitted_at=entry.submitted_at,
            called_off=_nothing if is_cancelled else self._session.pipeline.called_off,
        )
        future.function_name, future.arguments, future.number = entry.name, entry.arguments, entry.number
        future.task_id, future.task_group_id = entry.task_id, entry.task_group_id
        if entry.sent_at is not None:
            future.was_sent(entry.sent_at)
        if is_cancelled:
            future.cancel()
        elif entry.state.is_final:
            self._settle(future, entry)
        return future

    def _settle(self, future: Future[Any], entry: Entry) -> None:
        outcome = entry.outcome
        if outcome is None:
            return
        if outcome.result is not None:
            future.was_told(told_in(outcome.result), outcome.at)
            future.settle(*outcome_of(future, outcome.result, self._session.serializer.deserialize))
        elif outcome.error is not None:
            future.settle(None, _error(*outcome.error))

    def _is_open(self, entry: Entry) -> bool:
        return not self._by_number[entry.number].done()

    # ---- what the service has

    def _documents(self, task_ids: Sequence[str]) -> dict[str, TaskDocument]:
        documents: dict[str, TaskDocument] = {}
        for start in range(0, len(task_ids), _CHUNK):
            self._session.pipeline.pace()
            documents |= self._client.get_batch_status(task_ids[start : start + _CHUNK])
        return documents

    def _wait_for(
        self,
        entry: Entry,
        documents: Mapping[str, TaskDocument],
        waiting: dict[str, list[tuple[str, Future[Any]]]],
    ) -> None:
        future = self._by_number[entry.number]
        task_id = entry.task_id or ""
        if entry.is_moving and task_id in documents and documents[task_id].status == TaskState.CANCELLED.value:
            entry.state = State.WAITING  # called off to be moved, and not sent again yet
            return
        future.set_running_or_notify_cancel()
        if task_id in documents:
            waiting.setdefault(entry.task_group_id or "", []).append((task_id, future))
            return
        what = f"task {task_id} ({entry.call}) was sent, and the service {self._client.service_url} knows nothing of it"
        future.settle(
            None, TaskUncertain(f"{what}: it keeps results for a time only, or is another one now", **_facts(entry))
        )

    # ---- what was being sent when the program ended

    def _send_again(self) -> None:
        """Send the requests again whose answer is not known, and note the ids of their tasks."""
        requests: dict[str, list[Entry]] = {}
        for entry in self._taken.all_entries:
            if entry.sending is not None and entry.state is State.SENDING:
                requests.setdefault(entry.sending.key, []).append(entry)
        for group in requests.values():
            if any(entry.number in self._by_number for entry in group):
                self._send_one_again(group)

    def _send_one_again(self, group: Sequence[Entry]) -> None:
        sending = group[0].sending
        if sending is None:
            return
        by_number = {entry.number: entry for entry in self._taken.all_entries}
        numbers = [number for numbers in sending.numbers.values() for number in numbers]
        entries = [by_number[number] for number in numbers]
        doubt = self._doubt(entries)
        if doubt is not None:
            self._doubt_all(entries, doubt)
            return
        head = {**sending.head, "tasks": _payloads(sending.numbers, by_number)}
        try:
            self._session.pipeline.pace()
            reply = self._client.submit(sending.endpoint_id, SubmitRequest.from_json(head), idempotency_key=sending.key)
        except ServiceRefused as error:
            self._refuse(entries, error)
            return
        pairs: list[tuple[Task, str]] = []
        for function_id, task_ids in reply.tasks.items():
            for number, task_id in zip(sending.numbers[function_id], task_ids, strict=True):
                entry = by_number[number]
                entry.task_id, entry.task_group_id, entry.state = task_id, reply.task_group_id, State.SENT
                future = self._by_number.get(number) or self._future(entry)
                future.task_id, future.task_group_id = task_id, reply.task_group_id
                pairs.append((_task(entry, future), task_id))
        pipeline = self._session.pipeline
        if pairs[0][0].route.task_group_id is None:
            pipeline.adopt(reply.task_group_id)
        pipeline.journal.accepted(pairs, reply.task_group_id, is_own=reply.task_group_id == pipeline.task_group_id)

    def _doubt(self, entries: Iterable[Entry]) -> str | None:
        """Say why a request cannot be sent again; None when it can."""
        if self._client.is_hosted:
            return "the hosted service cannot say whether it took it, and sending it again might run it twice"
        if any(entry.payload is None for entry in entries):
            return "its arguments are too large for the journal, so it cannot be sent again"
        if any(time.time() - entry.submitted_at > max_key_age_s(self._client.keep_results_s) for entry in entries):
            return (
                "that was so long ago that the service may have forgotten it, and sending it again might run it twice"
            )
        return None

    def _doubt_all(self, entries: Iterable[Entry], doubt: str) -> None:
        for entry in entries:
            future = self._by_number.get(entry.number)
            if future is None or future.done():
                continue
            future.set_running_or_notify_cancel()
            if entry.outcome is not None:  # another attempt was under way: what the last one came to is known
                self._settle(future, entry)
            if not future.done():
                told = f"the program ended while {entry.call} was being sent: {doubt}. It runs at most once"
                future.settle(None, TaskUncertain(told, **_facts(entry)))

    def _refuse(self, entries: Iterable[Entry], error: ServiceRefused) -> None:
        for entry in entries:
            future = self._by_number.get(entry.number)
            if future is not None and not future.done():
                future.set_running_or_notify_cancel()
                self._session.pipeline.journal.refused(future, error)
                future.settle(None, error)

    # ---- what was not sent

    def _submit(self, entry: Entry) -> None:
        future = self._by_number[entry.number]
        if entry.payload is None:
            future.set_running_or_notify_cancel()
            told = f"{entry.call} was not sent when the program ended, and its arguments are too large for the journal"
            future.settle(None, TaskError(f"{told}: it never ran, submit it again", **_facts(entry)))
        else:
            self._session.pipeline.put(replace(_task(entry, future), endpoints=self._endpoints))


def _nothing(_future: Future[Any]) -> None:
    """Tell nobody: it was cancelled in an earlier program."""


def _task(entry: Entry, future: Future[Any]) -> Task:
    route: dict[str, Any] = {**entry.route, "result_serializers": tuple(entry.route.get("result_serializers", ()))}
    return Task(Route(**route), entry.function_id, entry.payload or "", future)


def _payloads(numbers: Mapping[str, Sequence[int]], by_number: Mapping[int, Entry]) -> dict[str, list[str]]:
    return {
        function_id: [by_number[number].payload or "" for number in those] for function_id, those in numbers.items()
    }


def _facts(entry: Entry) -> dict[str, str | None]:
    return {"task_id": entry.task_id, "endpoint_id": entry.route["endpoint_id"], "function_id": entry.function_id}


def _error(kind: str, message: str) -> BaseException:
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, FarpoolError):
        return found(message)
    return TaskError(message)
