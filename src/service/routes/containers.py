"""The routes of containers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from ...wire import new_id
from ...wire.rest import ContainerRegistration
from .. import faults
from ..access import own_container
from ..store import containers
from .requests import Caller, answer, house_of, read_id, read_json

router = APIRouter()


@router.post("/v2/containers")
async def register(request: Request, caller: Caller) -> Response:
    """Register a container."""
    registration = ContainerRegistration.from_json(await read_json(request))
    house, container_id = house_of(request), new_id()
    await house.database.write(
        lambda connection: containers.add(connection, container_id, caller.identity_id, registration, house.clock())
    )
    return answer({"container_id": container_id})


@router.get("/v2/containers")
async def listing(request: Request, caller: Caller, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
    """List one's own containers, newest first."""
    found = await house_of(request).database.scan(
        lambda connection: containers.of_owner(connection, caller.identity_id, limit)
    )
    return answer([one.document() for one in found])


@router.get("/v2/containers/{container_id}")
async def show(request: Request, caller: Caller, container_id: str) -> Response:
    """Show a container of one's own."""
    wanted = read_id(container_id, "container_id")
    found = await house_of(request).database.read(lambda connection: own_container(connection, caller, wanted))
    return answer({"container": found.document()})


@router.get("/v2/containers/{container_id}/{container_type}")
async def show_as(request: Request, caller: Caller, container_id: str, container_type: str) -> Response:
    """Show a container of one's own, if it is of that type."""
    wanted = read_id(container_id, "container_id")
    found = await house_of(request).database.read(lambda connection: own_container(connection, caller, wanted))
    if found.environment.type != container_type:
        raise faults.container_of_another_type(wanted, found.environment.type, container_type)
    return answer({"container": found.document()})


@router.delete("/v2/containers/{container_id}")
async def delete(request: Request, caller: Caller, container_id: str) -> Response:
    """Delete a container that no function runs in."""
    wanted = read_id(container_id, "container_id")

    def remove(connection: Connection) -> None:
        own_container(connection, caller, wanted)
        users = containers.used_by(connection, wanted)
        if users:
            raise faults.container_in_use(wanted, users)
        containers.remove(connection, wanted)

    await house_of(request).database.write(remove)
    return answer({"container_id": wanted})
