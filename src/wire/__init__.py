"""The wire: message envelopes, packed payloads, REST bodies and queue names, as pure functions and frozen values.

Nothing here does I/O or starts anything. Names on the wire are spelt exactly as on the wire, and only here.
Source: the Globus Compute wire protocol, as written down in `docs/protocol.md`.
"""

from .bounds import as_priority, as_timeout
from .envelope import decode, encode
from .ids import as_id, new_id
from .messages import (
    Container,
    ContainerImage,
    EndpointStatusReport,
    ErrorDetails,
    ManagerStatusReport,
    Message,
    Result,
    Task,
    TaskCancel,
    TaskTransition,
)
from .packing import pack, unpack
from .states import Actor, TaskState

__all__ = [
    "Actor",
    "Container",
    "ContainerImage",
    "EndpointStatusReport",
    "ErrorDetails",
    "ManagerStatusReport",
    "Message",
    "Result",
    "Task",
    "TaskCancel",
    "TaskState",
    "TaskTransition",
    "as_id",
    "as_priority",
    "as_timeout",
    "decode",
    "encode",
    "new_id",
    "pack",
    "unpack",
]
