"""`GET /v2/version` and `GET /v3/identity`: what the service is, and who it takes you for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ...version import __version__
from ..store import groups
from .requests import Caller, answer, house_of

router = APIRouter()

#: The oldest clients and agents that are served: the protocol has been the same for long.
MIN_VERSION = "0.1.0"


@router.get("/v2/version")
async def version(request: Request, service: str | None = None) -> Response:
    """Say the service's version, and the least that clients and agents must have. The one route without a token."""
    if service is None:
        return answer(__version__)
    house = house_of(request)
    return answer(
        {
            "api": __version__,
            "farpool": __version__,
            "min_sdk_version": MIN_VERSION,
            "min_ep_version": MIN_VERSION,
            "max_blob_bytes": house.blobs.max_bytes,
            "keep_results_s": house.retention.keep_finished_s,
            "keep_waiting_s": house.retention.keep_waiting_s,
            **house.login.to_json(),
        }
    )


@router.get("/v3/identity")
async def identity(request: Request, caller: Caller) -> Response:
    """Say whose token that is, and which groups they are in; of groups of elsewhere the name may not be known."""
    house = house_of(request)
    own = await house.database.read(lambda connection: groups.names(connection, caller.group_ids))
    known = {**house.names_elsewhere(caller.group_ids), **own}
    return answer(
        {
            "identity_id": caller.identity_id,
            "name": caller.name,
            "groups": [
                {"group_id": group_id, "name": known.get(group_id)}
                for group_id in sorted(caller.group_ids, key=lambda one: (known.get(one, ""), one))
            ],
        }
    )
