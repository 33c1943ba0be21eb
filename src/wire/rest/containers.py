"""Containers, as they are registered and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checks import as_object
from ..containers import container_location, container_type
from .fields import read, read_checked


@dataclass(frozen=True, slots=True)
class ContainerRegistration:
    """A container to register (`POST /v2/containers`).

    Attributes:
        type: one of `wire.containers.CONTAINER_TYPES`.
        location: an image, a file or a directory.
        name, description: for people.
    """

    type: str
    location: str
    name: str = ""
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write the request body."""
        return {"name": self.name, "location": self.location, "type": self.type, "description": self.description}

    @classmethod
    def from_json(cls, body: object) -> ContainerRegistration:
        """Read a request body."""
        body = as_object(body, "body")
        kind = read_checked({"type": read(body, "type", str)}, "type", container_type) or ""
        where = {"location": read(body, "location", str)}
        return cls(
            type=kind,
            location=read_checked(where, "location", lambda value, what: container_location(value, kind, what)) or "",
            name=read(body, "name", str, ""),
            description=read(body, "description", str, ""),
        )
