"""Functions and endpoints, as they are registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..checks import as_object
from ..packing import pack
from .fields import drop_none, read, read_id

#: In the metadata of an endpoint (ours): that it hears from a queue of its own which tasks are no longer wanted.
TAKES_CANCELS = "takes_cancels"
#: Beside it: that no worker begins a movable task before the service has heard so.
TELLS_BEGUN = "tells_begun"
#: Likewise (ours): that it can read arguments by reference.
TAKES_BLOBS = "takes_blobs"


@dataclass(frozen=True, slots=True)
class FunctionRegistration:
    """A function to register (`POST /v3/functions`).

    Attributes:
        function_code: `pack([serialised function])`, or, where `serialized` is False, bare source text.
        meta: `python_version`, `sdk_version`, `serde_identifier`.
        public: whether anybody may run it.
        group: the Globus group whose members may run it.
        metadata: free facts of the user's own.
        container_uuid: the container that it runs in (farpool's services only).
    """

    function_name: str
    function_code: str
    serialized: bool = True
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    description: str | None = None
    public: bool = False
    group: str | None = None
    ha_endpoint_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    container_uuid: str | None = None

    @property
    def packed_code(self) -> str:
        """The packed code as a task buffer begins with it: bare source becomes an `st` buffer."""
        if self.serialized:
            return self.function_code
        return pack([f"st\n{self.function_name}:{self.function_code}"])

    def to_json(self) -> dict[str, Any]:
        """Write the request body."""
        return drop_none(
            {
                "function_name": self.function_name,
                "function_code": self.function_code,
                "serialized": self.serialized,
                "meta": dict(self.meta),
                "description": self.description,
                "public": self.public or None,
                "group": self.group,
                "ha_endpoint_id": self.ha_endpoint_id,
                "metadata": None if self.metadata is None else dict(self.metadata),
                "container_uuid": self.container_uuid,
            }
        )

    @classmethod
    def from_json(cls, body: object) -> FunctionRegistration:
        """Read a request body."""
        body = as_object(body, "body")
        return cls(
            function_name=read(body, "function_name", str),
            function_code=read(body, "function_code", str),
            serialized=read(body, "serialized", bool, True),
            meta=read(body, "meta", dict, {}),
            description=read(body, "description", str, None),
            public=read(body, "public", bool, False),
            group=None if body.get("group") is None else read_id(body["group"], "group"),
            ha_endpoint_id=read(body, "ha_endpoint_id", str, None),
            metadata=read(body, "metadata", dict, None),
            container_uuid=None
            if body.get("container_uuid") is None
            else read_id(body["container_uuid"], "container_uuid"),
        )


@dataclass(frozen=True, slots=True)
class EndpointRegistration:
    """An endpoint to register (`POST /v3/endpoints`, `PUT /v3/endpoints/{id}`)."""

    endpoint_name: str
    display_name: str | None = None
    multi_user: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    allowed_functions: Sequence[str] | None = None
    authentication_policy: str | None = None
    subscription_uuid: str | None = None
    public: bool | None = None
    high_assurance: bool | None = None
    admins: Sequence[str] | None = None

    @property
    def is_manager(self) -> bool:
        """Whether it starts user endpoints and runs no task itself (every `globus-compute-endpoint` 4.x does)."""
        return self.multi_user or "user_config_template" in self.metadata

    @property
    def takes_cancels(self) -> bool:
        """Whether it can be told which tasks are no longer wanted: farpool's own can."""
        return self.metadata.get(TAKES_CANCELS) is True and not self.is_manager

    @property
    def tells_begun(self) -> bool:
        """Whether a movable task that it has not spoken of has certainly not begun there."""
        return self.takes_cancels and self.metadata.get(TELLS_BEGUN) is True

    @property
    def takes_blobs(self) -> bool:
        """Whether it can read arguments by reference: farpool's own can."""
        return self.metadata.get(TAKES_BLOBS) is True and not self.is_manager

    def to_json(self) -> dict[str, Any]:
        """Write the request body."""
        return drop_none(
            {
                "endpoint_name": self.endpoint_name,
                "display_name": self.display_name,
                "multi_user": self.multi_user or None,
                "metadata": dict(self.metadata) or None,
                "allowed_functions": None if self.allowed_functions is None else list(self.allowed_functions),
                "authentication_policy": self.authentication_policy,
                "subscription_uuid": self.subscription_uuid,
                "public": self.public,
                "high_assurance": self.high_assurance,
                "admins": None if self.admins is None else list(self.admins),
            }
        )

    @classmethod
    def from_json(cls, body: object) -> EndpointRegistration:
        """Read a request body."""
        body = as_object(body, "body")
        functions = read(body, "allowed_functions", list, None)
        admins = read(body, "admins", list, None)
        return cls(
            endpoint_name=read(body, "endpoint_name", str),
            display_name=read(body, "display_name", str, None),
            multi_user=read(body, "multi_user", bool, False),
            metadata=read(body, "metadata", dict, {}),
            allowed_functions=functions and [read_id(one, "allowed_functions") for one in functions],
            authentication_policy=read(body, "authentication_policy", str, None),
            subscription_uuid=read(body, "subscription_uuid", str, None),
            public=read(body, "public", bool, None),
            high_assurance=read(body, "high_assurance", bool, None),
            admins=admins and [read_id(one, "admins") for one in admins],
        )
