"""The routes of tasks, task groups and the way to results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from ...wire import as_id
from ...wire.jsontext import dumps
from ...wire.rest import CancelReply, CancelRequest, ResultQueue, read_shared_group, task_group
from .. import faults
from ..access import may_see_task, visible_task
from ..credentials import reachable
from ..documents import document_of
from ..house import House
from ..retention import written_days
from ..store import outcomes, tasks
from ..store.identities import Identity
from ..submissions import MAX_TASKS
from .requests import Caller, answer, house_of, is_list_of_strings, member, reached_at, read_id, read_json

router = APIRouter()

#: The most tasks that one status request may ask for: results come with the answer.
MAX_STATUS_TASKS = 10_000
#: How many of them are read from the store, and held in memory, at a time.
CHUNK = 16
#: The most tasks that one request may call off: as many as one may submit.
MAX_CANCEL_TASKS = MAX_TASKS


@router.get("/v2/tasks/{task_id}")
@router.get("/v3/tasks/{task_id}")
async def show(request: Request, caller: Caller, task_id: str) -> Response:
    """Show a task, with its result when there is one."""
    wanted = read_id(task_id, "task_id")
    house = house_of(request)
    found = await house.database.read(lambda connection: outcomes.records(connection, [wanted]))
    kept = written_days(house.retention.keep_finished_s)
    return answer(document_of(visible_task(caller, wanted, found.get(wanted), kept=kept)).to_json())


@router.post("/v2/batch_status")
async def batch_status(request: Request, caller: Caller) -> Response:
    """Show several tasks, by id; those that are not there, or not for the caller to see, are left out."""
    wanted = member(await read_json(request), "task_ids")
    if not is_list_of_strings(wanted):
        raise faults.malformed("'task_ids' must be a list of task ids")
    if len(wanted) > MAX_STATUS_TASKS:
        raise faults.malformed(f"{len(wanted)} task ids were sent and the limit is {MAX_STATUS_TASKS}: ask in parts")
    try:
        # Each once: a name must not come twice in the answer.
        task_ids = list(dict.fromkeys(as_id(one, "task_id") for one in wanted))
    except ValueError as error:
        raise faults.malformed(str(error)) from None
    parts = _documents(house_of(request), caller, task_ids)
    if len(task_ids) > CHUNK:
        return StreamingResponse(parts, media_type="application/json")
    return Response(b"".join([part async for part in parts]), media_type="application/json")


@router.post("/v2/tasks/cancel")
async def cancel(request: Request, caller: Caller) -> Response:
    """Call tasks off, by id; somebody else's are as unknown as those that are not there."""
    wanted = CancelRequest.from_json(await read_json(request))
    if len(wanted.task_ids) > MAX_CANCEL_TASKS:
        raise faults.malformed(
            f"{len(wanted.task_ids)} task ids were sent and the limit is {MAX_CANCEL_TASKS}: cancel in parts"
        )
    return answer(CancelReply(await house_of(request).cancelling.cancel(caller, wanted)).to_json())


async def _documents(house: House, caller: Identity, task_ids: Sequence[str]) -> AsyncIterator[bytes]:
    """Write the answer part by part: results may be large, and all of them together more than there is memory."""
    yield b'{"response":"batch","results":{'
    comma = b""
    for start in range(0, len(task_ids), CHUNK):
        records = await house.database.read(partial(outcomes.records, task_ids=task_ids[start : start + CHUNK]))
        seen = [record for record in records.values() if may_see_task(caller, record)]
        if seen:
            yield comma + b",".join(
                b'"%b":%b' % (one.task_id.encode(), dumps(document_of(one).to_json())) for one in seen
            )
            comma = b","
    yield b"}}"


@router.get("/v2/taskgroup/{task_group_id}")
async def group(request: Request, caller: Caller, task_group_id: str) -> Response:
    """List the tasks of a group. The owner who asks means to attach to its queue, so there is one from now on."""
    wanted = read_id(task_group_id, "task_group_id")
    task_ids, is_shared = await house_of(request).groups.attach(caller, wanted)
    return answer(task_group(wanted, task_ids, is_shared=is_shared))


@router.put("/v3/taskgroup/{task_group_id}/group")
async def share_group(request: Request, caller: Caller, task_group_id: str) -> Response:
    """Share the tasks of a task group with a group, or, with null, with nobody any more."""
    wanted = read_id(task_group_id, "task_group_id")
    group_id = read_shared_group(await read_json(request))
    await house_of(request).groups.share(caller, wanted, group_id)
    return answer({"taskgroup_id": wanted, "group": group_id})


@router.get("/v2/get_amqp_result_connection_url")
async def result_queue(request: Request, caller: Caller) -> Response:
    """Say where results are to be found."""
    url = house_of(request).broker.client_url(caller.queue_prefix)
    return answer(ResultQueue(caller.queue_prefix, reachable(url, reached_at(request))).to_json())


@router.get("/v3/tasks")
async def listing(
    request: Request,
    caller: Caller,
    *,
    task_group_id: str | None = None,
    endpoint_id: str | None = None,
    status: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    """List one's own tasks, newest first, without arguments and results; of a task group, those that one may see."""
    wanted = tasks.TaskFilter(
        None if task_group_id is None else read_id(task_group_id, "task_group_id"),
        None if endpoint_id is None else read_id(endpoint_id, "endpoint_id"),
        status,
    )
    return answer(
        await house_of(request).database.scan(lambda connection: tasks.listing(connection, caller, wanted, limit))
    )
