"""Containers: what a function is to run in, as it is registered, and as its tasks carry it.

In the task message it has the protocol's own form, `container_id` and `container`. Beside it, in a header (ours), the
same in short, so that an endpoint need not read the message to know where its worker must be.

Source: funcX client, `register_container`; Globus Compute wire protocol, message `task`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .checks import as_object
from .ids import as_id
from .messages import Container, ContainerImage
from .shown import quoted, shown

#: Where an image or a root is named: a command of the endpoint's machine makes a container of it.
DOCKER = "docker"
PODMAN = "podman"
APPTAINER = "apptainer"
SINGULARITY = "singularity"
BUBBLEWRAP = "bubblewrap"  # ours: the location is a directory with a root file system
#: Environments of the endpoint's machine: the location is a directory with a `bin/python`.
VENV = "venv"
CONDA = "conda"

CONTAINER_TYPES = (DOCKER, PODMAN, APPTAINER, SINGULARITY, BUBBLEWRAP, VENV, CONDA)

#: Types whose location is a directory on the endpoint's machine.
_DIRECTORIES = frozenset({BUBBLEWRAP, VENV, CONDA})
#: Longer locations are mistakes.
_MAX_LOCATION_CHARS = 4096
#: So much of a name, which is for people, is in a header.
_MAX_NAME_CHARS = 200


def container_type(value: object, what: str = "container_type") -> str:
    """Check the type of a container.

    Raises:
        TypeError: it is not a string.
        ValueError: there is no such type; lists them.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {shown(value)}")
    if value not in CONTAINER_TYPES:
        raise ValueError(f"{what} {quoted(value)} is not known: it must be one of {', '.join(CONTAINER_TYPES)}")
    return value


def container_location(value: object, type_: str, what: str = "location") -> str:
    """Check where a container is: it ends up in a command line, where it must not be taken for an option.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty, too long, looks like an option, holds control characters, or, of an environment that is
            a directory, is no absolute path.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {shown(value)}")
    if not value.strip():
        raise ValueError(f"{what} is empty: name an image, a file or a directory where the function is to run in")
    if len(value) > _MAX_LOCATION_CHARS:
        raise ValueError(f"{what} has {len(value)} characters, the limit is {_MAX_LOCATION_CHARS}")
    if value.startswith("-") or not value.isprintable():
        raise ValueError(f"{what} {quoted(value)} must not begin with '-' or hold control characters")
    if type_ in _DIRECTORIES and not value.startswith("/"):
        raise ValueError(f"{what} {quoted(value)} of a {type_} must be an absolute path on the endpoint's machine")
    return value


@dataclass(frozen=True, slots=True)
class Environment:
    """A registered container, as a task carries it.

    Attributes:
        type: one of `CONTAINER_TYPES`.
        location: an image, a file or a directory, as the type's command takes it.
        created_at: when it was registered, in seconds since 1970.
    """

    container_id: str
    type: str
    location: str
    name: str = ""
    created_at: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others: two of one type at one place are the same to a worker."""
        return self.type, self.location

    def message(self) -> Container:
        """Give what the task message holds of it."""
        image = ContainerImage(self.type, self.location, self.created_at, self.created_at)
        return Container(self.container_id, self.name, (image,))

    def to_header(self) -> str:
        """Write it for the header of a task."""
        name = self.name[:_MAX_NAME_CHARS]  # a header must fit into one frame of AMQP
        return json.dumps(
            {"container_id": self.container_id, "type": self.type, "location": self.location, "name": name}
        )

    @classmethod
    def from_header(cls, text: object) -> Environment:
        """Read what `to_header` wrote.

        Raises:
            ValueError, TypeError, WireError: it is something else; says what.
        """
        if not isinstance(text, str):
            raise TypeError(f"container must be a string, not a {type(text).__name__}")
        told = as_object(json.loads(text), "container")
        kind = container_type(told.get("type"), "container type")
        location = container_location(told.get("location"), kind, "container location")
        return cls(as_id(told.get("container_id"), "container_id"), kind, location, str(told.get("name") or ""))
