"""What waits to be sent: a task, the route it takes, and the batch it is sent in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...wire.rest import SubmitRequest
from ..endpoints import Endpoints
from ..functions.registry import Registered
from ..future import Future
from ..retry import NO_RETRY, Retry


@dataclass(frozen=True, slots=True)
class Route:
    """Where a task goes and how it is to be run there: tasks of one route can share a request.

    Attributes:
        task_group_id: the group asked for; None for the executor's own.
        resource_specification, user_endpoint_config: JSON text, so that routes compare and hash by value.
        result_serializers: import paths, tried in order.
        timeout_s: seconds for which the task may run, or None.
        priority: which waiting tasks the endpoint begins first: those with the higher number.
        movable: whether the task may go to another endpoint as long as it has not begun.
    """

    endpoint_id: str
    task_group_id: str | None = None
    resource_specification: str | None = None
    user_endpoint_config: str | None = None
    result_serializers: tuple[str, ...] = ()
    timeout_s: float | None = None
    priority: int = 0
    movable: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One call, packed when it was submitted: what the caller changes later does not matter.

    Attributes:
        retry: whether and when it is tried again, when it fails.
        due: the `time.monotonic` figure by which its future must have an outcome, or None.
        function: what registers its function again, if the service has forgotten it.
        endpoints: where it may run, when that is at several endpoints.
    """

    route: Route
    function_id: str
    payload: str
    future: Future[Any]
    retry: Retry = NO_RETRY
    due: float | None = None
    function: Registered | None = None
    endpoints: Endpoints | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks of one route, in the order of their submission: what goes into one request."""

    route: Route
    tasks: Sequence[Task]

    def by_function(self) -> dict[str, list[Task]]:
        """Group the tasks as the request does: per function, in order."""
        groups: dict[str, list[Task]] = {}
        for task in self.tasks:
            groups.setdefault(task.function_id, []).append(task)
        return groups

    def request(self, task_group_id: str | None, user_runtime: Mapping[str, Any], *, extended: bool) -> SubmitRequest:
        """Build the body to send.

        Args:
            extended: whether the service knows of time-outs, priorities and tasks that move.
            task_group_id: the executor's own group, for a route that names none; None while there is none yet.
            user_runtime: facts about this Python, for endpoint templates.
        """
        route = self.route
        return SubmitRequest(
            tasks={function_id: [one.payload for one in tasks] for function_id, tasks in self.by_function().items()},
            create_queue=True,
            task_group_id=route.task_group_id or task_group_id,
            resource_specification=_loads(route.resource_specification),
            user_endpoint_config=_loads(route.user_endpoint_config),
            result_serializers=route.result_serializers or None,
            user_runtime=user_runtime,
            timeout_s=route.timeout_s if extended else None,
            priority=(route.priority or None) if extended else None,
            movable=(route.movable or None) if extended else None,
        )


def _loads(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else json.loads(text)
