"""Submissions: a request becomes tasks in the store, and parcels in the outbox.

One transaction per request: either all its tasks are accepted or none is. They are stored before the answer, and the
task group's queue is there before the answer, since results may come at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ..wire.blobs import blobs_of
from ..wire.queues import result_queue
from ..wire.rest import SubmitReply, SubmitRequest
from . import denials, faults
from .access import usable_endpoint, usable_functions
from .outbox import Outbox, TaskParcel
from .store import Database, blobs, endpoints, task_groups, tasks
from .store.functions import Function
from .store.identities import Identity
from .store.task_groups import TaskGroup
from .store.tasks import NewTask, Submission
from .task_ids import TaskIds, task_ids
from .user_endpoints import UserEndpoints, find_or_add

#: The most tasks in one request: the service stores them in one transaction, and answers nobody else meanwhile.
MAX_TASKS = 100_000
#: The most characters of a task, code and arguments together: brokers take messages of 128 MiB at most.
MAX_TASK_CHARS = 96 * 1024 * 1024
#: The most blobs that a task may refer to. Its message's header names them, in some 80 bytes each, and all headers of a
#: message must fit into one frame of AMQP, of 128 KiB.
MAX_TASK_BLOBS = 700


@dataclass(frozen=True, slots=True)
class Order:
    """A request to submit, with all that there is to know of it.

    Attributes:
        request_id: what the answer and the log call it.
        idempotency_key: the caller's own name for it. A request of the same name gets the same answer, and makes no
            second set of tasks.
    """

    identity: Identity
    endpoint_id: str
    request: SubmitRequest
    request_id: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class _Accepted:
    """What the store made of an order.

    Attributes:
        runs_at: the endpoint itself, or the user endpoint of a manager.
        new: the tasks; none when the order had been accepted before.
        is_attached: whether the endpoint has a queue to put them on.
        is_started: whether a manager starts the endpoint when it has tasks.
    """

    reply: SubmitReply
    runs_at: str
    new: Sequence[NewTask]
    functions: Mapping[str, Function]
    has_queue: bool
    is_attached: bool
    is_started: bool


class Submissions:
    """Accepts tasks. Every method belongs to the event loop's thread.

    Args:
        secret: what the ids of idempotent requests are derived with.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        user_endpoints: UserEndpoints,
        *,
        secret: bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._user_endpoints = user_endpoints
        self._secret = secret
        self._clock = clock

    async def submit(self, order: Order) -> SubmitReply:
        """Accept an order: its tasks are stored, and on their way, when this returns.

        Raises:
            Fault: an endpoint, function or task group is not there, or not for this identity.
        """
        ids = task_ids(self._secret, order.identity.identity_id, order.endpoint_id, order.idempotency_key)
        options = _options(order.request)
        now = self._clock()
        accepted = await self._database.write(lambda connection: _accept(connection, order, ids, options, now))
        if accepted.has_queue:
            await self._outbox.declare(result_queue(order.identity.queue_prefix, accepted.reply.task_group_id))
        if accepted.is_attached:
            self._outbox.tasks(accepted.runs_at, _parcels(accepted, options))
        if accepted.is_started:
            await self._user_endpoints.wake(accepted.runs_at)
        return accepted.reply


def _accept(connection: Connection, order: Order, ids: TaskIds, options: Mapping[str, Any], now: float) -> _Accepted:
    request, identity = order.request, order.identity
    endpoint = usable_endpoint(connection, identity, order.endpoint_id)
    functions = usable_functions(connection, identity, endpoint, list(request.tasks))
    _require_size(request, functions)
    # The group first: the ids of a repeated request must come in the same order.
    group_id = request.task_group_id or ids.make()
    new = list(_new_tasks(connection, request, ids))
    runs_at, is_started = order.endpoint_id, endpoint.is_manager or endpoint.manager_id is not None
    before = tasks.where_is(connection, new[0].task_id) if ids.are_derived else None
    if before is not None:
        runs_at, group_id = before
    elif endpoint.is_manager:
        config, runtime = request.user_endpoint_config or {}, request.user_runtime
        runs_at = find_or_add(
            connection, order.endpoint_id, identity, user_options=config, user_runtime=runtime, now=now
        )
    has_queue = _group(connection, identity, group_id, request.create_queue, now).has_queue
    reply = _reply(order, new, group_id, runs_at)
    if before is None:
        _use_blobs(connection, order, new, now)
        submission = Submission(identity.identity_id, group_id, runs_at, json.dumps(options) if options else None)
        tasks.add(connection, submission, new, now)
    else:
        new = []
    # A manager has no task queue that a lock could take away; its user endpoints keep theirs.
    is_attached = endpoint.is_manager or endpoint.is_attached
    return _Accepted(reply, runs_at, new, functions, has_queue, is_attached, is_started)


