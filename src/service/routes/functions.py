"""The routes of functions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from ...wire import new_id
from ...wire.rest import FunctionRegistration
from .. import faults
from ..access import own_container, own_function, require_member, usable_function
from ..store import function_search, functions
from ..store.function_search import FunctionQuery
from .requests import Caller, answer, house_of, read_id, read_json

router = APIRouter()

#: The most that one can look for: each word goes through all functions.
MAX_QUERY_CHARS = 1000
MAX_WORDS = 20
#: What databases can leave out.
MAX_OFFSET = 2**31


@router.post("/v2/functions")
@router.post("/v3/functions")
async def register(request: Request, caller: Caller) -> Response:
    """Register a function."""
    registration = FunctionRegistration.from_json(await read_json(request))
    house, function_id = house_of(request), new_id()

    def add(connection: Connection) -> None:
        if registration.container_uuid is not None:
            own_container(connection, caller, registration.container_uuid)
        if registration.group is not None:
            require_member(connection, caller, registration.group)
        functions.add(connection, function_id, caller.identity_id, registration, house.clock())

    await house.database.write(add)
    return answer({"function_uuid": function_id})


@router.get("/v2/functions/{function_id}")
async def show(request: Request, caller: Caller, function_id: str) -> Response:
    """Show a function as it was registered."""
    wanted = read_id(function_id, "function_id")

    def look(connection: Connection) -> dict[str, Any] | None:
        usable_function(connection, caller, wanted)
        return functions.document(connection, wanted)

    return answer(await house_of(request).database.read(look))


@router.delete("/v2/functions/{function_id}")
async def delete(request: Request, caller: Caller, function_id: str) -> Response:
    """Delete a function; tasks that were submitted with it still run."""
    wanted = read_id(function_id, "function_id")
    house = house_of(request)

    def remove(connection: Connection) -> None:
        own_function(connection, caller, wanted)
        functions.remove(connection, wanted, house.clock())

    await house.database.write(remove)
    return answer({"result": 302, "function_uuid": wanted})


@router.get("/v3/functions")
async def listing(request: Request, caller: Caller, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
    """List one's own functions, newest first, without their code."""
    return answer(
        await house_of(request).database.scan(
            lambda connection: functions.of_owner(connection, caller.identity_id, limit)
        )
    )


@router.get("/v3/functions/search")
async def search(
    request: Request,
    caller: Caller,
    *,
    query: Annotated[str, Query(max_length=MAX_QUERY_CHARS)] = "",
    owner: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    """Find functions that one may run, by words in name and description, newest first, without their code."""
    words = query.split()
    if len(words) > MAX_WORDS:
        raise faults.malformed(f"the query has {len(words)} words and the limit is {MAX_WORDS}: look for fewer")
    wanted = FunctionQuery(words, owner, limit, offset)
    return answer(
        await house_of(request).database.scan(lambda connection: function_search.search(connection, caller, wanted))
    )
