"""Taking up a campaign from the journal: what an earlier program submitted, as futures of this one.

| a task in the journal | its future |
|---|---|
| its result is there | is settled at once |
| the service has it | waits for its result, or is settled with what the service kept |
| its request had no answer | a farpool service is sent the request again, under its key: it runs once |
| it never was in a request | is submitted now |
| it was cancelled | is cancelled |
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import errors
from ..errors import FarpoolError, ServiceRefused, TaskError, TaskUncertain
from ..settings import Settings
from ..wire.ids import as_id
from ..wire.rest import SubmitRequest, TaskDocument
from .future import Future
from .journal import Campaign, Entry, JournalFile, Shelf, State, journal_file
from .outcome import outcome_of
from .task import Route, Task

if TYPE_CHECKING:
    from ..client import Client
    from .session import Session

#: Seconds for which a service is sure to remember the tasks of a request, and so its key: 14 days, less one.
MAX_KEY_AGE_S = 13 * 86_400.0

#: Task ids in one status request: results come with the answer.
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A campaign that this process has taken up.

    Attributes:
        settings: the environment, with the campaign's service.
        all_entries: its tasks, in the order of submission.
        entries: those that were asked for.
    """

    file: JournalFile
    campaign: Campaign
    settings: Settings
    all_entries: Sequence[Entry]
    entries: Sequence[Entry]

    @property
    def next_number(self) -> int:
        """The number of the next task."""
        return self.all_entries[-1].number + 1 if self.all_entries else 1

    @property
    def task_group_id(self) -> str | None:
        """The task group that was asked for, if all tasks went into one."""
        groups = {one.route.get("task_group_id") for one in self.all_entries}
        return groups.pop() if len(groups) == 1 else None

    @property
    def kept(self) -> dict[int, int]:
        """Which record keeps the packed arguments of which task."""
        return {one.number: one.kept_in for one in self.all_entries if one.kept_in is not None}

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments for an executor that goes on with it.

        Raises:
            ValueError: the client that was given is one of another service.
        """
        client: Client | None = given.get("client")
        if client is not None and client.service_url != self.campaign.service_url:
            raise ValueError(
                f"the campaign is at {self.campaign.service_url}, and the client that was given talks to "
                f"{client.service_url}"
            )
        own: dict[str, Any] = {"label": self.campaign.label, "task_group_id": self.task_group_id}
        return own if "endpoints" in given else {"endpoint_id": self.campaign.endpoint_id, **own}

    def let_go(self) -> None:
        """Let another program take it up."""
        self.file.locks.release(self.campaign.campaign)


def take_up(name: str | int, settings: Settings) -> TakenUp:
    """Find a campaign and take it up for this process.

    Args:
        name: its label, one of its task groups, or its number.
        settings: the environment.

    Raises:
        LookupError: the journal knows none of that name; says which it knows.
        RuntimeError: a program is at work on it.
        FarpoolError: there is no journal to read.
    """
    if not settings.journal:
        raise FarpoolError("the journal is switched off (FARPOOL_JOURNAL=0): there is nothing to resume from")
    file = journal_file(settings.home)
    if not file.exists:
        raise LookupError(f"there is no journal in {settings.home}: nothing was submitted to a service from here")
    wanted = _checked(name)
    try:
        with file.opened() as connection:
            return _take(Shelf(file, connection), wanted, file, settings)
    except (sqlite3.Error, OSError) as error:
        raise FarpoolError(f"the journal {file.path} cannot be read: {error}") from error


def revive(taken: TakenUp, session: Session) -> list[Future[Any]]:
    """Make a future for each task of a campaign, in the order of submission. Blocks while the service is asked.

    Raises:
        ServiceError: the service cannot be asked now; nothing was changed, and resuming can be tried again.
    """
    return _Revival(taken, session).futures()


def _checked(name: object) -> str | int:
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise TypeError(
            f"resume takes a label, a task group id or the number of a campaign, not {name!r} ({type(name).__name__})"
        )
    if name == "":
        raise ValueError("resume takes a label, a task group id or the number of a campaign: it was given nothing")
    return _as_group(name) if isinstance(name, str) else name


def _as_group(name: str) -> str:
    try:
        return as_id(name, "task_group_id")
    except (TypeError, ValueError):
        return name


def _take(shelf: Shelf, name: str | int, file: JournalFile, settings: Settings) -> TakenUp:
    found = shelf.find(name)
    if not found:
        raise LookupError(f"the journal {file.path} knows no campaign {name!r}{_known(shelf)}")
    campaign = found[0]
    if not shelf.take(campaign.campaign):
        raise RuntimeError(
            f"campaign {name!r} is at work: process {campaign.pid} on {campaign.host} ({campaign.program}) has it. "
            "End that first, or follow it with: farpool tasks watch"
        )
    try:
        every = shelf.entries(campaign.campaign, payloads=True)
    except BaseException:
        file.locks.release(campaign.campaign)
        raise
    entries = [one for one in every if _is_of(one, campaign, name)]
    return TakenUp(file, campaign, replace(settings, service_url=campaign.service_url), every, entries)


def _is_of(entry: Entry, campaign: Campaign, name: str | int) -> bool:
    """Say whether a task is meant: a name that is not the whole campaign's is that of some of its tasks."""
    if name in {campaign.campaign, campaign.label, campaign.task_group_id}:
        return True
    return name in {entry.label, entry.task_group_id, entry.route.get("task_group_id")}


def _known(shelf: Shelf) -> str:
    names = list(dict.fromkeys(one.label or str(one.task_group_id) for one in shelf.campaigns()))
    return f"; it knows: {', '.join(names[:10])}" if names else ""


class _Revival:
    """Sorts the tasks of a campaign by what is to be done about them."""

    def __init__(self, taken: TakenUp, session: Session) -> None:
        self._taken = taken
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
            called_off=_nothing if is_cancelled else self._session.pipeline.called_off,
        )
        future.function_name, future.arguments, future.number = entry.name, entry.arguments, entry.number
        future.task_id, future.task_group_id = entry.task_id, entry.task_group_id
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
        if any(time.time() - entry.submitted_at > MAX_KEY_AGE_S for entry in entries):
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
            self._session.pipeline.put(_task(entry, future))


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
