"""The face: `Executor`, a `concurrent.futures.Executor` whose workers are somewhere else."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import Self

from ..client.checks import positive
from ..serialize import Serializer, StrategyLike
from ..settings import Settings
from ..wire.ids import as_id
from . import exits, options
from .endpoints import Policy
from .exits import CANCEL_S, exit_hook, interrupt
from .forks import generation
from .functions.initializer import Initializer
from .future import Future
from .journal import TakenUp, take_up
from .options import Options
from .pipeline import patience as patience_of
from .pipeline.pipeline import Pipeline
from .pipeline.stats import Stats
from .place import Place, find, wanted
from .reload import reload
from .resume import revive
from .session import Reading, Session, journal_of, registry_of
from .settable import Settable

if TYPE_CHECKING:
    from ..client import Client

#: Tasks in one request, at most. The service answers faster than a thousand tasks are packed.
BATCH_SIZE = 1000

#: Characters of payload in one request, at most: below the hosted service's 10 MB with room for the rest of the body.
BATCH_BYTES = 8_000_000


class Executor(Settable):
    """Runs functions on an endpoint: hosted, self-hosted, or embedded on this machine.

    Nothing is started or contacted before the first call that needs it.

    Args:
        endpoint_id: where tasks run: an endpoint's id, or ``"local"`` for the embedded stack. Left out: the
            environment's FARPOOL_ENDPOINT_ID, else the embedded stack. An explicit None means that it is yet to be
            set: until then `submit` raises.
        endpoints: several endpoints of one service, by id, in the place of one: tasks are spread over those that are
            online, and leave one that goes offline before it has begun them. See the guide, "Many endpoints".
        policy: which of them takes a task: ``"round-robin"`` (the default) one after the other, ``"least-pending"``
            the one with the fewest unfinished tasks of this executor per worker, ``"failover"`` the first.
        client: the client to use; left out: a `Client()` made from the environment.
        task_group_id: the task group for all tasks; left out: the service makes one.
        resource_specification: resources for each task, as the endpoint's engine understands them.
        user_endpoint_config: values for the endpoint's configuration template.
        label: a name, for people; shown by `repr`.
        batch_size: tasks in one request, at most.
        amqp_port: the port of the result stream, instead of the one that the service names.
        serializer: how functions and arguments are written and results read; left out: as `client` does, if given.
        result_serializers: strategies that the worker shall try for results, as objects, classes or import paths.
        max_workers: workers of the embedded endpoint; for others, what libraries read as `_max_workers`.
        initializer: called once in each worker process, before the first task of this executor there; on every
            endpoint. When it raises, the executor is broken: `BrokenExecutor`, with what it raised as its cause. It
            travels with the functions: functions that are registered already (`submit_to_registered_function`) run
            without it.
        initargs: what `initializer` is called with.
        journal: whether what is submitted to a service is remembered on this machine, so that `resume` can go on with
            it; see the guide, "Resume". FARPOOL_JOURNAL=0 switches it off for all executors.
        patience: seconds for which to keep trying while network or service fail, whatever is concerned: to register, to
            submit, to get results. Then the futures concerned fail, with the cause; the executor can still be used.
            Left out: an hour, but 20 s for a service that was never reached; a `client` that was given registers with
            its own. 0: everything is tried once. See the guide, "What happens when".
        on_exit: what becomes of tasks that are not done when the interpreter exits: "wait" lets them finish, "cancel"
            cancels them, "detach" leaves them at the service (not on the embedded stack, which ends with the program).

    Attributes:
        futures: what `resume` took up: the futures of all its tasks, in the order of their submission.

    Example:
        >>> from farpool import Executor
        >>> with Executor() as ex:  # doctest: +SKIP
        ...     print(ex.submit(pow, 2, 10).result())
        1024
    """

    def __init__(  # noqa: PLR0913 - each can be left out
        self,
        endpoint_id: str | None = options.UNSET,
        *,
        endpoints: Sequence[str] | None = None,
        policy: Policy | None = None,
        client: Client | None = None,
        task_group_id: str | None = None,
        resource_specification: Mapping[str, Any] | None = None,
        user_endpoint_config: Mapping[str, Any] | None = None,
        label: str = "",
        batch_size: int = BATCH_SIZE,
        amqp_port: int | None = None,
        serializer: Serializer | None = None,
        result_serializers: Sequence[StrategyLike] | None = None,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        journal: bool = True,
        patience: float | None = None,
        on_exit: str = "wait",
    ) -> None:
        self._options = Options().but(
            {
                "endpoint_id": endpoint_id,
                "endpoints": endpoints,
                "policy": policy,
                "task_group_id": task_group_id,
                "resource_specification": resource_specification,
                "user_endpoint_config": user_endpoint_config,
                "result_serializers": result_serializers,
                "label": label,
            }
        )
        self._max_workers = positive(max_workers, "max_workers") or os.cpu_count() or 1
        self._wanted_workers = max_workers
        self._batch_size = positive(batch_size, "batch_size") or BATCH_SIZE
        self._amqp_port = positive(amqp_port, "amqp_port")
        self._client = client
        self._serializer = options.serializer(serializer, None if client is None else client.serializer)
        self._initializer = None if initializer is None else Initializer(initializer, initargs)
        self._lock, self._beginning = threading.Lock(), threading.Lock()
        self._shut_down = False
        self._on_exit = exits.policy(on_exit)
        self._check_exit(self._options.endpoint)
        self._session: Session | None = None
        self._inherited: Session | None = None
        self._born = generation.number
        self._journal = journal
        self._patience_s = patience_of.checked(patience)
        self._taken: TakenUp | None = None
        self.futures: list[Future[Any]] = []
        exit_hook.arm()

    def __repr__(self) -> str:
        label = f"{self.label!r} " if self.label else ""
        many = self._options.endpoints
        where = f"endpoints={list(many)!r}" if many else f"endpoint_id={self.endpoint_id!r}"
        return f"<{type(self).__name__} {label}{where}>"

    @property
    def max_workers(self) -> int:
        """How many workers the endpoint has, as far as it is known; libraries read it as `_max_workers`."""
        return self._max_workers

    @property
    def serializer(self) -> Serializer:
        """How functions and arguments are written from now on, and results read. May be set."""
        return self._serializer

    @serializer.setter
    def serializer(self, value: Serializer) -> None:
        self._settle_in()
        checked = options.serializer(value)
        with self._lock:
            self._serializer = checked
            if self._session is not None:
                self._session = self._session.with_serializer(checked)

    def _set(self, **given: Any) -> None:
        self._settle_in()
        with self._lock:
            changed = self._options.but(given)
            self._check_exit(changed.endpoint)
            self._options = changed

    # ---- work: see `Work`

    def reload_tasks(self, task_group_id: str | None = None) -> list[Future[Any]]:
        """Get futures for the tasks of a task group that is at the service already, from this or an earlier program.

        Args:
            task_group_id: the group; left out: this executor's own.

        Returns:
            One future per task, finished ones settled; new tasks of this executor join the group.

        Raises:
            ValueError: there is no group to reload.
            AccessDenied: it is not yours: the results of one that is shared with you go to its owner.
        """
        group = self.task_group_id if task_group_id is None else as_id(task_group_id, "task_group_id")
        if group is None:
            raise ValueError("there is no task group to reload: give task_group_id, or submit something first")
        session = self._begun()
        futures = reload(
            group,
            client=session.place.client,
            called_off=session.pipeline.called_off,
            attach=session.pipeline.attach,
        )
        self.task_group_id = group
        return futures

    @classmethod
    def resume(cls, name: str | int, /, **given: Any) -> Self:
        """Take up what an earlier program submitted and did not live to see the end of. Blocks for a few requests.

        Whatever ended it: a crash, `kill -9`, a restart of the kernel or of the machine. Tasks run once: what the
        service has is waited for, what was not sent yet is sent, and a request that had no answer is sent again in
        such a way that a farpool service takes it once. The hosted service cannot do that: there, the futures of such
        a request fail with `TaskUncertain`.

        Args:
            name: the label of the executor that was, or a label or task group of some of its tasks, or the number that
                `farpool tasks campaigns` shows. Of several that have the name, the latest is meant.
            given: arguments for the new executor, such as `client` or `serializer`. Where they are left out, service,
                endpoint, task group and label are as they were.

        Returns:
            An executor that goes on with it: `futures` holds the futures of all its tasks, also of those that are done,
            in the order of submission. Each knows its `call`, its `label` and its `task_id`.

        Raises:
            LookupError: nothing of that name is in the journal; says what is.
            RuntimeError: a program is still at work on it.
            ServiceError: the service cannot be asked now: try again later.
            FarpoolError: the journal cannot be read.

        Example:
            >>> with Executor.resume("campaign") as ex:  # doctest: +SKIP
            ...     for future in ex.futures:
            ...         print(future.call, future.result())
        """
        if "journal" in given:
            raise ValueError("resume goes on with the journal: leave out journal=")
        taken = take_up(name, Settings.from_environment())
        executor: Self | None = None
        try:
            executor = cls(**{**taken.arguments(given), **given})
            executor._taken = taken
            executor.futures = revive(taken, executor._begun(), executor._options.spread)
        except BaseException:
            if executor is not None:
                executor.shutdown()
            taken.let_go()
            raise
        return executor

    def stats(self) -> Stats:
        """Give the figures of what this executor has done so far: a snapshot, frozen."""
        session = self._session
        return Stats() if session is None else session.pipeline.stats()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and let go of everything when the last is done.

        Args:
            wait: block until then.
            cancel_futures: cancel what no worker has begun, on this side and at the service. What runs goes on. The
                hosted service cannot say what has begun: there, everything that is not done is cancelled, and results
                that come yet are dropped.
        """
        self._settle_in()
        with self._lock:
            self._shut_down = True
            session = self._session
        if session is not None:
            session.pipeline.close(cancel_futures=cancel_futures)
            if wait:
                self._wait_for(session)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down and wait; after Ctrl-C, cancel everything, also what runs, and do not wait for it."""
        if kind is None or not issubclass(kind, KeyboardInterrupt):
            self.shutdown()
            return
        self.shutdown(wait=False)
        if self._session is not None:
            interrupt([self._session.pipeline])

    async def __aenter__(self) -> Self:
        """Use it in asyncio code: `async with Executor() as ex: await ex.submit(f)`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down without blocking the event loop; when the body was cancelled, cancel what it submitted."""
        self._settle_in()
        with self._lock:
            self._shut_down = True
            session = self._session
        if session is not None:
            pipeline, is_cancelled = session.pipeline, kind is not None and issubclass(kind, asyncio.CancelledError)
            if is_cancelled:  # by Ctrl-C, perhaps
                pipeline.interrupt()
            else:
                pipeline.close()
            wait = partial(pipeline.join, CANCEL_S if is_cancelled else None)
            await asyncio.get_running_loop().run_in_executor(None, wait)

    @classmethod
    def configured(cls, **defaults: Any) -> type[Self]:
        """Make a subclass with defaults bound, for libraries that want a class and call it themselves.

        As with the standard library's executors, its first positional argument is `max_workers`.

        Args:
            defaults: arguments of this class; what the library gives has precedence.

        Example:
            >>> Cluster = Executor.configured(endpoint_id="4b116d3c-1703-4f8f-9f6f-39921e5864df")
            >>> with Cluster(4) as ex: ...  # doctest: +SKIP

        Raises:
            TypeError: there is no such argument.
        """
        known = inspect.signature(cls).parameters
        for name in defaults:
            if name not in known:
                raise TypeError(f"{cls.__name__} takes no argument {name!r}: it takes {', '.join(known)}")

        def __init__(self: Any, max_workers: int | None = None, **given: Any) -> None:  # noqa: N807
            if max_workers is not None:
                given["max_workers"] = max_workers
            cls.__init__(self, **{**defaults, **given})

        names = {"__init__": __init__, "__module__": cls.__module__, "__doc__": cls.__doc__}
        return cast("type[Self]", type(cls.__name__, (cls,), names))

    # ---- inside

    def _owner(self) -> Executor:
        return self

    @property
    def _broken(self) -> bool:
        # What libraries look at, as they do with the standard library's executors.
        return self._session is not None and self._session.pipeline.is_broken

    def _wait_for(self, session: Session) -> None:
        try:
            session.pipeline.join()
        except KeyboardInterrupt:
            interrupt([session.pipeline])
            raise

    def _check_exit(self, endpoint: str | None) -> None:
        if self._on_exit == "detach" and endpoint == options.LOCAL:
            raise ValueError(
                "on_exit='detach' leaves tasks at the service, and the embedded one ends with the program: "
                "set endpoint_id to an endpoint of a service that stays, or choose 'wait' or 'cancel'"
            )

    def _settle_in(self) -> None:
        """In a forked child, leave to the parent what is the parent's: its lock, its connections, its tasks."""
        if self._born == generation.number:
            return
        with generation.lock:
            if self._born != generation.number:
                self._lock, self._beginning = threading.Lock(), threading.Lock()
                self._inherited = self._session or self._inherited
                self._session = self._taken = None
                # A task group's results have one reader, and that is the parent.
                self._options = self._options.but({"task_group_id": None})
                self._born = generation.number

    def _begun(self) -> Session:
        self._settle_in()
        if self._shut_down or exit_hook.exiting:
            raise RuntimeError("cannot schedule new futures after shutdown")
        session = self._session
        if session is None:
            with self._beginning:  # may take as long as patience lasts: nobody who shuts down waits for that
                return self._begin()
        return session

    def _place(self, settings: Settings) -> Place:
        if self._inherited is not None:
            return self._inherited.place.after_fork()
        endpoint_id = wanted(self._options.home, client=self._client, settings=settings)
        self._check_exit(endpoint_id)
        return find(
            endpoint_id,
            client=self._client,
            settings=settings,
            max_workers=self._wanted_workers,
            patience=patience_of.of_callers(self._patience_s, client_given=self._client is not None),
        )

    def _begin(self) -> Session:
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if self._session is not None:
            return self._session
        taken, self._taken = self._taken, None  # a forked child begins a campaign of its own
        settings = Settings.from_environment() if taken is None else taken.settings
        place = self._place(settings)
        journal = journal_of(place, settings, self._journal, self.label, taken)
        reading = Reading(self._serializer, place.client.find_blob)
        try:
            pipeline = Pipeline(
                place.service(),
                deserialize=reading,
                batch_size=self._batch_size,
                batch_bytes=BATCH_BYTES,
                amqp_port=self._amqp_port,
                patience=patience_of.of_threads(self._patience_s),
                ended=lambda at_once: place.release(at_once=at_once),
                fatal=None if self._initializer is None else self._initializer.failure_in,
                journal=journal,
                on_exit=self._on_exit,
            )
        except BaseException:  # Ctrl-C while its threads start
            place.release(at_once=True)
            raise
        place.on_death(pipeline.fail)
        exit_hook.add(pipeline)
        # An executor that is forgotten lets its tasks finish and goes.
        weakref.finalize(self, pipeline.close).atexit = False
        self._max_workers = place.max_workers or self._max_workers
        registry = registry_of(place, pipeline, self._serializer, settings, self._initializer)
        session = Session(place, pipeline, registry, reading, self._initializer)
        with self._lock:
            if not self._shut_down:
                self._session = session
                return session
        pipeline.close()
        raise RuntimeError("cannot schedule new futures after shutdown")
