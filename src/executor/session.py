"""The session: what an executor has once it has begun, and the way of a call into it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..client import description_of, name_of
from ..serialize import Find, Serializer
from ..settings import Settings
from .functions.code import Code, code_of
from .functions.initializer import Initializer
from .functions.kinds import prepared
from .functions.memory import Memory, function_file
from .functions.registry import Registered, Registry
from .future import Future
from .journal import NO_JOURNAL, Journal, NoJournal, TakenUp, journal_file
from .large import packed_call
from .options import Options
from .pipeline.pipeline import Pipeline
from .pipeline.task import Task
from .place import Place
from .retry import Retry


@dataclass(slots=True, eq=False)
class Reading:
    """Reads results. The serializer may be replaced, from any thread.

    Attributes:
        serializer: reads them.
        find: gives what is large in them.
    """

    serializer: Serializer
    find: Find

    def __call__(self, text: str) -> Any:
        """Read one value."""
        return self.serializer.deserialize(text, self.find)


@dataclass(frozen=True, slots=True)
class Session:
    """A place, the pipeline to it, and the functions that are registered there."""

    place: Place
    pipeline: Pipeline
    registry: Registry
    reading: Reading
    initializer: Initializer | None = None

    @property
    def serializer(self) -> Serializer:
        """How functions and arguments are written, and results read."""
        return self.reading.serializer

    def with_serializer(self, serializer: Serializer) -> Session:
        """Make a session that writes in another way, for what comes from now on; results are read so at once."""
        self.reading.serializer = serializer
        registry = registry_of(self.place, self.pipeline, serializer, Settings.from_environment(), self.initializer)
        return replace(self, registry=registry)

    def function(self, fn: Callable[..., Any]) -> Registered:
        """Find a callable at the service, registering it if need be.

        Raises:
            RuntimeError: the pipeline takes no more.
            TypeError: it is not callable, or a generator function.
            SerializationError, ServiceError: it cannot be sent, or not be registered.
        """
        self.pipeline.check()
        if not callable(fn):
            raise TypeError(f"{fn!r} is not callable: submit(fn, *args) takes a function first")
        return self.registry.find(fn)

    def register(self, fn: Callable[..., Any], about: Mapping[str, Any]) -> str:
        """Register a callable, with what is said about it, and give its function id."""
        self.pipeline.registered()
        client = self.place.client
        if not callable(fn):
            return client.register_function(fn, **about)  # which says what is wrong
        sent = prepared(fn)
        if self.initializer is not None:
            sent = self.initializer.before(sent)
        seen: dict[str, Any] = {"function_name": name_of(fn), "description": description_of(fn)}
        left_out = {name: value for name, value in seen.items() if about.get(name) is None}
        return client.register_function(sent, **{**about, **left_out})

    def submit(
        self, function: Registered, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Options, retry: Retry
    ) -> Future[Any]:
        """Pack a call and have it sent.

        Raises:
            RuntimeError: the pipeline takes no more.
            SerializationError: an argument cannot be sent.
            PayloadTooLarge: the packed arguments are over the service's limit.
            ServiceError: what is large in the arguments cannot be sent.
            ValueError: no endpoint is set where one is needed.
        """
        submitted_at = time.time()
        spread = options.spread
        endpoint_id = self.place.endpoint_for(options.home)
        route = replace(options.route, endpoint_id=endpoint_id)
        readers = (endpoint_id,) if spread is None else spread.ids
        payload = packed_call(self.place.client, self.serializer, readers, args, kwargs)
        function_id = function.function_id
        future: Future[Any] = Future(
            endpoint_id=route.endpoint_id,
            function_id=function_id,
            label=options.label,
            size_bytes=len(payload),
            submitted_at=submitted_at,
            called_off=self.pipeline.called_off,
        )
        self.pipeline.journal.describe(future, function.name or function_id, (args, kwargs))
        due = None if options.deadline_s is None else time.monotonic() + options.deadline_s
        self.pipeline.put(Task(route, function_id, payload, future, retry, due, function, spread))
        return future


def journal_of(place: Place, settings: Settings, wanted: bool, label: str, taken: TakenUp | None) -> NoJournal:
    """Make the journal of what is submitted to a place.

    An embedded stack ends with its program: nothing could be taken up.

    Args:
        place: the place.
        settings: the environment.
        wanted: what the executor was told.
        label: the executor's.
        taken: the campaign that is gone on with, if there is one.
    """
    if place.lease is not None or not (wanted and settings.journal):
        return NO_JOURNAL
    return Journal(
        journal_file(settings.home) if taken is None else taken.file,
        label=label,
        service_url=place.client.service_url,
        endpoint_id=place.endpoint_id,
        campaign=None if taken is None else taken.campaign.campaign,
        first_number=1 if taken is None else taken.next_number,
        kept=None if taken is None else taken.kept,
    )


def registry_of(
    place: Place,
    pipeline: Pipeline,
    serializer: Serializer,
    settings: Settings,
    initializer: Initializer | None = None,
) -> Registry:
    """Make the registry of the functions that are registered at a place, with what is to run before them.

    An embedded stack has a service of its own each time, and an executor an initializer of its own: what is registered
    there, or with it, is of no use to later programs.
    """

    def register(code: Code) -> str:
        pipeline.registered()
        return place.client.register(code.registration())

    memory = None
    if settings.remember_functions and place.lease is None and initializer is None:
        client = place.client
        memory = Memory(function_file(settings.home), client.service_url, lambda: client.identity)
    return Registry(pack=lambda fn: code_of(fn, serializer, initializer), register=register, memory=memory)
