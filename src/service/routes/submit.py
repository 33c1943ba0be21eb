"""The routes that take tasks."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request, Response

from ...errors import WireError
from ...wire import as_id
from ...wire.rest import SubmitRequest
from .. import faults
from ..submissions import Order
from .requests import Caller, answer, house_of, is_list_of_strings, member, read_id, read_json

router = APIRouter()


@router.post("/v3/endpoints/{endpoint_id}/submit")
async def submit(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Take tasks for one endpoint."""
    order = Order(
        identity=caller,
        endpoint_id=read_id(endpoint_id, "endpoint_id"),
        request=SubmitRequest.from_json(await read_json(request)),
        request_id=request.state.request_id,
        idempotency_key=request.headers.get("idempotency-key"),
    )
    return answer((await house_of(request).submissions.submit(order)).to_json())


@router.post("/v2/submit")
async def submit_v2(request: Request, caller: Caller) -> Response:
    """Take tasks as clients did before the third version: triples of function, endpoint and arguments.

    Every endpoint's tasks are accepted or refused together; what was accepted before a refusal stays accepted.
    """
    body = await read_json(request)
    triples = _triples(body)
    group_id = member(body, "task_group_id")
    task_ids: dict[int, str] = {}
    for endpoint_id in dict.fromkeys(endpoint_id for _, endpoint_id, _ in triples):
        places = [place for place, triple in enumerate(triples) if triple[1] == endpoint_id]
        tasks: dict[str, list[str]] = {}
        for place in places:
            tasks.setdefault(triples[place][0], []).append(triples[place][2])
        sent = {"tasks": tasks, "create_queue": bool(member(body, "create_websocket_queue")), "task_group_id": group_id}
        order = Order(caller, endpoint_id, SubmitRequest.from_json(sent), request.state.request_id)
        reply = await house_of(request).submissions.submit(order)
        group_id = reply.task_group_id
        made = {function_id: iter(ids) for function_id, ids in reply.tasks.items()}
        task_ids.update((place, next(made[triples[place][0]])) for place in places)
    ids = [task_ids[place] for place in range(len(triples))]
    return answer(
        {
            "status": "Success",
            "response": "batch",
            "task_group_id": group_id,
            "task_uuids": ids,
            "results": [{"status": "Success", "task_uuid": task_id, "http_status_code": 200} for task_id in ids],
        }
    )


def _triples(body: object) -> list[tuple[str, str, str]]:
    tasks = member(body, "tasks")
    if not isinstance(tasks, list) or not tasks:
        raise faults.malformed("'tasks' must be a list of [function id, endpoint id, packed arguments], and not empty")
    triples: list[tuple[str, str, str]] = []
    for place, one in enumerate(cast("list[object]", tasks)):
        if not (is_list_of_strings(one) and len(one) == 3):
            raise faults.malformed(f"'tasks' holds at {place} no [function id, endpoint id, packed arguments]")
        try:
            triples.append((as_id(one[0], "function id"), as_id(one[1], "endpoint id"), one[2]))
        except ValueError as error:
            raise WireError(str(error)) from error
    return triples
