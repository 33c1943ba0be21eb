"""Batch: tasks that are submitted together in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..serialize import Serializer, StrategyLike, as_serializer, paths_of
from ..wire.ids import as_id
from ..wire.rest import SubmitRequest
from .checks import arguments, flag, json_object, keywords
from .runtime import user_runtime as runtime_facts


class Batch:
    """Tasks for one endpoint, collected; `Client.batch_run` submits them. Not for several threads at once.

    Args:
        task_group_id: the task group they join; None: the service makes one.
        resource_specification: resources for each task, as the endpoint's engine understands them.
        user_endpoint_config: values for the endpoint's configuration template.
        request_queue: whether the group needs a result queue (an Executor's does).
        serializer: packs the arguments; None: a `Serializer()`.
        user_runtime: facts about the caller's Python; None: those of this process.
        result_serializers: strategies for results, as objects, classes or import paths, in the order in which they are
            tried.

    Raises:
        TypeError, ValueError: an argument is malformed.
    """

    def __init__(  # noqa: PLR0917 - the incumbent's order
        self,
        task_group_id: object = None,
        resource_specification: Mapping[str, Any] | None = None,
        user_endpoint_config: Mapping[str, Any] | None = None,
        request_queue: bool = False,
        serializer: Serializer | None = None,
        user_runtime: Mapping[str, Any] | None = None,
        result_serializers: Sequence[StrategyLike] | None = None,
    ) -> None:
        self.task_group_id = task_group_id
        self.resource_specification = json_object(resource_specification, "resource_specification")
        self.user_endpoint_config = json_object(user_endpoint_config, "user_endpoint_config")
        self.request_queue = flag(request_queue, "request_queue")
        self.user_runtime = runtime_facts() if user_runtime is None else json_object(user_runtime, "user_runtime")
        self.result_serializers = paths_of(result_serializers, "result_serializers")
        #: Packed arguments by function id, in the order in which they were added.
        self.tasks: dict[str, list[str]] = {}
        self._serializer = Serializer() if serializer is None else as_serializer(serializer)

    @property
    def task_group_id(self) -> str | None:
        """The task group that the tasks join, or None. May be set."""
        return self._task_group_id

    @task_group_id.setter
    def task_group_id(self, value: object) -> None:
        self._task_group_id = None if value is None else as_id(value, "task_group_id")

    def add(
        self, function_id: object, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Add one call of a function.

        Args:
            function_id: the function.
            args: its positional arguments, a tuple or list.
            kwargs: its keyword arguments, a dict with strings as keys.

        Raises:
            TypeError, ValueError: the id is malformed, or the arguments are not a tuple and a dict.
            SerializationError: an argument cannot be sent; names it. The batch is as it was before.
        """
        name = as_id(function_id, "function_id")
        payload = self._serializer.pack_arguments(arguments(args), keywords(kwargs))
        self.tasks.setdefault(name, []).append(payload)

    def request(self) -> SubmitRequest:
        """Make the request that submits the batch."""
        return SubmitRequest(
            tasks=self.tasks,
            create_queue=self.request_queue,
            task_group_id=self.task_group_id,
            resource_specification=self.resource_specification,
            user_endpoint_config=self.user_endpoint_config,
            result_serializers=self.result_serializers,
            user_runtime=self.user_runtime,
        )

    def prepare(self) -> dict[str, Any]:
        """Make the body of that request, as a dict for a JSON encoder."""
        return self.request().to_json()

    def __len__(self) -> int:
        """Count the tasks, over all functions."""
        return sum(map(len, self.tasks.values()))

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} tasks for {len(self.tasks)} functions, task group {self.task_group_id}>"
