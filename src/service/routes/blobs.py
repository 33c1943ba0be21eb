"""The routes of blobs: what is too large for a message, by its SHA-256."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from ...wire.blobs import as_digest
from .. import faults
from .requests import Caller, answer, house_of, is_list_of_strings, member, read_json

router = APIRouter()

#: How the paths of single ones begin: bodies there are as large as blobs may be.
PREFIX = "/v2/blobs/"
#: The most blobs that may be asked for in one request.
MAX_DIGESTS = 1000


@router.put("/v2/blobs/{digest}")
async def put(request: Request, caller: Caller, digest: str) -> Response:
    """Take a blob in; the same again is welcome, and makes no second one."""
    wanted = _read_digest(digest)
    length = request.headers.get("content-length", "")
    await house_of(request).blobs.put(caller, wanted, request.stream(), int(length) if length.isdigit() else None)
    return answer({"digest": wanted})


@router.post("/v2/blobs")
async def missing(request: Request, caller: Caller) -> Response:
    """Say which blobs of a list the caller has yet to send; the others are kept for a while longer."""
    wanted = member(await read_json(request), "digests")
    if not is_list_of_strings(wanted) or len(wanted) > MAX_DIGESTS:
        raise faults.malformed(f"'digests' must be a list of up to {MAX_DIGESTS} names of blobs")
    for digest in wanted:
        _read_digest(digest)
    return answer({"missing": await house_of(request).blobs.missing(caller, wanted)})


@router.get("/v2/blobs/{digest}")
async def get(request: Request, caller: Caller, digest: str) -> Response:
    """Give a blob out."""
    size_bytes, pieces = await house_of(request).blobs.open(caller, _read_digest(digest))
    return StreamingResponse(pieces, media_type="application/octet-stream", headers={"content-length": str(size_bytes)})


def _read_digest(value: str) -> str:
    try:
        return as_digest(value)
    except ValueError as error:
        raise faults.malformed(str(error), http_status=400) from None