def _require_size(request: SubmitRequest, functions: Mapping[str, Function]) -> None:
    count = sum(map(len, request.tasks.values()))
    if count > MAX_TASKS:
        raise faults.too_many_tasks(count, MAX_TASKS)
    for function_id, payloads in request.tasks.items():
        chars = len(functions[function_id].code.packed) + max(map(len, payloads), default=0)
        if chars > MAX_TASK_CHARS:
            raise faults.task_too_large(function_id, chars, MAX_TASK_CHARS)


def _use_blobs(connection: Connection, order: Order, new: Sequence[NewTask], now: float) -> None:
    """Note what the tasks refer to: only what their owner has sent, at an endpoint that can read it."""
    named = [(one.seq, sizes) for one in new if (sizes := blobs_of(one.payload))]
    if not named:
        return
    most = max(len(sizes) for _, sizes in named)
    if most > MAX_TASK_BLOBS:
        raise faults.too_many_blobs(most, MAX_TASK_BLOBS)
    if not endpoints.takes_blobs(connection, order.endpoint_id):
        raise faults.endpoint_takes_no_blobs(order.endpoint_id)
    references = {reference for _, sizes in named for reference in sizes.items()}
    missing = [
        digest
        for digest, size_bytes in references
        if (blob := blobs.sent_by(connection, digest, order.identity.identity_id)) is None
        or blob.size_bytes != size_bytes
    ]
    if missing:
        raise faults.blob_not_found(missing)
    uses = [blobs.Use(seq, digest, is_result=False) for seq, sizes in named for digest in sizes]
    blobs.use(connection, uses, now)


def _new_tasks(connection: Connection, request: SubmitRequest, ids: TaskIds) -> Iterator[NewTask]:
    seq = tasks.take_numbers(connection, sum(map(len, request.tasks.values())))
    for function_id, payloads in request.tasks.items():
        for payload in payloads:
            yield NewTask(seq, ids.make(), function_id, payload)
            seq += 1


def _group(connection: Connection, identity: Identity, task_group_id: str, wants_queue: bool, now: float) -> TaskGroup:
    group = task_groups.one(connection, task_group_id)
    if group is None:
        group = TaskGroup(task_group_id, identity.identity_id, wants_queue)
        task_groups.add(connection, group, now)
    elif group.owner_id != identity.identity_id:
        raise denials.task_group_not_owned(task_group_id)
    elif wants_queue and not group.has_queue:
        task_groups.give_queue(connection, task_group_id)
        group = TaskGroup(task_group_id, identity.identity_id, has_queue=True)
    return group


def _reply(order: Order, new: Sequence[NewTask], task_group_id: str, runs_at: str) -> SubmitReply:
    by_function: dict[str, list[str]] = {function_id: [] for function_id in order.request.tasks}
    for one in new:
        by_function[one.function_id].append(one.task_id)
    return SubmitReply(by_function, task_group_id, runs_at, order.request_id)


def _options(request: SubmitRequest) -> dict[str, Any]:
    options = {
        "resource_specification": request.resource_specification,
        "result_serializers": request.result_serializers,
        "timeout_s": request.timeout_s,
        "priority": request.priority,
        "movable": request.movable,
        "takes_blobs": request.takes_blobs,
    }
    return {name: value for name, value in options.items() if value}


def _parcels(accepted: _Accepted, options: Mapping[str, Any]) -> Iterator[TaskParcel]:
    for one in accepted.new:
        code = accepted.functions[one.function_id].code
        yield TaskParcel(one.seq, one.task_id, one.function_id, code, one.payload, options)
