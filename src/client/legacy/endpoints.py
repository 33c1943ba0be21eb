"""funcX's calls about endpoints and their whitelists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

from ..checks import text
from .throttling import ThrottledClient

_SCOPES = {"all": "any", "my-endpoints": "owner", "shared-with-me": "any"}


class LegacyEndpointCalls:
    """Calls about endpoints. Part of `FuncXClient`."""

    client: ThrottledClient

    def register_endpoint(
        self,
        name: str,
        endpoint_id: object = None,
        metadata: Mapping[str, Any] | None = None,
        multi_tenant: bool | None = None,
        *,
        endpoint_uuid: object = None,
    ) -> dict[str, Any]:
        """Register an endpoint; see `Client.register_endpoint`.

        Args:
            name: its name.
            endpoint_id: its id, when it has been registered before.
            metadata: facts about it.
            multi_tenant: whether it starts user endpoints for others.
            endpoint_uuid: what `endpoint_id` was called before funcX 1.0.
        """
        if endpoint_id is not None and endpoint_uuid is not None:
            raise TypeError("endpoint_id and endpoint_uuid were both given: they are the same")
        chosen = endpoint_uuid if endpoint_id is None else endpoint_id
        return self.client.register_endpoint(name, chosen, metadata, multi_tenant)

    def get_endpoint_status(self, endpoint_uuid: object) -> dict[str, Any]:
        """Get whether an endpoint is ``"online"`` or ``"offline"`` (``status``), and its last report (``details``)."""
        return self.client.get_endpoint_status(endpoint_uuid)

    def get_endpoint_metadata(self, endpoint_uuid: object) -> dict[str, Any]:
        """Get what the service knows of an endpoint."""
        return self.client.get_endpoint_metadata(endpoint_uuid)

    def get_endpoints(self) -> list[dict[str, Any]]:
        """List your endpoints."""
        return self.client.get_endpoints()

    def search_endpoint(self, q: str, scope: str = "all", owner_id: object = None) -> list[dict[str, Any]]:
        """Find endpoints that you may use by words in their names and descriptions.

        Args:
            q: words; each must occur. Upper and lower case are the same.
            scope: ``"all"``, ``"my-endpoints"`` or ``"shared-with-me"``.
            owner_id: only those of this user; also as ``urn:globus:auth:identity:ID``.

        Raises:
            ValueError: there is no such scope.
        """
        if scope not in _SCOPES:
            raise ValueError(f"scope {scope!r} is none; one of: {', '.join(_SCOPES)}")
        words = text(q, "q", may_be_empty=True).lower().split()
        owner = None if owner_id is None else str(owner_id).rpartition(":")[2]
        found = self.client.get_endpoints(_SCOPES[scope])
        own = self.client.get_endpoints("owner") if scope == "shared-with-me" else []
        mine = [one.get("uuid") for one in own]
        return [
            one
            for one in found
            if one.get("uuid") not in mine
            and owner in {None, one.get("owner"), one.get("owner_uuid")}
            and all(word in _words(one) for word in words)
        ]

    def add_to_whitelist(self, endpoint_id: object, function_ids: object) -> dict[str, Any]:
        """Add to the functions that an endpoint of yours runs; see `Client.add_allowed_functions`.

        Args:
            endpoint_id: the endpoint.
            function_ids: a list of ids, or one.
        """
        return self.client.add_allowed_functions(endpoint_id, _several(function_ids))

    def get_whitelist(self, endpoint_id: object) -> dict[str, Any]:
        """Get the functions that an endpoint runs: ``functions``; ``restricted`` is False where it runs any."""
        return self.client.get_allowed_functions(endpoint_id)

    def delete_from_whitelist(self, endpoint_id: object, function_ids: object) -> list[dict[str, Any]]:
        """Take functions from the list of those that an endpoint of yours runs; see `Client.remove_allowed_functions`.

        Returns:
            The same answer for each function, as funcX gave one for each; all go in one request.
        """
        wanted = _several(function_ids)
        return [self.client.remove_allowed_functions(endpoint_id, wanted)] * len(wanted) if wanted else []

    def stop_endpoint(self, endpoint_id: object) -> Any:
        """Stop an endpoint; see `Client.stop_endpoint`."""
        return self.client.stop_endpoint(endpoint_id)

    def delete_endpoint(self, endpoint_id: object) -> Any:
        """Delete an endpoint; see `Client.delete_endpoint`."""
        return self.client.delete_endpoint(endpoint_id)


def _several(function_ids: object) -> list[object]:
    if isinstance(function_ids, (str, UUID)):
        return [function_ids]
    if not isinstance(function_ids, Iterable) or isinstance(function_ids, Mapping):
        raise TypeError(f"function_ids must be a list of ids, or one, not {function_ids!r}")
    return list(cast("Iterable[object]", function_ids))


def _words(endpoint: Mapping[str, Any]) -> str:
    return " ".join(str(endpoint.get(name) or "") for name in ("name", "display_name", "description")).lower()
