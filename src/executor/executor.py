"""The face: `Executor`, a `concurrent.futures.Executor` whose workers are somewhere else."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import ParamSpec

from ..client.checks import paths, positive
from ..errors import PayloadTooLarge
from ..serialize import Serializer
from ..settings import Settings
from ..wire.ids import as_id
from . import options
from .calls import run_calls
from .code import Code, code_of
from .future import Future
from .mapping import chunked, mapped
from .pipeline import Pipeline
from .place import Place, find, wanted
from .registry import Registry
from .reload import reload
from .task import Route, Task
from .threads import exit_hook

if TYPE_CHECKING:
    from ..client import Client

P = ParamSpec("P")
T = TypeVar("T")

#: Tasks in one request, at most. The service answers faster than a thousand tasks are packed.
BATCH_SIZE = 1000

#: Characters of payload in one request, at most: below the hosted service's 10 MB with room for the rest of the body.
BATCH_BYTES = 8_000_000


class Executor(concurrent.futures.Executor):
    """Runs functions on an endpoint: hosted, self-hosted, or embedded on this machine.

    Nothing is started or contacted before the first call that needs it.

    Args:
        endpoint_id: where tasks run: an endpoint's id, or ``"local"`` for the embedded stack. Left out: the
            environment's FARPOOL_ENDPOINT_ID, else the embedded stack. An explicit None means that it is yet to be
            set: until then `submit` raises.
        client: the client to use; left out: a `Client()` made from the environment.
        task_group_id: the task group for all tasks; left out: the service makes one.
        resource_specification: resources for each task, as the endpoint's engine understands them.
        user_endpoint_config: values for the endpoint's configuration template.
        label: a name, for people; shown by `repr`.
        batch_size: tasks in one request, at most.
        amqp_port: the port of the result stream, instead of the one that the service names.
        serializer: how functions and arguments are written and results read.
        result_serializers: import paths of the strategies the worker shall try for results.
        max_workers: workers of the embedded endpoint; for others, what libraries read as `_max_workers`.

    Example:
        >>> from farpool import Executor
        >>> with Executor() as ex:  # doctest: +SKIP
        ...     print(ex.submit(pow, 2, 10).result())
        1024
    """

    def __init__(
        self,
        endpoint_id: str | None = options.UNSET,
        *,
        client: Client | None = None,
        task_group_id: str | None = None,
        resource_specification: Mapping[str, Any] | None = None,
        user_endpoint_config: Mapping[str, Any] | None = None,
        label: str = "",
        batch_size: int = BATCH_SIZE,
        amqp_port: int | None = None,
        serializer: Serializer | None = None,
        result_serializers: Sequence[str] | None = None,
        max_workers: int | None = None,
    ) -> None:
        self._endpoint = options.endpoint(endpoint_id)
        self._route = Route("", task_group_id=options.optional_id(task_group_id, "task_group_id"))
        self.resource_specification = resource_specification
        self.user_endpoint_config = user_endpoint_config
        self.result_serializers = result_serializers
        self._max_workers = positive(max_workers, "max_workers") or os.cpu_count() or 1
        self._wanted_workers = max_workers
        self._batch_size = positive(batch_size, "batch_size") or BATCH_SIZE
        self._amqp_port = positive(amqp_port, "amqp_port")
        self.label = label
        self._client = client
        self._serializer = serializer or Serializer()
        self._lock = threading.Lock()
        self._shut_down = False
        self._place: Place | None = None
        self._pipeline: Pipeline | None = None
        self._registry: Registry | None = None
        exit_hook.arm()

    def __repr__(self) -> str:
        label = f"{self.label!r} " if self.label else ""
        return f"<{type(self).__name__} {label}endpoint_id={self.endpoint_id!r}>"

    # ---- what may be set; a task is bound to what is set when it is submitted

    @property
    def endpoint_id(self) -> str | None:
        """The endpoint of tasks submitted from now on; None while it is not decided."""
        if self._endpoint in {options.UNSET, options.LOCAL}:
            return None if self._place is None else self._place.endpoint_id
        return self._endpoint

    @endpoint_id.setter
    def endpoint_id(self, value: str | None) -> None:
        self._endpoint = options.endpoint(value)

    @property
    def task_group_id(self) -> str | None:
        """The task group of tasks submitted from now on; None while the service has not made one."""
        pipeline = self._pipeline
        return self._route.task_group_id or (None if pipeline is None else pipeline.task_group_id)

    @task_group_id.setter
    def task_group_id(self, value: str | None) -> None:
        self._route = replace(self._route, task_group_id=options.optional_id(value, "task_group_id"))

    @property
    def resource_specification(self) -> dict[str, Any] | None:
        """Resources for each task submitted from now on (a copy)."""
        return options.parsed(self._route.resource_specification)

    @resource_specification.setter
    def resource_specification(self, value: Mapping[str, Any] | None) -> None:
        text = options.json_object(value, "resource_specification")
        self._route = replace(self._route, resource_specification=text)

    @property
    def user_endpoint_config(self) -> dict[str, Any] | None:
        """Values for the endpoint's template, for tasks submitted from now on (a copy)."""
        return options.parsed(self._route.user_endpoint_config)

    @user_endpoint_config.setter
    def user_endpoint_config(self, value: Mapping[str, Any] | None) -> None:
        text = options.json_object(value, "user_endpoint_config")
        self._route = replace(self._route, user_endpoint_config=text)

    @property
    def result_serializers(self) -> list[str]:
        """Import paths of strategies for results of tasks submitted from now on (a copy)."""
        return list(self._route.result_serializers)

    @result_serializers.setter
    def result_serializers(self, value: Sequence[str] | None) -> None:
        self._route = replace(self._route, result_serializers=tuple(paths(value, "result_serializers") or ()))

    # ---- work

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have `fn(*args, **kwargs)` run on the endpoint.

        The function is registered the first time it is seen; the arguments are packed before this returns. The very
        first call starts what is to be started, and blocks while it does.

        Returns:
            A `Future`, with `task_id` once the service has taken the task.

        Raises:
            RuntimeError: after `shutdown`.
            SerializationError: the function or an argument cannot be sent; names it.
            PayloadTooLarge: the packed arguments are over the service's limit.
            ServiceError: the function could not be registered.
            ValueError: no endpoint is set where one is needed.
        """
        return self._submit(self._function_id(fn), args, kwargs)

    def submit_to_registered_function(
        self, function_id: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Future[Any]:
        """Have a function run that is registered already, perhaps by somebody else; otherwise as `submit`."""
        return self._submit(as_id(function_id, "function_id"), tuple(args), dict(kwargs or {}))

    def register_function(self, fn: Callable[..., Any], function_id: str | None = None, **about: Any) -> str:
        """Register a function ahead of its first use.

        Args:
            fn: the function.
            function_id: the id it has already, if it is registered: it is not registered again.
            about: `description`, `public`, `group`, `metadata`, as for `Client.register_function`.

        Returns:
            Its function id. `submit(fn)` uses it from now on.
        """
        pipeline, place, registry = self._started()
        if function_id is None:
            pipeline.pace()
            function_id = place.client.register_function(fn, **about)
        checked = as_id(function_id, "function_id")
        registry.remember(fn, checked)
        return checked

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Run `fn` over the items of the iterables, and give the results in their order.

        Args:
            fn: called with one item of each iterable.
            iterables: read to the end of the shortest; at once, unless `buffersize` is given.
            timeout: seconds from this call until the last result must be there.
            chunksize: calls that make one task.
            buffersize: tasks that may be submitted and not yet taken: with it, endless iterables are fine.

        Returns:
            An iterator. It raises what a call raised, and `TimeoutError`; given up, it cancels what was not sent.
        """
        size = positive(chunksize, "chunksize") or 1
        window = positive(buffersize, "buffersize")
        calls: Iterable[tuple[Any, ...]] = zip(*iterables)  # noqa: B905 - to the end of the shortest, as `map` does
        if size == 1:
            function_id = self._function_id(fn)
            return mapped(lambda *args: self._submit(function_id, args, {}), calls, timeout=timeout, buffersize=window)
        function_id = self._function_id(run_calls(fn))
        chunks = mapped(
            lambda *args: self._submit(function_id, args, {}), chunked(calls, size), timeout=timeout, buffersize=window
        )
        return _flat(chunks)

    def reload_tasks(self, task_group_id: str | None = None) -> list[Future[Any]]:
        """Get futures for the tasks of a task group that is at the service already, from this or an earlier program.

        Args:
            task_group_id: the group; left out: this executor's own.

        Returns:
            One future per task, finished ones settled; new tasks of this executor join the group.

        Raises:
            ValueError: there is no group to reload.
        """
        group = self.task_group_id if task_group_id is None else as_id(task_group_id, "task_group_id")
        if group is None:
            raise ValueError("there is no task group to reload: give task_group_id, or submit something first")
        pipeline, place, _ = self._started()
        self.task_group_id = group
        return reload(group, client=place.client, attach=pipeline.attach)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and let go of everything when the last is done.

        Args:
            wait: block until then.
            cancel_futures: cancel what has not been sent yet.
        """
        with self._lock:
            self._shut_down = True
            pipeline = self._pipeline
        if pipeline is not None:
            pipeline.close(cancel_futures=cancel_futures)
            if wait:
                pipeline.join()

    # ---- inside

    def _function_id(self, fn: Callable[..., Any]) -> str:
        pipeline, _, registry = self._started()
        pipeline.check()
        if not callable(fn):
            raise TypeError(f"{fn!r} is not callable: submit(fn, *args) takes a function first")
        return registry.id_of(fn)

    def _submit(self, function_id: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Future[Any]:
        pipeline, place, _ = self._started()
        payload = self._serializer.pack_arguments(args, dict(kwargs))
        limit = place.client.max_payload_bytes
        if limit is not None and len(payload) > limit:
            raise PayloadTooLarge(
                f"the packed arguments are {len(payload):,} bytes, the service takes {limit:,} in one request: "
                "pass less, or pass a reference to where the data is"
            )
        route = replace(self._route, endpoint_id=place.endpoint_for(self._endpoint))
        future: Future[Any] = Future(endpoint_id=route.endpoint_id, function_id=function_id)
        pipeline.put(Task(route, function_id, payload, future))
        return future

    def _started(self) -> tuple[Pipeline, Place, Registry]:
        pipeline, place, registry = self._pipeline, self._place, self._registry
        if self._shut_down or exit_hook.exiting:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if pipeline is None or place is None or registry is None:
            with self._lock:
                return self._start()
        return pipeline, place, registry

    def _start(self) -> tuple[Pipeline, Place, Registry]:
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if self._pipeline is not None and self._place is not None and self._registry is not None:
            return self._pipeline, self._place, self._registry
        settings = Settings.from_environment()
        endpoint_id = wanted(self._endpoint, client=self._client, settings=settings)
        place = find(endpoint_id, client=self._client, settings=settings, max_workers=self._wanted_workers)
        pipeline = Pipeline(
            place.service(),
            deserialize=self._serializer.deserialize,
            batch_size=self._batch_size,
            batch_bytes=BATCH_BYTES,
            amqp_port=self._amqp_port,
            ended=place.release,
        )
        place.on_death(pipeline.fail)

        def register(code: Code) -> str:
            pipeline.pace()
            return place.client.register(code.registration())

        registry = Registry(
            pack=lambda fn: code_of(fn, self._serializer),
            register=register,
        )
        exit_hook.add(pipeline)
        # An executor that is forgotten lets its tasks finish and goes.
        weakref.finalize(self, pipeline.close).atexit = False
        self._max_workers = place.max_workers or self._max_workers
        self._pipeline, self._place, self._registry = pipeline, place, registry
        return pipeline, place, registry


def _flat(chunks: Iterator[list[T]]) -> Iterator[T]:
    for chunk in chunks:
        chunk.reverse()
        while chunk:
            yield chunk.pop()
