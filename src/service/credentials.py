"""Credentials: what endpoints and clients are given to reach their queues."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..wire import queues
from ..wire.queues import QueueInfo
from .broker import Broker

#: Addresses that mean all of a machine's: one can listen there, and not connect from elsewhere.
_ALL_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def reachable(connection_url: str, reached_at: str | None) -> str:
    """Write a connection URL so that whoever reached the service can reach the broker.

    Args:
        connection_url: as the broker issues it.
        reached_at: the host name under which the service was reached: where the embedded broker listens on all
            addresses, it is there too.
    """
    parts = urlsplit(connection_url)
    if reached_at is None or parts.hostname not in _ALL_ADDRESSES:
        return connection_url
    userinfo = parts.netloc.rpartition("@")[0]
    host = f"[{reached_at}]" if ":" in reached_at else reached_at
    return urlunsplit(parts._replace(netloc=f"{userinfo}@{host}:{parts.port}"))


def endpoint_credentials(broker: Broker, endpoint_id: str, reached_at: str | None) -> dict[str, Any]:
    """Write the queue credentials of an endpoint that runs tasks."""
    url = reachable(broker.endpoint_url(endpoint_id), reached_at)
    return {
        "task_queue_info": QueueInfo(url, queues.task_queue(endpoint_id)).to_json(),
        "result_queue_info": QueueInfo(
            url, queues.RESULTS_QUEUE, queues.RESULTS_EXCHANGE, queues.results_routing_key(endpoint_id)
        ).to_json(),
        "heartbeat_queue_info": QueueInfo(
            url, queues.HEARTBEATS_QUEUE, queues.HEARTBEATS_EXCHANGE, queues.heartbeats_routing_key(endpoint_id)
        ).to_json(),
    }


def cancel_credentials(broker: Broker, endpoint_id: str, reached_at: str | None) -> dict[str, Any]:
    """Write the queue credentials, ours, of an endpoint that can be told which tasks are no longer wanted."""
    url = reachable(broker.endpoint_url(endpoint_id), reached_at)
    return {"cancel_queue_info": QueueInfo(url, queues.cancel_queue(endpoint_id)).to_json()}


def manager_credentials(broker: Broker, endpoint_id: str, reached_at: str | None) -> dict[str, Any]:
    """Write the queue credentials of a manager: it takes commands and runs no task."""
    url = reachable(broker.endpoint_url(endpoint_id), reached_at)
    return {
        "command_queue_info": QueueInfo(url, queues.command_queue(endpoint_id)).to_json(),
        "heartbeat_queue_info": endpoint_credentials(broker, endpoint_id, reached_at)["heartbeat_queue_info"],
    }
