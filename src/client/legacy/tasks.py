"""funcX's calls about tasks: run them, ask for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ...errors import FarpoolError
from ...wire.shown import shown
from .batch import Batch
from .throttling import ThrottledClient

log = logging.getLogger(__name__)


class LegacyTaskCalls:
    """Calls about tasks. Part of `FuncXClient`.

    Attributes:
        session_task_group_id: the task group of all batches that name none; on the hosted service, where the service
            makes it, None before the first batch.
    """

    client: ThrottledClient
    session_task_group_id: str | None

    def run(self, *args: Any, endpoint_id: object = None, function_id: object = None, **kwargs: Any) -> str:
        """Have a registered function run once.

        Args:
            args: its positional arguments.
            endpoint_id: where it runs.
            function_id: the function.
            kwargs: its keyword arguments.

        Returns:
            The task id.
        """
        batch = self.create_batch()
        batch.add(_given(function_id, "function_id"), _given(endpoint_id, "endpoint_id"), args, kwargs)
        return self.batch_run(batch)[0]

    def map_run(self, *args: Any, endpoint_id: object = None, function_id: object = None, **kwargs: Any) -> list[str]:
        """Have a registered function run once for each item of the first argument, in one request.

        Returns:
            The task ids, in order.

        Raises:
            TypeError: there is not exactly one positional argument, or it is not iterable.
            ValueError: it has no items.
        """
        items: Any = args[0] if len(args) == 1 else None
        if not hasattr(items, "__iter__"):
            raise TypeError(f"map_run takes one iterable of arguments, not {shown(args)}")
        where = _given(endpoint_id, "endpoint_id")
        function = _given(function_id, "function_id")
        batch = self.create_batch()
        for item in items:
            batch.add(function, where, (item,), kwargs)
        return self.batch_run(batch)

    def create_batch(self, task_group_id: object = None, create_websocket_queue: bool = False) -> Batch:
        """Make an empty batch.

        Args:
            task_group_id: the task group that its tasks join; None: `session_task_group_id`.
            create_websocket_queue: whether the group is to have a queue for its results.
        """
        group = self.session_task_group_id if task_group_id is None else task_group_id
        return Batch(group, create_websocket_queue, self.client.serializer)

    def batch_run(self, batch: Batch) -> list[str]:
        """Submit a batch: one request for each endpoint in it.

        Returns:
            The task ids, in the order in which the tasks were added.

        Raises:
            TypeError: it is no batch of this client's.
            ValueError: it is empty.
            ServiceError: a request failed. What earlier ones submitted runs; its task ids are in the log.
        """
        if not isinstance(batch, Batch):  # pyright: ignore[reportUnnecessaryIsInstance] - a user may hand in anything
            raise TypeError(f"batch_run takes a Batch, made by create_batch() of a FuncXClient, not {shown(batch)}")
        if not batch.tasks:
            raise ValueError("the batch is empty: add at least one task")
        ids: dict[tuple[str, str], list[str]] = {}
        for endpoint_id, request in batch.requests().items():
            try:
                reply = self.client.submit(endpoint_id, request)
            except FarpoolError:
                if ids:
                    taken = [task_id for task_ids in ids.values() for task_id in task_ids]
                    log.warning(
                        "the batch broke off at endpoint %s; these tasks were submitted: %s", endpoint_id, taken
                    )
                raise
            self.session_task_group_id = self.session_task_group_id or reply.task_group_id
            ids |= {(function_id, endpoint_id): list(task_ids) for function_id, task_ids in reply.tasks.items()}
        return [ids[function_id, endpoint_id].pop(0) for function_id, endpoint_id, _ in batch.tasks]

    def get_task(self, task_id: object) -> dict[str, Any]:
        """Get what the service knows of a task: ``pending``, ``status``, and ``result`` when it has succeeded.

        Raises:
            TaskError: the task failed; what the function raised is of its own type too.
        """
        return self.client.get_task(task_id)

    def get_result(self, task_id: object) -> Any:
        """Get the result of a task.

        Raises:
            TaskPending: there is none yet.
            TaskError: the task failed; what the function raised is of its own type too.
            MaxResultSizeExceeded: it is over 2 MB, and the client is throttled.
        """
        return self.client.get_result(task_id)

    def get_batch_result(self, task_id_list: Iterable[object]) -> dict[str, dict[str, Any]]:
        """Get by task id what `get_task` gives; for a task that failed, its error under ``exception``."""
        if isinstance(task_id_list, (str, UUID)):
            raise TypeError(f"task_id_list must be a list of task ids, not {shown(task_id_list)}")
        return self.client.get_batch_result(task_id_list)

    def get_batch_status(self, task_id_list: Iterable[object]) -> dict[str, dict[str, Any]]:
        """Do as `get_batch_result`, which this was the name of at first."""
        return self.get_batch_result(task_id_list)


def _given(value: object, name: str) -> object:
    if value is None:
        raise TypeError(f"{name}= is missing: name the endpoint and the function, as endpoint_id= and function_id=")
    return value
