"""What all routes have in common: who asks, what the body says, and how an answer is written."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, TypeGuard, cast

from fastapi import Depends, Request, Response

from ...wire import as_id
from ...wire.jsontext import dumps, loads
from .. import faults
from ..house import House
from ..store.identities import Identity


def house_of(request: Request) -> House:
    """Return the house that the application serves."""
    house: House = request.app.state.house
    return house


async def caller_of(request: Request) -> Identity:
    """Find out who asks.

    Raises:
        Fault: nobody says so, or the token is nobody's (401).
    """
    house, header = house_of(request), request.headers.get("authorization")
    unauthenticated = partial(faults.unauthenticated, takes_globus=house.login.is_globus)
    if header is None:
        raise unauthenticated("the request carries no token")
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated(f"the request's authorization is not a bearer token but of the kind {scheme!r}")
    identity = await house.identification.identify(token)
    if identity is None:
        raise unauthenticated("the token is not one of this service's, or no longer")
    request.state.hides_groups = identity.hides_groups
    return identity


#: An argument of a route: who asks. The route answers 401 to anybody else.
Caller = Annotated[Identity, Depends(caller_of)]


async def read_json(request: Request) -> Any:
    """Read the request's body.

    Raises:
        Fault: it is not JSON (400).
    """
    body = await request.body()
    try:
        return loads(body)
    except (ValueError, RecursionError) as error:
        raise faults.malformed(f"the request's body is not JSON: {error}", http_status=400) from None


def member(body: object, name: str) -> Any:
    """Return a member of a JSON object; None where it is absent, or the body is no object."""
    return cast("dict[str, Any]", body).get(name) if isinstance(body, dict) else None


def is_list_of_strings(value: object) -> TypeGuard[list[str]]:
    """Whether a JSON value is a list of strings."""
    return isinstance(value, list) and all(isinstance(one, str) for one in cast("list[object]", value))


def read_id(value: str, what: str) -> str:
    """Read an id from the path or the query.

    Raises:
        Fault: it is not a UUID (400).
    """
    try:
        return as_id(value, what)
    except ValueError as error:
        raise faults.invalid_id(str(error)) from None


def reached_at(request: Request) -> str | None:
    """Return the host name under which the caller reached the service; None where it does not say."""
    try:
        return request.url.hostname
    except ValueError:
        return None


def answer(body: Any) -> Response:
    """Write an answer."""
    return Response(dumps(body), media_type="application/json")
