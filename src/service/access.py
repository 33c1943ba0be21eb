"""Who may use what: endpoints and functions are for their owners, and for everybody when they are public."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from . import faults
from .store import containers, endpoints, functions
from .store.containers import StoredContainer
from .store.endpoints import Endpoint
from .store.functions import Function
from .store.identities import Identity


def usable_endpoint(connection: Connection, identity: Identity, endpoint_id: str) -> Endpoint:
    """Find an endpoint that somebody may submit to and look at.

    Raises:
        Fault: it is not there (404), or somebody else's (403).
    """
    endpoint = endpoints.one(connection, endpoint_id)
    if endpoint is None:
        raise faults.endpoint_not_found(endpoint_id)
    if endpoint.owner_id != identity.identity_id and not endpoint.is_public:
        raise faults.endpoint_forbidden(endpoint_id)
    return endpoint


def own_endpoint(connection: Connection, identity: Identity, endpoint_id: str) -> Endpoint:
    """Find an endpoint that somebody may change.

    Raises:
        Fault: it is not there (404), or somebody else's (403).
    """
    endpoint = endpoints.one(connection, endpoint_id)
    if endpoint is None:
        raise faults.endpoint_not_found(endpoint_id)
    if endpoint.owner_id != identity.identity_id:
        raise faults.endpoint_forbidden(endpoint_id)
    return endpoint


def usable_functions(
    connection: Connection, identity: Identity, endpoint: Endpoint, function_ids: Sequence[str]
) -> dict[str, Function]:
    """Find functions that somebody may run at an endpoint.

    Raises:
        Fault: one is not there (404), somebody else's (403), or not on the endpoint's list (403).
    """
    found = functions.some(connection, function_ids)
    allowed = _allowed(connection, endpoint)
    for function_id in function_ids:
        function = found.get(function_id)
        if function is None:
            raise faults.function_not_found(function_id)
        if function.owner_id != identity.identity_id and not function.is_public:
            raise faults.function_forbidden(function_id)
        if allowed is not None and function_id not in allowed:
            raise faults.function_not_permitted(function_id, endpoint.endpoint_id)
    return found


def _allowed(connection: Connection, endpoint: Endpoint) -> frozenset[str] | None:
    """Return the list of an endpoint; a user endpoint runs what its manager may."""
    if endpoint.manager_id is None:
        return endpoint.allowed_functions
    manager = endpoints.one(connection, endpoint.manager_id)
    return None if manager is None else manager.allowed_functions


def own_container(connection: Connection, identity: Identity, container_id: str) -> StoredContainer:
    """Find a container that somebody may look at, delete, and have functions run in.

    Raises:
        Fault: it is not there, or somebody else's: 403 both, as who asks is not to know which. The administrator of the
            service is told of what is not there (404).
    """
    found = containers.some(connection, [container_id]).get(container_id)
    if found is None and identity.may_know_all:
        raise faults.container_not_found(container_id)
    if found is None or found.owner_id != identity.identity_id:
        raise faults.container_forbidden(container_id)
    return found
