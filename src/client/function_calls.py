"""The client's calls about functions: register, look at, delete."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..errors import ServiceRefused
from ..serialize import Serializer
from ..wire.ids import as_id
from ..wire.rest import FunctionRegistration
from .bodies import any_body, entries, identity, json_body
from .checks import instance, positive, text, whole
from .functions import registration_of, source_registration

if TYPE_CHECKING:
    from .transport import Transport


class FunctionCalls:
    """Calls about functions. Part of `Client`."""

    _transport: Transport
    serializer: Serializer

    def register_function(  # noqa: PLR0917 - the incumbent's order
        self,
        function: Callable[..., Any],
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        public: bool = False,
        group: object = None,
        ha_endpoint_id: object = None,
        *,
        function_name: str | None = None,
        container_uuid: object = None,
    ) -> str:
        """Register a function with the service.

        Args:
            function: the function.
            description: for people; left out: its docstring. One that is given wins, also an empty one.
            metadata: facts to keep with it. `python_version`, `sdk_version` and `serde_identifier` in it replace what
                farpool would say.
            public: whether anybody may run it.
            group: the Globus group whose members may run it.
            ha_endpoint_id: the one (high-assurance) endpoint that may run it; not together with `public` or `group`.
            function_name: for people; left out: the function's own.
            container_uuid: the container of yours that it runs in, as `register_container` gave it; whoever may run
                the function has its tasks run there. The hosted service has none.

        Returns:
            Its function id.

        Raises:
            TypeError, ValueError: an argument is malformed.
            SerializationError: the function cannot be serialized.
            ServiceError: the service refused it, is down, or answered unreadably.
        """
        return self.register(
            registration_of(
                function,
                self.serializer,
                function_name=function_name,
                description=description,
                metadata=metadata,
                public=public,
                group=group,
                ha_endpoint_id=ha_endpoint_id,
                container_uuid=container_uuid,
            )
        )

    def register_source_code(  # noqa: PLR0917 - the incumbent's order
        self,
        source: str,
        function_name: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        public: bool = False,
        group: object = None,
        ha_endpoint_id: object = None,
        *,
        container_uuid: object = None,
    ) -> str:
        """Register source text in which a function of that name is defined; otherwise as `register_function`."""
        return self.register(
            source_registration(
                source,
                function_name,
                description=description,
                metadata=metadata,
                public=public,
                group=group,
                ha_endpoint_id=ha_endpoint_id,
                container_uuid=container_uuid,
            )
        )

    def register(self, registration: FunctionRegistration) -> str:
        """Send a registration that is made already; gives the function id."""
        instance(registration, FunctionRegistration, "registration")
        if registration.container_uuid is not None and self._transport.is_hosted:
            raise ValueError(
                "container_uuid: the hosted service has no containers; there, an endpoint's configuration says what "
                "its workers run in. Register the function without it"
            )
        body = registration.to_json()
        function_id, warning = self._transport.call(
            f"register function {registration.function_name!r}",
            lambda pair: pair.v3.register_function(body),
            _read_registered,
            sent_bytes=len(registration.function_code),
        )
        if warning:
            warnings.warn(warning, UserWarning, stacklevel=3)
        return function_id

    def get_function(self, function_id: object) -> dict[str, Any]:
        """Get what the service knows of a function.

        Raises:
            NotFound: there is no such function.
        """
        function = as_id(function_id, "function_id")
        return self._transport.call(f"get function {function}", lambda pair: pair.v2.get_function(function), json_body)

    def get_functions(self, limit: int | None = None) -> list[dict[str, Any]]:
        """List your functions, the newest first. Only farpool services can: the hosted one has no such route.

        Args:
            limit: that many at most; None: as many as the service gives.
        """
        number = positive(limit, "limit")
        asked = {} if number is None else {"limit": number}
        return self._transport.call(
            "list functions",
            lambda pair: pair.v3.get("/v3/functions", query_params=asked),
            lambda body: entries(body, "functions"),
        )

    def search_functions(
        self, query: str = "", *, owner: object = None, limit: int | None = None, offset: int = 0
    ) -> list[dict[str, Any]]:
        """Find functions that you may run, the newest first: your own, public ones, and those of your groups.

        Only farpool services can: the hosted one has no such route.

        Args:
            query: words. Each must occur in the name or the description, as a part of a word too; upper and lower case
                are the same. Left out: everything that you may run.
            owner: only functions of this user: their name at the service, or their id.
            limit: that many at most; None: as many as the service gives.
            offset: leave out that many of the first, to go on after an earlier answer.

        Returns:
            One dict per function, as of `get_function`, without the code and with the `owner_name`.

        Raises:
            TypeError, ValueError: an argument is malformed.
            ServiceRefused: the service is the hosted one.
        """
        asked = {
            "query": text(query, "query", may_be_empty=True),
            "owner": None if owner is None else text(str(owner) if isinstance(owner, UUID) else owner, "owner"),
            "limit": positive(limit, "limit"),
            "offset": whole(offset, "offset"),
        }
        if self._transport.is_hosted:
            raise ServiceRefused(
                "the hosted service cannot look for functions: it knows them by their ids alone. Use a farpool service",
                code="SEARCH_NOT_SUPPORTED",
            )
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        return self._transport.call(
            "search functions",
            lambda pair: pair.v3.get("/v3/functions/search", query_params=given),
            lambda body: entries(body, "functions"),
        )

    def delete_function(self, function_id: object) -> Any:
        """Delete a function; tasks that were submitted with it still run.

        Raises:
            NotFound: there is no such function.
        """
        function = as_id(function_id, "function_id")
        return self._transport.call(
            f"delete function {function}", lambda pair: pair.v2.delete_function(function), any_body
        )


def _read_registered(body: Any) -> tuple[str, str]:
    return identity(body, "function_uuid"), str(json_body(body).get("ha_warning") or "")
