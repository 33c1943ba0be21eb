"""The client's calls about containers: register, look at, list, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ServiceRefused
from ..wire.containers import container_location
from ..wire.containers import container_type as checked_type
from ..wire.ids import as_id
from ..wire.jsontext import dumps
from ..wire.rest import ContainerRegistration
from .bodies import any_body, entries, identity, json_body
from .checks import positive, text

if TYPE_CHECKING:
    from .transport import Transport


class ContainerCalls:
    """Calls about containers. Part of `Client`. Only farpool services have them."""

    _transport: Transport

    def register_container(self, location: str, container_type: str, name: str = "", description: str = "") -> str:
        """Register what functions are to run in: a container's image, or an environment of an endpoint's machine.

        Args:
            location: an image (``docker``, ``podman``), an image or its file (``apptainer``, ``singularity``), or a
                directory on the endpoint's machine (``venv``, ``conda``; ``bubblewrap``: one with a root file system).
            container_type: one of the types above.
            name: for people.
            description: for people.

        Returns:
            Its id, for `register_function(..., container_uuid=)`.

        Raises:
            TypeError, ValueError: an argument is malformed, or there is no such type.
            ServiceRefused: the service is the hosted one.
        """
        kind = checked_type(container_type)
        registration = ContainerRegistration(
            kind,
            container_location(location, kind),
            name=text(name, "name", may_be_empty=True),
            description=text(description, "description", may_be_empty=True),
        )
        self._require("register a container")
        body = dumps(registration.to_json())
        return self._transport.call(
            f"register container {location!r}",
            lambda pair: pair.v2.post("/v2/containers", data=body, headers={"Content-Type": "application/json"}),
            lambda answer: identity(answer, "container_id"),
        )

    def get_container(self, container_uuid: object, container_type: str | None = None) -> dict[str, Any]:
        """Get what the service knows of a container of yours.

        Args:
            container_uuid: its id.
            container_type: the type that it must be of; None: any.

        Returns:
            ``container_uuid``, ``name``, ``type``, ``location``, ``description``, ``owner`` and ``created_at``.

        Raises:
            NotFound: it is of another type.
            AccessDenied: there is none of yours with that id.
        """
        container = as_id(container_uuid, "container_uuid")
        path = f"/v2/containers/{container}" + ("" if container_type is None else f"/{checked_type(container_type)}")
        self._require(f"get container {container}")
        return self._transport.call(
            f"get container {container}",
            lambda pair: pair.v2.get(path),
            lambda answer: json_body(json_body(answer).get("container")),
        )

    def get_containers(self, limit: int | None = None) -> list[dict[str, Any]]:
        """List your containers, the newest first.

        Args:
            limit: that many at most; None: as many as the service gives.
        """
        number = positive(limit, "limit")
        asked = {} if number is None else {"limit": number}
        self._require("list containers")
        return self._transport.call(
            "list containers",
            lambda pair: pair.v2.get("/v2/containers", query_params=asked),
            lambda body: entries(body, "containers"),
        )

    def delete_container(self, container_uuid: object) -> Any:
        """Delete a container of yours that no function runs in any more.

        Raises:
            ServiceRefused: a function runs in it (409); names it.
            AccessDenied: there is none of yours with that id.
        """
        container = as_id(container_uuid, "container_uuid")
        self._require(f"delete container {container}")
        return self._transport.call(
            f"delete container {container}", lambda pair: pair.v2.delete(f"/v2/containers/{container}"), any_body
        )

    def _require(self, what: str) -> None:
        if self._transport.is_hosted:
            raise ServiceRefused(
                f"cannot {what}: the hosted service keeps no containers; there, an endpoint's configuration says what "
                "its workers run in (container_type and container_uri of its engine)",
                code="CONTAINERS_NOT_SUPPORTED",
            )
