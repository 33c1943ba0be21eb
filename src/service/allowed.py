"""The functions that an endpoint runs: what its agent allows, narrowed by a list that its owner keeps at the service.

The agent brings its own list (``allowed_functions`` of its configuration) with each registration, and goes by it
whatever the service says. The owner's list is the service's alone: it outlives the agent's registrations, and counts
from the next submission on; the agent need not hear of it. A function runs where both lists hold it; no list holds all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from . import faults
from .access import managed_endpoint, visible_endpoint
from .store import Database, endpoints
from .store.endpoints import Endpoint
from .store.identities import Identity


class AllowedFunctions:
    """Keeps the owners' lists. Every method belongs to the event loop's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def show(self, identity: Identity, endpoint_id: str) -> dict[str, Any]:
        """Say which functions an endpoint runs; a user endpoint those of its manager.

        Raises:
            Fault: it is not there, or not for the caller to know.
        """

        def look(connection: Connection) -> dict[str, Any]:
            endpoint = visible_endpoint(connection, identity, endpoint_id)
            if endpoint.manager_id is None:
                return _told(endpoint)
            manager = endpoints.one(connection, endpoint.manager_id)
            return _told(
                endpoint if manager is None else replace(endpoint, allowed_functions=manager.allowed_functions)
            )

        return await self._database.read(look)

    async def put(self, identity: Identity, endpoint_id: str, function_ids: Collection[str] | None) -> dict[str, Any]:
        """Set the owner's list, or with None do away with it; gives what `show` does.

        Raises:
            Fault: the endpoint is not the caller's to change, or has the list of its manager (409).
        """
        return await self._set(identity, endpoint_id, lambda _before: function_ids)

    async def change(
        self, identity: Identity, endpoint_id: str, *, add: Collection[str], remove: Collection[str]
    ) -> dict[str, Any]:
        """Add to the list, and remove from it; gives what `show` does.

        Without an owner's list, one begins as the agent's, or empty where there is none.

        Raises:
            Fault: as for `put`; or something is to be removed where any function may run (409).
        """

        def changed(before: Endpoint) -> Collection[str]:
            current = before.allowed_functions if before.listed_functions is None else before.listed_functions
            if current is None and remove:
                raise faults.endpoint_runs_any(endpoint_id)
            return (current or frozenset()) - frozenset(remove) | frozenset(add)

        return await self._set(identity, endpoint_id, changed)

    async def _set(
        self, identity: Identity, endpoint_id: str, changed: Callable[[Endpoint], Collection[str] | None]
    ) -> dict[str, Any]:
        def write(connection: Connection) -> Endpoint:
            before = managed_endpoint(connection, identity, endpoint_id)
            if before.manager_id is not None:
                raise faults.endpoint_has_list_of_manager(endpoint_id, before.manager_id)
            endpoints.list_functions(connection, endpoint_id, changed(before))
            return endpoints.one(connection, endpoint_id) or before

        return _told(await self._database.write(write))


def _told(endpoint: Endpoint) -> dict[str, Any]:
    allowed = endpoint.allowed_functions
    return {
        "endpoint_id": endpoint.endpoint_id,
        "restricted": allowed is not None,
        "functions": sorted(allowed or ()),
    }
