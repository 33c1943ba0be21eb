"""What is written about tasks, and what it comes to when it is read in its order. Pure: reads and writes no file.

| kind | says | keeps beside it |
|---|---|---|
| `tasks` | these calls were submitted | their packed arguments, until the service has taken them |
| `sending` | a request with these tasks is about to be sent, under this key | arguments of those tried again |
| `accepted` | the service has taken them: their task ids and their task group | |
| `moving` | these are about to be called off where they are, to be sent to another endpoint | their packed arguments |
| `results` | what came of them, with the result itself where it is small | |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple, cast

from ...wire.blobs import is_referenced
from ...wire.jsontext import dumps, exact, loads
from ...wire.messages import PRINTED, TRANSITIONS, WORKER, ErrorDetails, Result
from ...wire.rest import TaskDocument

#: Characters of a serialized result that are kept; the service keeps larger ones.
MAX_RESULT_CHARS = 16_000

TASKS = "tasks"
SENDING = "sending"
ACCEPTED = "accepted"
MOVING = "moving"
RESULTS = "results"


class State(str, Enum):
    """How a task stands, as far as the journal knows."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether it has its outcome."""
        return self in {State.SUCCESS, State.FAILED, State.CANCELLED}


class Call(NamedTuple):
    """A task as it was submitted. A tuple, as `Outcome` is: they are made for every task.

    Attributes:
        number: its place in the order of submission, from 1 on.
        name, arguments: the function's name and what its arguments look like.
        route: how it is to be run: the fields of a `Route`.
        payload: its packed arguments; None: they are not kept.
    """

    number: int
    function_id: str
    name: str
    arguments: str
    label: str
    route: Mapping[str, Any]
    payload: str | None


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that is about to be sent.

    Attributes:
        key: its idempotency key.
        endpoint_id: where to.
        head: its body without the tasks.
        numbers: its tasks, by function id, in their order.
        payloads: the packed arguments of those tasks whose arguments are not kept any more.
    """

    key: str
    endpoint_id: str
    head: Mapping[str, Any]
    numbers: Mapping[str, Sequence[int]]
    payloads: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer: the ids of tasks, and their task group.

    Attributes:
        is_own: whether that is the group that the service made for the executor.
    """

    task_group_id: str
    numbers: Sequence[int]
    task_ids: Sequence[str]
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Moving:
    """Tasks that are about to leave their endpoint: called off there, they are to be sent again.

    Attributes:
        payloads: their packed arguments, by number.
    """

    payloads: Mapping[int, str]


class Outcome(NamedTuple):
    """What came of a task.

    Attributes:
        state: `SUCCESS`, `FAILED` or `CANCELLED`.
        at: when that was known, in seconds since 1970.
        result: the result itself; None: the service has it, or there is none.
        error: for a task that the service never took: the kind of error and its message.
    """

    number: int
    at: float
    state: State
    result: Result | TaskDocument | None = None
    error: tuple[str, str] | None = None


@dataclass(slots=True)
class Entry:
    """A task, as it stands.

    Attributes:
        payload: its packed arguments, where they are kept.
        kept_in: the record that keeps them.
        sending: the request that it was to be sent with, while the answer is not known.
        is_moving: that it was called off at its endpoint may be so for it to be sent to another one.
        submitted_at, sent_at, ended_at: seconds since 1970; of what was sent more than once, the last time.
        outcome: what came of it, when that is known.
    """

    number: int
    function_id: str
    name: str
    arguments: str
    label: str
    route: Mapping[str, Any]
    submitted_at: float
    payload: str | None = None
    kept_in: int | None = None
    state: State = State.WAITING
    sending: Sending | None = field(default=None, repr=False)
    sent_at: float | None = None
    task_id: str | None = None
    task_group_id: str | None = None
    outcome: Outcome | None = None
    is_moving: bool = False

    @property
    def call(self) -> str:
        """The call as text."""
        return f"{self.name}({self.arguments})"

    @property
    def ended_at(self) -> float | None:
        """When its outcome was known."""
        return None if self.outcome is None else self.outcome.at


def write_tasks(calls: Sequence[Call]) -> bytes:
    """Write a `tasks` record."""
    routes: list[Mapping[str, Any]] = []
    labels: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    for call in calls:
        if not routes or (routes[-1] is not call.route and routes[-1] != call.route):
            routes.append(call.route)
        label = labels.setdefault(call.label, len(labels))
        rows.append((call.number, call.function_id, call.name, call.arguments, label, len(routes) - 1))
    return dumps({"tasks": rows, "routes": routes, "labels": list(labels)})


def write_payloads(payloads: Mapping[int, str]) -> bytes | None:
    """Write what is kept beside a record: packed arguments by number."""
    return dumps({str(number): payload for number, payload in payloads.items()}) if payloads else None


def write_sending(sending: Sending) -> bytes:
    """Write a `sending` record."""
    return dumps(
        {
            "key": sending.key,
            "endpoint_id": sending.endpoint_id,
            "head": exact(sending.head),
            "numbers": sending.numbers,
        }
    )


