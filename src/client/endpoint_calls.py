"""The client's calls about endpoints: register, look at, stop, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..wire.ids import as_id
from ..wire.rest import EndpointRegistration
from ..wire.shown import quoted
from .bodies import any_body, entries, json_body
from .checks import flag_or_none, ids, json_object, text

if TYPE_CHECKING:
    from .transport import Transport


class EndpointCalls:
    """Calls about endpoints. Part of `Client`."""

    _transport: Transport

    def register_endpoint(  # noqa: PLR0917 - the incumbent's order
        self,
        name: str,
        endpoint_id: object = None,
        metadata: Mapping[str, Any] | None = None,
        multi_user: bool | None = None,
        display_name: str | None = None,
        allowed_functions: Iterable[object] | None = None,
        auth_policy: object = None,
        subscription_id: object = None,
        public: bool | None = None,
        high_assurance: bool | None = None,
        admins: Iterable[object] | None = None,
    ) -> dict[str, Any]:
        """Register an endpoint, or register one again that has an id.

        Args:
            name: its name: at most 128 characters, no blanks, slashes or quotes, no dot in front.
            endpoint_id: its id, when it has been registered before.
            metadata: facts about it.
            multi_user: whether it starts user endpoints for others.
            display_name: its name for people.
            allowed_functions: the only functions it runs; None: any.
            auth_policy: the authentication policy for those who use it.
            subscription_id: the subscription it belongs to.
            public: whether anybody can find it.
            high_assurance: whether it is a high-assurance one.
            admins: identities that may administer it besides its owner.

        Returns:
            ``endpoint_id`` and the credentials of its queues, as the service gives them: see `wire.queues.QueueInfo`.

        Raises:
            TypeError, ValueError: an argument is malformed.
            ServiceError: the service refused it (409, 423: for now), is down, or answered unreadably.
        """
        registration = EndpointRegistration(
            endpoint_name=_name(name),
            display_name=None if display_name is None else text(display_name, "display_name"),
            multi_user=bool(flag_or_none(multi_user, "multi_user")),
            metadata=json_object(metadata, "metadata") or {},
            allowed_functions=ids(allowed_functions, "allowed_functions"),
            authentication_policy=None if auth_policy is None else as_id(auth_policy, "auth_policy"),
            subscription_uuid=None if subscription_id is None else as_id(subscription_id, "subscription_id"),
            public=flag_or_none(public, "public"),
            high_assurance=flag_or_none(high_assurance, "high_assurance"),
            admins=ids(admins, "admins"),
        )
        body = registration.to_json()
        if endpoint_id is None:
            return self._transport.call(
                f"register endpoint {name!r}",
                lambda pair: pair.v3.register_endpoint(body),
                json_body,
                idempotent=False,
            )
        endpoint = as_id(endpoint_id, "endpoint_id")
        return self._transport.call(
            f"register endpoint {endpoint} ({name!r})",
            lambda pair: pair.v3.update_endpoint(endpoint, body),
            json_body,
        )

    def get_endpoint_status(self, endpoint_uuid: object) -> dict[str, Any]:
        """Get whether an endpoint is ``"online"`` or ``"offline"`` (``status``), and its last report (``details``)."""
        endpoint = as_id(endpoint_uuid, "endpoint_uuid")
        return self._transport.call(
            f"get the status of endpoint {endpoint}", lambda pair: pair.v2.get_endpoint_status(endpoint), json_body
        )

    def get_endpoint_metadata(self, endpoint_uuid: object) -> dict[str, Any]:
        """Get what the service knows of an endpoint."""
        endpoint = as_id(endpoint_uuid, "endpoint_uuid")
        return self._transport.call(f"get endpoint {endpoint}", lambda pair: pair.v2.get_endpoint(endpoint), json_body)

    def get_endpoints(self, role: str | None = None) -> list[dict[str, Any]]:
        """List endpoints.

        Args:
            role: ``"owner"``: yours; ``"any"``: all that you may use. Left out: the service's choice, ``"owner"``.
        """
        asked = {} if role is None else {"role": text(role, "role")}
        return self._transport.call(
            "list endpoints",
            lambda pair: pair.v2.get("/v2/endpoints", query_params=asked),
            lambda body: entries(body, "endpoints"),
        )

    def stop_endpoint(self, endpoint_id: object) -> Any:
        """Have the service drop an endpoint's connections and refuse its registration for a while, so that it stops."""
        endpoint = as_id(endpoint_id, "endpoint_id")
        return self._transport.call(f"stop endpoint {endpoint}", lambda pair: pair.v3.lock_endpoint(endpoint), any_body)

    def delete_endpoint(self, endpoint_id: object) -> Any:
        """Delete an endpoint: it can take no more tasks, and cannot be registered again under its id."""
        endpoint = as_id(endpoint_id, "endpoint_id")
        return self._transport.call(
            f"delete endpoint {endpoint}", lambda pair: pair.v2.delete_endpoint(endpoint), any_body
        )


def _name(name: object) -> str:
    checked = text(name, "name")
    if len(checked) > 128 or checked.startswith(".") or any(one.isspace() or one in "/\\'\"" for one in checked):
        raise ValueError(
            f"name {quoted(checked)} is no name for an endpoint: at most 128 characters, no blanks, slashes or quotes, "
            "no dot in front"
        )
    return checked
