"""What an executor is asked for: the calls that an `Executor` and a view of one have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import ParamSpec, override

from ..serialize import Staying, StrategyLike
from ..wire.ids import as_id
from .endpoints import Policy
from .functions.registry import Registered
from .future import Future
from .maps.crew import Crew, Submit
from .maps.face import Maps
from .options import Options
from .retry import Backoff
from .session import Session

if TYPE_CHECKING:
    from .pool.pool import Pool

P = ParamSpec("P")
T = TypeVar("T")

#: An option that is left out of `options` stays as it is.
_KEEP: Any = object()


class Work(Staying, Maps):
    """Submits calls, one by one or many, with the options that are set on it."""

    _options: Options

    @abstractmethod
    def _begun(self) -> Session:
        """Give the session, beginning it if need be; raises RuntimeError after `shutdown`."""

    @abstractmethod
    def _owner(self) -> Work:
        """Give the executor whose session it is."""

    def _instead(self) -> str:
        endpoint = self._options.home
        again = f"Executor(endpoint_id={endpoint!r})" if endpoint else "Executor()"
        return (
            "its connections belong to this process; make one where it is needed, inside the function or in the other "
            f"process, with {again}"
        )

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
            ServiceError: the function could not be registered, or what is large in the arguments not be sent.
            ValueError: no endpoint is set where one is needed.
        """
        session, options = self._begun(), self._options
        return session.submit(session.function(fn), args, kwargs, options, options.retry_of(fn))

    def submit_to_registered_function(
        self, function_id: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Future[Any]:
        """Have a function run that is registered already, perhaps by somebody else; otherwise as `submit`."""
        function = Registered(as_id(function_id, "function_id"))
        options = self._options
        return self._begun().submit(function, tuple(args), dict(kwargs or {}), options, options.retry_of(None))

    def register_function(self, fn: Callable[..., Any], function_id: str | None = None, **about: Any) -> str:
        """Register a function ahead of its first use.

        Args:
            fn: the function.
            function_id: the id it has already, if it is registered: it is not registered again.
            about: what is to be said of it, as for `Client.register_function`: `function_name`, `description` (left
                out: the docstring), `metadata`, `public`, `group`, `container_uuid` and more.

        Returns:
            Its function id. `submit(fn)` uses it from now on.

        Raises:
            ValueError: something is to be said of a function that is registered already.
        """
        if function_id is not None and about:
            raise ValueError(
                f"function_id was given together with {', '.join(about)}: what is said of a function that is "
                "registered already stays as it is; leave function_id out to register it anew"
            )
        session = self._begun()
        if function_id is None:
            function_id = session.register(fn, about)
        checked = as_id(function_id, "function_id")
        session.registry.remember(fn, checked)
        return checked

    def register_container(self, location: str, container_type: str, name: str = "", description: str = "") -> str:
        """Register what functions are to run in, for `register_function(fn, container_uuid=...)`.

        Args:
            location: an image, a file or a directory, as for `Client.register_container`.
            container_type: such as ``"docker"`` or ``"venv"``.
            name: for people.
            description: for people.

        Returns:
            Its id.

        Raises:
            TypeError, ValueError: an argument is malformed, or there is no such type.
            ServiceRefused: the service is the hosted one.
        """
        return self._begun().place.client.register_container(location, container_type, name, description)

    def pool(self) -> Pool:
        """Give a face with the methods of `multiprocessing.Pool`, for libraries that want one.

        Closing it leaves this executor open. Calls go where this executor's, or this view's, go.
        """
        from .pool.pool import Pool  # noqa: PLC0415 - it needs multiprocessing, which costs, and few want it

        return Pool(self)

    def options(  # noqa: PLR0913 - each can be left out
        self,
        *,
        endpoint_id: str | None = _KEEP,
        endpoints: Sequence[str] | None = _KEEP,
        policy: Policy | None = _KEEP,
        task_group_id: str | None = _KEEP,
        resource_specification: Mapping[str, Any] | None = _KEEP,
        user_endpoint_config: Mapping[str, Any] | None = _KEEP,
        result_serializers: Sequence[StrategyLike] | None = _KEEP,
        retries: int = _KEEP,
        retry_on: type[BaseException] | Sequence[type[BaseException]] | None = _KEEP,
        backoff: Backoff | None = _KEEP,
        idempotent: bool | None = _KEEP,
        timeout: float | None = _KEEP,
        deadline: float | None = _KEEP,
        priority: int = _KEEP,
        label: str = _KEEP,
    ) -> View:
        """Give a view of this executor whose tasks are submitted with other options. It costs next to nothing.

        What is left out stays as it is set here, at this moment. A view has no connections of its own, and shares the
        registered functions: make as many as you like, also from many threads.

        Args:
            endpoint_id: as for `Executor`; where the executor has several endpoints, its tasks stay at this one.
            endpoints: as for `Executor`.
            policy: as for `Executor`.
            task_group_id: as for `Executor`.
            resource_specification: as for `Executor`.
            user_endpoint_config: as for `Executor`.
            result_serializers: as for `Executor`.
            retries: attempts after the first, at most. Each is a task of its own, with a new `task_id`.
            retry_on: the errors that are worth another attempt; None: whatever the function raises. What ran into its
                time-out is always tried again. A lost worker or endpoint leaves open how far the function came:
                another attempt follows only where the function is idempotent, or `WorkerLost` or `EndpointOffline`
                is named here.
            backoff: how long to wait before another attempt: seconds, a function of the number of attempts made that
                gives seconds, or a wait of tenacity. None: 0.1 s, twice as long each time, up to 30 s, with jitter.
            idempotent: whether functions may run twice without harm; None: those marked with `farpool.idempotent`.
            timeout: seconds that one attempt may run. A farpool endpoint stops its worker then, and counts from when
                the worker began. Other endpoints cannot: there it counts from when the service took the task, and the
                task may run on. The attempt fails with `TaskTimeout`.
            deadline: seconds from `submit` to the outcome, over all attempts. Then the future fails with
                `TaskTimeout`, and the task is cancelled.
            priority: which waiting tasks come first: those with the higher number. 0 is usual.
            label: a name, for people; the futures carry it.

        Example:
            >>> careful = ex.options(retries=3, timeout=60)  # doctest: +SKIP
            >>> careful.submit(fetch, url)  # doctest: +SKIP
        """
        given = {name: value for name, value in locals().items() if name != "self" and value is not _KEEP}
        return View(self._owner(), self._options.but(given))

    @override
    def _crew(self) -> Crew:
        session, options, owner = self._begun(), self._options, self._owner()

        def bind(fn: Callable[..., Any], chunk_of: Callable[..., Any] | None = None) -> Submit:
            function = session.function(fn)
            retry = options.retry_of(fn) if chunk_of is None else options.retry_of(chunk_of).of_chunk()

            def submit(*args: Any, _kept: Work = owner) -> Future[Any]:
                # Kept: an executor that is let go of takes no more, and of this one more is wanted.
                return session.submit(function, args, {}, options, retry)

            return submit

        return Crew(
            bind=bind,
            workers=getattr(owner, "_max_workers", 1),
            cancel=session.pipeline.give_up_on,
            abandon=session.pipeline.abandon,
            size_of=lambda future: getattr(future, "size_bytes", 0),
            again=lambda fn: options.retry_of(fn).by_worker(),
        )


class View(Work):
    """A view of an executor: the same pipeline, other options. Made by `options`, and never changed.

    Its `shutdown` waits for nothing and ends nothing: the executor belongs to who made it.
    """

    _executor: Work

    def __init__(self, executor: Work, options: Options) -> None:
        vars(self).update(_executor=executor, _options=options)

    if not TYPE_CHECKING:  # a type checker that saw this would let anything be set

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(f"a view does not change: make another one with options({name}=...)")

    def __repr__(self) -> str:
        label = f"{self._options.label!r} " if self._options.label else ""
        return f"<{type(self).__name__} {label}of {self._executor!r}>"

    @property
    def _max_workers(self) -> int:
        workers: int = getattr(self._executor, "_max_workers", 1)
        return workers

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Do nothing: shut down the executor itself."""

    def _begun(self) -> Session:
        return self._executor._begun()  # noqa: SLF001 - a view is part of its executor

    def _owner(self) -> Work:
        return self._executor
