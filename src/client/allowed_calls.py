"""The client's calls about the functions that an endpoint runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import ServiceRefused
from ..wire.ids import as_id
from ..wire.rest import AllowedFunctionsChange, AllowedFunctionsList
from .bodies import json_body
from .checks import id_list, ids

if TYPE_CHECKING:
    from .transport import Transport


class AllowedCalls:
    """Calls about the functions that an endpoint runs. Part of `Client`.

    Each call that changes the list gives it as `get_allowed_functions` does, and is answered by farpool services only.
    A change counts from the next submission on, and stays when the endpoint starts again. Where the endpoint's own
    configuration has ``allowed_functions``, only what is on both lists runs.
    """

    _transport: Transport

    def get_allowed_functions(self, endpoint_id: object) -> dict[str, Any]:
        """Get which functions an endpoint runs, as the service says it.

        Returns:
            From a farpool service ``endpoint_id``, ``restricted`` (whether there is a list) and ``functions`` (its
            ids).
        """
        endpoint = as_id(endpoint_id, "endpoint_id")
        return self._transport.call(
            f"get the allowed functions of endpoint {endpoint}",
            lambda pair: pair.v3.get_endpoint_allowlist(endpoint),
            json_body,
        )

    def set_allowed_functions(self, endpoint_id: object, function_ids: Iterable[object] | None) -> dict[str, Any]:
        """Say which functions an endpoint of yours runs.

        Args:
            endpoint_id: the endpoint.
            function_ids: the functions; an empty list: none; None: any.

        Raises:
            TypeError, ValueError: an id is malformed.
            ServiceRefused: the endpoint is not yours to change, or is one that a manager started; or the service is the
                hosted one.
        """
        endpoint = as_id(endpoint_id, "endpoint_id")
        body = AllowedFunctionsList(ids(function_ids, "function_ids")).to_json()
        return self._change_list("PUT", endpoint, body)

    def add_allowed_functions(self, endpoint_id: object, function_ids: Iterable[object]) -> dict[str, Any]:
        """Add to the functions that an endpoint of yours runs. One that ran any runs only these from now on.

        Raises:
            TypeError, ValueError: an id is malformed.
            ServiceRefused: as for `set_allowed_functions`.
        """
        endpoint = as_id(endpoint_id, "endpoint_id")
        return self._change_list(
            "PATCH", endpoint, AllowedFunctionsChange(add=id_list(function_ids, "function_ids")).to_json()
        )

    def remove_allowed_functions(self, endpoint_id: object, function_ids: Iterable[object]) -> dict[str, Any]:
        """Take functions from the list of those that an endpoint of yours runs. Of an empty list none runs.

        Raises:
            TypeError, ValueError: an id is malformed.
            ServiceRefused: as for `set_allowed_functions`; or the endpoint has no list, and runs any function.
        """
        endpoint = as_id(endpoint_id, "endpoint_id")
        return self._change_list(
            "PATCH", endpoint, AllowedFunctionsChange(remove=id_list(function_ids, "function_ids")).to_json()
        )

    def _change_list(self, method: str, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._transport.is_hosted:
            raise ServiceRefused(
                "the hosted service takes the list of an endpoint's functions from the endpoint itself: write "
                "allowed_functions into its configuration and start it again",
                code="ALLOWED_FUNCTIONS_NOT_SUPPORTED",
            )
        path = f"/v3/endpoints/{endpoint}/allowed_functions"
        return self._transport.call(
            f"change the allowed functions of endpoint {endpoint}",
            lambda pair: pair.v3.request(method, path, data=body),
            json_body,
        )
