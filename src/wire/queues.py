"""Queue names, routing keys and the shapes in which credentials for a queue travel.

Source: Globus Compute wire protocol, AMQP. Names marked *ours* are free: clients and endpoints take them from the
credentials they are given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import WireError
from .blobs import to_header
from .checks import as_object
from .containers import Environment

RESULTS_EXCHANGE = "results"  # ours
RESULTS_QUEUE = "results"  # ours
HEARTBEATS_EXCHANGE = "heartbeats"  # ours
HEARTBEATS_QUEUE = "heartbeats"  # ours


def task_queue(endpoint_id: str) -> str:
    """Name the queue an endpoint takes its tasks from (ours)."""
    return f"{endpoint_id}.tasks"


def command_queue(endpoint_id: str) -> str:
    """Name the queue a manager endpoint takes its commands from (ours)."""
    return f"{endpoint_id}.commands"


def cancel_queue(endpoint_id: str) -> str:
    """Name the queue an endpoint hears from which tasks are no longer wanted (ours)."""
    return f"{endpoint_id}.cancels"


def results_routing_key(endpoint_id: str) -> str:
    """Name the routing key an endpoint publishes results with (ours)."""
    return f"{endpoint_id}.results"


def heartbeats_routing_key(endpoint_id: str) -> str:
    """Name the routing key an endpoint publishes its reports with (ours)."""
    return f"{endpoint_id}.heartbeats"


def result_queue(queue_prefix: str, task_group_id: str) -> str:
    """Name the queue a client takes the results of a task group from (fixed by the protocol)."""
    return f"{queue_prefix}{task_group_id}"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """Where a queue is and how to get in, as the service gives it to an endpoint.

    Attributes:
        connection_url: ``amqp[s]://user:password@host:port/vhost``.
        queue: the queue to consume from, or, for one that is published to, to check for.
        exchange, routing_key: where to publish; None for a queue that is only consumed.
    """

    connection_url: str
    queue: str
    exchange: str | None = None
    routing_key: str | None = None

    def __repr__(self) -> str:
        return f"QueueInfo(queue={self.queue!r}, exchange={self.exchange!r}, routing_key={self.routing_key!r})"

    def to_json(self) -> dict[str, Any]:
        """Write the shape an endpoint reads."""
        body: dict[str, Any] = {"connection_url": self.connection_url, "queue": self.queue}
        if self.exchange is not None:
            body["exchange"] = self.exchange
            body["queue_publish_kwargs"] = {
                "exchange": self.exchange,
                "routing_key": self.routing_key,
                "mandatory": True,
                "properties": {"delivery_mode": 2},
            }
        return body

    @classmethod
    def from_json(cls, body: object) -> QueueInfo:
        """Read the shape a service writes.

        Raises:
            WireError: a required key is missing, or one is of the wrong type; names it.
        """
        body = as_object(body, "queue credentials")
        for key in ("connection_url", "queue"):
            if not isinstance(body.get(key), str):
                raise WireError(f"queue credentials without {key!r}")
        publish = as_object(body.get("queue_publish_kwargs") or {}, "'queue_publish_kwargs'")
        exchange = publish.get("exchange", body.get("exchange"))
        routing_key = publish.get("routing_key")
        for key, value in (("exchange", exchange), ("routing_key", routing_key)):
            if not isinstance(value, str | None):
                raise WireError(f"queue credentials with {key!r} of type {type(value).__name__}")
        return cls(body["connection_url"], body["queue"], exchange, routing_key)


def task_headers(
    task_id: str,
    function_id: str,
    resource_specification: Mapping[str, Any] | None = None,
    result_serializers: Sequence[str] | None = None,
    *,
    timeout_s: float | None = None,
    priority: int | None = None,
    movable: bool | None = None,
    takes_blobs: bool = False,
    blobs: Mapping[str, int] | None = None,
    container: Environment | None = None,
) -> dict[str, Any]:
    """Write the AMQP headers of a task message; endpoints require the first two, and ignore what they do not know.

    The keyword arguments are ours. The time-out travels as text: not every AMQP library writes fractions.
    """
    headers: dict[str, Any] = {"task_uuid": task_id, "function_uuid": function_id}
    if resource_specification:
        headers["resource_specification"] = json.dumps(resource_specification)
    if result_serializers:
        headers["result_serializers"] = list(result_serializers)
    if timeout_s is not None:
        headers["timeout_s"] = repr(timeout_s)
    if priority is not None:
        headers["priority"] = str(priority)  # as text: not every AMQP library writes small negative numbers
    if movable:
        headers["movable"] = True
    if takes_blobs:
        headers["takes_blobs"] = True
    if blobs:
        headers["blobs"] = to_header(blobs)
    if container is not None:
        headers["container"] = container.to_header()
    return headers


def cancel_headers(*, running: bool) -> dict[str, Any]:
    """Write the AMQP headers of a `task_cancel` message (ours): whether a task that runs is to be stopped, too."""
    return {"running": running}
