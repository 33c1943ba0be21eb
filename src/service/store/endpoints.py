"""Endpoints: whose they are, what they may run, and the user endpoints of managers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from ...wire.rest import EndpointRegistration
from ...wire.rest.registrations import TAKES_BLOBS, TAKES_CANCELS
from .schema import deleted_endpoints, endpoints, reports


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Attributes:
        manager_id: the manager that starts it, of a user endpoint.
        allowed_functions: the ids of the functions it runs: by the list of its agent and by that of its owner; None for
            any.
        listed_functions: the list that its owner has set at the service, or None.
        is_attached: whether its queue exists; a locked endpoint has none until it registers again.
        locked_until: unix time until which it may not register, or None.
    """

    endpoint_id: str
    owner_id: str
    name: str
    is_manager: bool
    is_public: bool
    manager_id: str | None
    allowed_functions: frozenset[str] | None
    is_attached: bool
    locked_until: float | None
    listed_functions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class UserEndpoint:
    """What a manager needs to be told to start a user endpoint.

    Attributes:
        identity_id: whose tasks it runs.
        user_options: the values for the manager's configuration template.
        user_runtime: facts about the Python of the one who submitted first.
        reached_at: the service's host name as the manager knows it.
    """

    endpoint_id: str
    manager_id: str
    identity_id: str
    user_options: Mapping[str, Any]
    user_runtime: Mapping[str, Any] | None
    reached_at: str | None = None


_COLUMNS = (
    endpoints.c.endpoint_id,
    endpoints.c.owner_id,
    endpoints.c.name,
    endpoints.c.is_manager,
    endpoints.c.is_public,
    endpoints.c.manager_id,
    endpoints.c.allowed_functions,
    endpoints.c.is_attached,
    endpoints.c.locked_until,
    endpoints.c.listed_functions,
)
_ONE = select(*_COLUMNS).where(endpoints.c.endpoint_id == bindparam("endpoint_id"))
_SAID = select(endpoints.c.registration).where(endpoints.c.endpoint_id == bindparam("endpoint_id"))
_managers = endpoints.alias("managers")
_STARTABLE = (
    select(
        endpoints.c.endpoint_id,
        endpoints.c.manager_id,
        endpoints.c.owner_id,
        endpoints.c.user_options,
        endpoints.c.user_runtime,
        _managers.c.reached_at,
    )
    .join(_managers, _managers.c.endpoint_id == endpoints.c.manager_id)
    .where(endpoints.c.endpoint_id == bindparam("endpoint_id"))
)
_BY_CONFIG = select(endpoints.c.endpoint_id).where(
    endpoints.c.manager_id == bindparam("manager_id"),
    endpoints.c.owner_id == bindparam("owner_id"),
    endpoints.c.config_hash == bindparam("config_hash"),
)


def one(connection: Connection, endpoint_id: str) -> Endpoint | None:
    """Find an endpoint."""
    row = connection.execute(_ONE, {"endpoint_id": endpoint_id}).first()
    return None if row is None else _endpoint(row)


def put(
    connection: Connection,
    endpoint_id: str,
    owner_id: str,
    registration: EndpointRegistration,
    *,
    reached_at: str | None,
    now: float,
) -> None:
    """Keep a registration, new or renewed; it unlocks the endpoint and gives it its queues back."""
    allowed = registration.allowed_functions
    values = {
        "owner_id": owner_id,
        "name": registration.endpoint_name,
        "registration": json.dumps(registration.to_json()),
        "is_manager": registration.is_manager,
        "is_public": bool(registration.public),
        "allowed_functions": None if allowed is None else json.dumps(list(allowed)),
        "reached_at": reached_at,
        "is_attached": True,
        "locked_until": None,
        "registered_at": now,
    }
    changed = connection.execute(update(endpoints).where(endpoints.c.endpoint_id == endpoint_id).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(endpoints), {**values, "endpoint_id": endpoint_id, "created_at": now})


def takes_cancels(connection: Connection, endpoint_id: str) -> bool:
    """Say whether an endpoint can be told which tasks are no longer wanted."""
    return registration(connection, endpoint_id).takes_cancels


def registration(connection: Connection, endpoint_id: str) -> EndpointRegistration:
    """Return what an endpoint that can be told of cancels said of itself; of any other, that it said nothing."""
    said = connection.execute(_SAID, {"endpoint_id": endpoint_id}).scalar() or ""
    return EndpointRegistration.from_json(json.loads(said)) if TAKES_CANCELS in said else EndpointRegistration("")


def admins(connection: Connection, endpoint_id: str) -> frozenset[str]:
    """Return the identities that look after an endpoint beside its owner."""
    said = connection.execute(_SAID, {"endpoint_id": endpoint_id}).scalar() or "{}"
    return frozenset(json.loads(said).get("admins") or ())


def takes_blobs(connection: Connection, endpoint_id: str) -> bool:
    """Say whether an endpoint can read arguments by reference."""
    said = connection.execute(_SAID, {"endpoint_id": endpoint_id}).scalar() or ""
    return TAKES_BLOBS in said and EndpointRegistration.from_json(json.loads(said)).takes_blobs


def user_endpoint_by_config(connection: Connection, manager_id: str, identity_id: str, config_hash: str) -> str | None:
    """Find the user endpoint that serves one identity with one configuration."""
    return connection.execute(
        _BY_CONFIG, {"manager_id": manager_id, "owner_id": identity_id, "config_hash": config_hash}
    ).scalar()


