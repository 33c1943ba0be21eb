"""The client's calls about tasks: submit them, list them, find where their results come."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import AccessDenied, ServiceError, WireError
from ..serialize import Serializer, StrategyLike
from ..wire.blobs import BLOB_NOT_FOUND
from ..wire.ids import as_id, new_id
from ..wire.jsontext import dumps, exact
from ..wire.rest import ResultQueue, SubmitReply, SubmitRequest, is_shared_with_caller, read_task_group
from ..wire.shown import quoted, shown
from ..wire.states import TaskState
from .batch import Batch
from .bodies import entries
from .checks import flag, instance, positive, text
from .lost import uncertain
from .runtime import user_runtime

if TYPE_CHECKING:
    from .transport import Transport


class TaskCalls:
    """Calls about tasks. Part of `Client`."""

    _transport: Transport
    serializer: Serializer
    forget_blobs: Callable[[], None]

    @property
    def is_hosted(self) -> bool:
        """Whether the service is the hosted one: it has limits on the rate and size of requests."""
        return self._transport.is_hosted

    def run(self, *args: Any, endpoint_id: object, function_id: object, **kwargs: Any) -> str:
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
        batch.add(function_id, args, kwargs)
        reply = self.submit(endpoint_id, batch.request())
        return next(iter(reply.tasks.values()))[0]

    def create_batch(
        self,
        task_group_id: object = None,
        resource_specification: Mapping[str, Any] | None = None,
        user_endpoint_config: Mapping[str, Any] | None = None,
        create_websocket_queue: bool = False,
        result_serializers: Sequence[StrategyLike] | None = None,
    ) -> Batch:
        """Make an empty batch; see `Batch` for the arguments. `create_websocket_queue` is its `request_queue`."""
        flag(create_websocket_queue, "create_websocket_queue")
        return Batch(
            task_group_id,
            resource_specification,
            user_endpoint_config,
            create_websocket_queue,
            self.serializer,
            result_serializers=result_serializers,
        )

    def batch_run(self, endpoint_id: object, batch: Batch) -> dict[str, Any]:
        """Submit a batch.

        Args:
            endpoint_id: where it runs.
            batch: what to run.

        Returns:
            ``tasks`` (task ids by function id, in the order in which they were added), ``task_group_id``,
            ``endpoint_id`` and ``request_id``.

        Raises:
            ValueError: the batch is empty.
        """
        return self.submit(endpoint_id, _checked(batch).request()).to_json()

    def submit(self, endpoint_id: object, request: SubmitRequest, *, idempotency_key: str | None = None) -> SubmitReply:
        """Submit tasks. Blocks until the service has answered.

        A request whose answer was lost is sent again under the same idempotency key. A farpool service knows the key
        and gives the first answer again. The hosted service does not, so there it is not sent again: it is not known
        whether the tasks run. A request that never left is repeated safely everywhere.

        Args:
            endpoint_id: where they run.
            request: the tasks; facts about this Python are added where it has none.
            idempotency_key: names the request, for a program that may have to send it again; left out: a new one. Under
                one key a farpool service takes tasks once, as long as it remembers these.

        Returns:
            The answer, with one task id for every task.

        Raises:
            ValueError: there is no task in it.
            TaskUncertain: the answer was lost, and the service may have taken the tasks.
            ServiceError: the service refused it, is down, or answered unreadably.
        """
        place = as_id(endpoint_id, "endpoint_id")
        instance(request, SubmitRequest, "request")
        if idempotency_key is not None:
            text(idempotency_key, "idempotency_key")
        count = sum(map(len, request.tasks.values()))
        if not count:
            raise ValueError("there is no task to submit: add at least one")
        if request.user_runtime is None:
            request = replace(request, user_runtime=user_runtime())
        if not self.is_hosted:
            request = replace(request, takes_blobs=True)
        body = _encoded(request)

        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or new_id()}

        def read(answer: Any) -> SubmitReply:
            reply = SubmitReply.from_json(answer)
            _require_all(request, reply)
            return reply

        try:
            reply = self._transport.call(
                f"submit {count} tasks to endpoint {place}",
                # Bytes go out as they are: a dict would be copied element by element and encoded by globus-sdk.
                lambda pair: pair.v3.post(f"/v3/endpoints/{place}/submit", data=body, headers=headers),
                read,
                once=self.is_hosted,
                sent_bytes=len(body),
            )
        except ServiceError as error:
            if self.is_hosted and error.perhaps_done:
                raise uncertain(error, place) from error
            if error.code == BLOB_NOT_FOUND:
                self.forget_blobs()
            raise
        if reply.ha_warning:
            warnings.warn(reply.ha_warning, UserWarning, stacklevel=2)
        return reply

    def get_task_group(self, task_group_id: object) -> list[str]:
        """Get the ids of the tasks in a task group.

        Raises:
            NotFound: there is no such group.
            AccessDenied: it is not yours, nor shared with you; or is not there, which is the same to who may not know.
        """
        return self._task_group(as_id(task_group_id, "task_group_id"), own=False)

    def get_own_task_group(self, task_group_id: object) -> list[str]:
        """Get the ids of the tasks in a task group whose results come to a queue of yours.

        Raises:
            NotFound, AccessDenied: as for `get_task_group`; or it is somebody else's, who shares it with you.
        """
        return self._task_group(as_id(task_group_id, "task_group_id"), own=True)

    def _task_group(self, group: str, *, own: bool) -> list[str]:
        def read(body: Any) -> list[str]:
            answered, task_ids = read_task_group(body)
            if own and is_shared_with_caller(body):
                raise AccessDenied(
                    f"task group {group} is somebody else's, who shares it with you, and its results go to them: ask "
                    "for what is finished with Client.get_batch_result(client.get_task_group(...))",
                    code="TASK_GROUP_ACCESS_FORBIDDEN",
                )
            if answered != group:
                raise WireError(f"it is about task group {answered}")
            return task_ids

        return self._transport.call(f"get task group {group}", lambda pair: pair.v2.get_task_group(group), read)

    def get_tasks(
        self,
        *,
        task_group_id: object = None,
        endpoint_id: object = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """List your tasks, the newest first. Only farpool services can: the hosted one has no such route.

        Args:
            task_group_id: only those of that group.
            endpoint_id: only those on that endpoint.
            status: only those in that state, such as "running".
            limit: that many at most; None: as many as the service gives.
        """
        query = {
            "task_group_id": None if task_group_id is None else as_id(task_group_id, "task_group_id"),
            "endpoint_id": None if endpoint_id is None else as_id(endpoint_id, "endpoint_id"),
            "status": None if status is None else _state(status),
            "limit": positive(limit, "limit"),
        }
        asked = {name: value for name, value in query.items() if value is not None}
        return self._transport.call(
            "list tasks", lambda pair: pair.v3.get("/v3/tasks", query_params=asked), lambda body: entries(body, "tasks")
        )

    def get_result_amqp_url(self) -> ResultQueue:
        """Get where this client's results are found: a fresh connection URL and the prefix of its queues' names."""
        return self._transport.call(
            "get the address of the results", lambda pair: pair.v2.get_result_amqp_url(), ResultQueue.from_json
        )


def _checked(batch: object) -> Batch:
    if not isinstance(batch, Batch):
        raise TypeError(f"batch_run takes a Batch, made by create_batch(), not {shown(batch)}")
    return batch


def _state(status: object) -> str:
    try:
        return TaskState(status).value
    except ValueError:
        states = ", ".join(state.value for state in TaskState)
        raise ValueError(f"status {quoted(status)} is not a state of a task; one of: {states}") from None


def _encoded(request: SubmitRequest) -> bytes:
    body = request.to_json()
    try:
        # What users write into it goes to the letter, the bulk of it the fast way.
        return dumps({name: value if name == "tasks" else exact(value) for name, value in body.items()})
    except (TypeError, ValueError) as error:
        raise type(error)(f"the request cannot be written as JSON: {error}") from error


def _require_all(request: SubmitRequest, reply: SubmitReply) -> None:
    for function_id, payloads in request.tasks.items():
        got = len(reply.tasks.get(function_id, ()))
        if got != len(payloads):
            raise WireError(f"{got} task ids for {len(payloads)} tasks of function {function_id}: which is which?")