def write_accepted(accepted: Accepted) -> bytes:
    """Write an `accepted` record."""
    return dumps({"group": accepted.task_group_id, "numbers": accepted.numbers, "ids": accepted.task_ids})


def write_moving(moving: Moving) -> bytes:
    """Write a `moving` record."""
    return dumps(list(moving.payloads))


def write_results(outcomes: Iterable[Outcome]) -> bytes:
    """Write a `results` record."""
    return dumps([(one.number, one.at, one.state.value, _written(one.result), one.error) for one in outcomes])


def is_small(result: Result | TaskDocument) -> bool:
    """Whether a result is kept itself; failures are, with what they tell, if that is not much more.

    Of a result by reference the service has more than the reference.
    """
    if isinstance(result, TaskDocument):
        size, is_value = len(result.result or "") + len(result.exception or ""), result.result is not None
        text = result.result or ""
    else:
        size, is_value, text = len(result.data), result.error_details is None, result.data
    if is_value and is_referenced(text):
        return False
    if not is_value and result.details:
        size += sum(len(value) for value in result.details.values() if isinstance(value, str))
    return size <= MAX_RESULT_CHARS


def entries(rows: Iterable[tuple[int, str, float, bytes, bytes | None]]) -> list[Entry]:
    """Read records into entries, in the order of submission.

    Args:
        rows: number, kind, time, body and payloads of each record, in the order in which they were written.

    Raises:
        ValueError, KeyError, TypeError: a record is damaged.
    """
    found: dict[int, Entry] = {}
    for record, kind, at, body, payloads in rows:
        told = loads(body)
        if kind == TASKS:
            _read_tasks(found, told, at)
        elif kind == SENDING:
            _read_sending(found, told, at)
        elif kind == ACCEPTED:
            _read_accepted(found, told)
        elif kind == MOVING:
            for number in told:
                found[number].is_moving = True
        elif kind == RESULTS:
            _read_results(found, told)
        if payloads is not None:
            for number, payload in loads(payloads).items():
                entry = found[int(number)]
                entry.payload, entry.kept_in = payload, record
    return [found[number] for number in sorted(found)]


def _read_tasks(found: dict[int, Entry], told: Any, at: float) -> None:
    for number, function_id, name, arguments, label, route in told["tasks"]:
        found[number] = Entry(
            number, function_id, name, arguments, told["labels"][label], told["routes"][route], submitted_at=at
        )


def _read_sending(found: dict[int, Entry], told: Any, at: float) -> None:
    sending = Sending(told["key"], told["endpoint_id"], told["head"], told["numbers"], {})
    for function_id, numbers in sending.numbers.items():
        for number in numbers:
            entry = found[number]
            entry.function_id = function_id  # it may have been registered anew
            entry.sent_at = at
            if entry.route.get("endpoint_id") != sending.endpoint_id:  # it has moved
                entry.route = {**entry.route, "endpoint_id": sending.endpoint_id}
            # One that is tried again keeps what came of it before, until the service has it again.
            if entry.state is not State.CANCELLED:
                entry.state, entry.sending = State.SENDING, sending


def _read_accepted(found: dict[int, Entry], told: Any) -> None:
    for number, task_id in zip(told["numbers"], told["ids"], strict=True):
        entry = found[number]
        entry.task_id, entry.task_group_id = task_id, told["group"]
        entry.sending, entry.is_moving = None, False
        if entry.state is not State.CANCELLED:
            entry.state, entry.outcome = State.SENT, None


def _read_results(found: dict[int, Entry], told: Any) -> None:
    for number, at, state, result, error in told:
        entry = found[number]
        if entry.state is not State.CANCELLED:
            entry.state, entry.sending = State(state), None
            entry.outcome = Outcome(
                number, at, entry.state, _read_result(result), None if error is None else (error[0], error[1])
            )


def _written(result: Result | TaskDocument | None) -> Any:
    if result is None:
        return None
    if isinstance(result, TaskDocument):
        return {"document": replace(result, details=_kept_details(result)).to_json()}
    error = result.error_details
    told = None if error is None else (error.code, error.user_message)
    return (result.task_id, result.data, told, _kept_details(result))


def _kept_details(result: Result | TaskDocument) -> dict[str, Any] | None:
    """Choose what is kept of the details: of a value, what the worker says of itself would be most of the file."""
    details = dict(result.details or {})
    if not (result.error_details or (isinstance(result, TaskDocument) and result.result is None)):
        details = {name: details[name] for name in (WORKER, PRINTED, TRANSITIONS) if name in details}
    if len(str(details.get(PRINTED))) > MAX_RESULT_CHARS:
        del details[PRINTED]
    if isinstance(result, Result) and result.task_statuses:
        details[TRANSITIONS] = {one.state.value: one.timestamp / 1e9 for one in result.task_statuses}
    return details or None


def _read_result(told: Any) -> Result | TaskDocument | None:
    if told is None:
        return None
    if isinstance(told, dict):
        return TaskDocument.from_json(cast("dict[str, object]", told)["document"])
    task_id, data, *more = cast("list[Any]", told)
    if not more:  # as it was written once
        return Result(task_id, data)
    error, details = more
    return Result(task_id, data, details, None if error is None else ErrorDetails(*error))