def add_user_endpoint(connection: Connection, user_endpoint: UserEndpoint, config_hash: str, now: float) -> None:
    """Keep a new user endpoint."""
    runtime = user_endpoint.user_runtime
    connection.execute(
        insert(endpoints),
        {
            "endpoint_id": user_endpoint.endpoint_id,
            "owner_id": user_endpoint.identity_id,
            "name": f"uep.{user_endpoint.manager_id}.{user_endpoint.endpoint_id}",
            "registration": "{}",
            "is_manager": False,
            "is_public": False,
            "manager_id": user_endpoint.manager_id,
            "config_hash": config_hash,
            "user_options": json.dumps(dict(user_endpoint.user_options)),
            "user_runtime": None if runtime is None else json.dumps(dict(runtime)),
            "is_attached": True,
            "created_at": now,
            "registered_at": now,
        },
    )


def user_endpoint(connection: Connection, endpoint_id: str) -> UserEndpoint | None:
    """Find a user endpoint; None when there is no such endpoint, or it is not one of a manager."""
    row = connection.execute(_STARTABLE, {"endpoint_id": endpoint_id}).first()
    if row is None:
        return None
    _, manager_id, identity_id, options, runtime, reached_at = row
    return UserEndpoint(
        endpoint_id,
        manager_id,
        identity_id,
        json.loads(options),
        None if runtime is None else json.loads(runtime),
        reached_at,
    )


def user_endpoints_of(connection: Connection, manager_id: str) -> list[str]:
    """List the user endpoints of a manager."""
    statement = select(endpoints.c.endpoint_id).where(endpoints.c.manager_id == manager_id)
    return list(connection.execute(statement.order_by(endpoints.c.created_at)).scalars())


def everything(connection: Connection) -> list[Endpoint]:
    """List all endpoints, oldest first."""
    return [_endpoint(row) for row in connection.execute(select(*_COLUMNS).order_by(endpoints.c.created_at))]


def lock(connection: Connection, endpoint_id: str, until: float) -> None:
    """Keep an endpoint from registering for a while; it has no queues until it registers again."""
    connection.execute(
        update(endpoints).where(endpoints.c.endpoint_id == endpoint_id).values(locked_until=until, is_attached=False)
    )


def list_functions(connection: Connection, endpoint_id: str, function_ids: Collection[str] | None) -> None:
    """Keep the list of functions that an endpoint's owner sets at the service; a registration does not touch it."""
    text = None if function_ids is None else json.dumps(sorted(function_ids))
    connection.execute(update(endpoints).where(endpoints.c.endpoint_id == endpoint_id).values(listed_functions=text))


def remove(connection: Connection, endpoint_id: str, now: float) -> None:
    """Delete an endpoint that is there; its id is remembered."""
    owner_id = connection.execute(
        select(endpoints.c.owner_id).where(endpoints.c.endpoint_id == endpoint_id)
    ).scalar_one()
    connection.execute(insert(deleted_endpoints), {"endpoint_id": endpoint_id, "owner_id": owner_id, "deleted_at": now})
    connection.execute(delete(reports).where(reports.c.endpoint_id == endpoint_id))
    connection.execute(delete(endpoints).where(endpoints.c.endpoint_id == endpoint_id))


def owner_of_deleted(connection: Connection, endpoint_id: str) -> str | None:
    """Say whose an endpoint was that was deleted; None when there never was one."""
    table = deleted_endpoints
    return connection.execute(select(table.c.owner_id).where(table.c.endpoint_id == endpoint_id)).scalar()


def document(connection: Connection, endpoint_id: str) -> dict[str, Any]:
    """Return what was registered of an endpoint that is there."""
    row = connection.execute(select(endpoints).where(endpoints.c.endpoint_id == endpoint_id)).mappings().one()
    return _document(dict(row))


def visible_to(connection: Connection, identity_id: str, *, public: bool) -> list[dict[str, Any]]:
    """List somebody's endpoints, oldest first; with `public`, also those of others that they may use."""
    mine = endpoints.c.owner_id == identity_id
    named = endpoints.c.registration.contains(f'"{identity_id}"', autoescape=True)
    statement = select(endpoints).where(or_(mine, endpoints.c.is_public, named) if public else mine)
    rows = connection.execute(statement.order_by(endpoints.c.created_at)).mappings()
    return [
        document
        for row in rows
        # The id may be named for another reason than that it is an admin's.
        if (document := _document(dict(row)))["owner"] == identity_id
        or row["is_public"]
        or identity_id in (document.get("admins") or ())
    ]


def _endpoint(row: Any) -> Endpoint:
    endpoint_id, owner_id, name, is_manager, is_public, manager_id, allowed, is_attached, locked_until, listed = row
    own, at_service = _functions(allowed), _functions(listed)
    both = own if at_service is None else at_service if own is None else own & at_service
    return Endpoint(
        endpoint_id, owner_id, name, is_manager, is_public, manager_id, both, is_attached, locked_until, at_service
    )


def _functions(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    registration = json.loads(row["registration"])
    return {
        **registration,
        "uuid": row["endpoint_id"],
        "endpoint_id": row["endpoint_id"],
        "name": row["name"],
        "display_name": registration.get("display_name") or row["name"],
        "owner_uuid": row["owner_id"],
        "owner": row["owner_id"],
        "multi_user": bool(registration.get("multi_user")),
        "public": row["is_public"],
        "is_manager": row["is_manager"],
        "takes_blobs": EndpointRegistration.from_json({"endpoint_name": "", **registration}).takes_blobs,
        "manager_id": row["manager_id"],
        "created_at": row["created_at"],
        "registered_at": row["registered_at"],
        "locked_until": row["locked_until"],
    }
