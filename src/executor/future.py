"""The Future of a task that runs somewhere else."""

from __future__ import annotations

import concurrent.futures
from typing import TypeVar

T = TypeVar("T")


class Future(concurrent.futures.Future[T]):
    """A standard `concurrent.futures.Future` that knows which task it stands for.

    Attributes:
        task_id: the task's id, once the service has taken it; None before.
        task_group_id: the task group it belongs to, once it is known.
        endpoint_id: the endpoint it was sent to.
        function_id: the function it runs.
    """

    def __init__(self, *, endpoint_id: str | None = None, function_id: str | None = None) -> None:
        super().__init__()
        self.task_id: str | None = None
        self.task_group_id: str | None = None
        self.endpoint_id = endpoint_id
        self.function_id = function_id
