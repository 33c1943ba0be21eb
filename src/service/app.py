"""The web application: the routes, and one shape for every error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ..errors import WireError
from ..wire.rest import error_body
from . import faults
from .edge import Application, Edge, internal_error
from .faults import Fault
from .globus import consent_to_see_groups
from .house import House
from .routes import ROUTERS
from .routes.blobs import PREFIX
from .routes.requests import answer, house_of


def make_app(house: House, *, max_request_bytes: int) -> Application:
    """Make the application that serves a house."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.house = house
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(Fault, _on_fault)
    app.add_exception_handler(WireError, _on_wire_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(UnicodeEncodeError, _on_unicode_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_exception)
    return Edge(app, max_request_bytes=max_request_bytes, unbounded=PREFIX)


def _refuse(request: Request, fault: Fault, headers: Any = None) -> Response:
    body = error_body(fault.code, fault.message, request_id=request.state.request_id)
    if fault.http_status == 403 and getattr(request.state, "hides_groups", False):
        body |= consent_to_see_groups(house_of(request).login)
    response = answer(body)
    response.status_code = fault.http_status
    if fault.http_status == 401:
        response.headers["www-authenticate"] = "Bearer"
    if fault.retry_after_s is not None:
        response.headers["retry-after"] = str(fault.retry_after_s)
    response.headers.update(headers or {})
    return response


async def _on_fault(request: Request, error: Exception) -> Response:
    return _refuse(request, error if isinstance(error, Fault) else internal_error())


async def _on_wire_error(request: Request, error: Exception) -> Response:
    return _refuse(request, faults.malformed(str(error)))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    found: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in found)
    return _refuse(request, faults.malformed(f"the request's parameters are wrong: {said}"))


async def _on_unicode_error(request: Request, _error: Exception) -> Response:
    # JSON can spell half of a surrogate pair; nothing can store it.
    return _refuse(request, faults.malformed("the request holds a string that is not text (a lone surrogate)"))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "HTTP_ERROR")
    message = f"{request.method} {request.url.path}: {error.detail}; see the routes in farpool's docs/service.md"
    return _refuse(request, Fault(error.status_code, code, message), error.headers)


async def _on_exception(request: Request, _error: Exception) -> Response:
    # The edge logs it: it is raised on after this answer.
    return _refuse(request, internal_error())
