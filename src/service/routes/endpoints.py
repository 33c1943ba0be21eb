"""The routes of endpoints."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from ...wire.rest import AllowedFunctionsChange, AllowedFunctionsList, EndpointRegistration
from .requests import Caller, answer, house_of, reached_at, read_id, read_json

router = APIRouter()


@router.post("/v2/endpoints")
@router.post("/v3/endpoints")
async def register(request: Request, caller: Caller) -> Response:
    """Register an endpoint and give it an id."""
    registration = EndpointRegistration.from_json(await read_json(request))
    return answer(await house_of(request).registry.register(caller, None, registration, reached_at=reached_at(request)))


@router.put("/v3/endpoints/{endpoint_id}")
async def register_as(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Register an endpoint under the id it has, or wants."""
    wanted = read_id(endpoint_id, "endpoint_id")
    registration = EndpointRegistration.from_json(await read_json(request))
    return answer(
        await house_of(request).registry.register(caller, wanted, registration, reached_at=reached_at(request))
    )


@router.get("/v2/endpoints")
async def listing(request: Request, caller: Caller, role: Literal["owner", "any"] = "owner") -> Response:
    """List one's own endpoints, or any that one may use."""
    return answer(await house_of(request).registry.listing(caller, public=role == "any"))


@router.get("/v2/endpoints/{endpoint_id}")
async def show(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Show what is known of an endpoint."""
    return answer(await house_of(request).registry.describe(caller, read_id(endpoint_id, "endpoint_id")))


@router.get("/v2/endpoints/{endpoint_id}/status")
async def status(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Say whether an endpoint is online, and what it last reported."""
    return answer(await house_of(request).registry.status(caller, read_id(endpoint_id, "endpoint_id")))


@router.delete("/v2/endpoints/{endpoint_id}")
async def delete(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Delete an endpoint; its unfinished tasks fail."""
    wanted = read_id(endpoint_id, "endpoint_id")
    await house_of(request).registry.delete(caller, wanted)
    return answer({"result": 302, "endpoint_id": wanted})


@router.post("/v2/endpoints/{endpoint_id}/lock")
@router.post("/v3/endpoints/{endpoint_id}/lock")
async def lock(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Stop an endpoint, and keep it from registering for a while."""
    wanted = read_id(endpoint_id, "endpoint_id")
    await house_of(request).registry.lock(caller, wanted)
    return answer({"endpoint_id": wanted, "locked": True})


@router.get("/v3/endpoints/{endpoint_id}/allowed_functions")
async def allowed_functions(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Say which functions an endpoint runs."""
    return answer(await house_of(request).allowed_functions.show(caller, read_id(endpoint_id, "endpoint_id")))


@router.put("/v3/endpoints/{endpoint_id}/allowed_functions")
async def set_allowed_functions(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Set the list of functions that an endpoint runs, or do away with it."""
    wanted = read_id(endpoint_id, "endpoint_id")
    function_ids = AllowedFunctionsList.from_json(await read_json(request)).functions
    return answer(await house_of(request).allowed_functions.put(caller, wanted, function_ids))


@router.patch("/v3/endpoints/{endpoint_id}/allowed_functions")
async def change_allowed_functions(request: Request, caller: Caller, endpoint_id: str) -> Response:
    """Add functions to the list of those that an endpoint runs, and remove some."""
    wanted = read_id(endpoint_id, "endpoint_id")
    change = AllowedFunctionsChange.from_json(await read_json(request))
    return answer(
        await house_of(request).allowed_functions.change(caller, wanted, add=change.add, remove=change.remove)
    )
