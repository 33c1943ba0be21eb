"""The place where an executor's tasks go: a service, and an endpoint there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..amqp import ONE_TRY, Patience
from ..client import Client
from ..errors import StackError
from ..settings import Settings
from . import options
from .pipeline.service import Service

if TYPE_CHECKING:
    from ..local import StackLease


_HOW = "set endpoint_id to the id of an endpoint, or to 'local' to run on this machine"


@dataclass(frozen=True, slots=True)
class Place:
    """A service and an endpoint.

    Attributes:
        endpoint_id: the endpoint for tasks whose executor names none.
        client: asks for what a caller waits for, with patience.
        once: asks for the rest, trying once: who asks has an own idea of when to try again.
        make_client: makes the client; None when it came of one that was given.
        lease: the embedded stack that the place is, or None.
    """

    client: Client
    once: Client
    endpoint_id: str
    make_client: Callable[[], Client] | None = None
    lease: StackLease | None = None

    def after_fork(self) -> Place:
        """Give the same place for a forked child: with a client of its own, and a lease that ends nothing."""
        if self.make_client is None:
            return self
        client = self.make_client()
        return replace(self, client=client, once=client.patient(ONE_TRY))

    def service(self) -> Service:
        """What the pipeline may ask of this place's service."""
        client = self.once
        return Service(
            submit=lambda endpoint_id, request, key: client.submit(endpoint_id, request, idempotency_key=key),
            find_queue=client.get_result_amqp_url,
            attach=client.get_task_group,
            get_status=client.get_batch_status,
            get_endpoint_status=client.get_endpoint_status,
            cancel=None if client.is_hosted else partial(_cancel, client),
            strand=None if client.is_hosted else partial(client.cancel_tasks, running=False, stranded=True),
            paced=client.is_hosted or client.throttle is not None,
            pace=client.pace,
            throttled_s=lambda: client.stats().waited_s,
            repeats=not client.is_hosted,
            retries=lambda: self.client.retries,
            user_runtime=client.user_runtime,
        )

    def endpoint_for(self, endpoint: str | None) -> str:
        """Give the id of the endpoint that a task goes to, here.

        Raises:
            ValueError: the endpoint is None, or the embedded one where this place is a service.
        """
        if endpoint is None:
            raise ValueError(f"endpoint_id is None: {_HOW}")
        if endpoint == options.LOCAL and self.lease is None:
            raise ValueError("this Executor has begun with a service: make another for endpoint_id='local'")
        return self.endpoint_id if endpoint in {options.UNSET, options.LOCAL} else endpoint

    def release(self, *, at_once: bool = False) -> None:
        """Close what was opened here; give the embedded stack back, if this is one, `at_once` without tidying up."""
        self.close()
        if self.lease is not None:
            self.lease.release(at_once=at_once)

    def close(self) -> None:
        """Close the connections; whoever waits for the service is let go."""
        self.client.close()
        self.once.close()

    @property
    def max_workers(self) -> int | None:
        """How many workers the endpoint has, where that is known."""
        return None if self.lease is None else self.lease.max_workers

    def on_death(self, handler: Callable[[StackError], None]) -> None:
        """Have `handler` called when the embedded stack dies; whoever waits for its service is let go after that."""

        def died(error: StackError) -> None:
            handler(error)
            self.close()

        if self.lease is not None:
            self.lease.on_death(died)


def _cancel(client: Client, task_ids: Sequence[str], running: bool) -> None:
    client.cancel_tasks(task_ids, running=running)


def wanted(endpoint: str | None, *, client: Client | None, settings: Settings) -> str:
    """Decide which endpoint an executor means.

    Args:
        endpoint: what is set on the executor, checked by `options.endpoint`.
        client: the client given to the executor, or None.
        settings: the environment.

    Returns:
        An endpoint id, or `options.LOCAL` for the embedded stack.

    Raises:
        ValueError: none is set where one is needed; says what to set. An explicit None is a missing setting: it must
            not run on a laptop what was meant for a cluster.
    """
    if endpoint is None:
        raise ValueError(f"endpoint_id is None: {_HOW}")
    chosen = endpoint or options.endpoint(settings.endpoint_id or options.UNSET)
    if chosen:
        return chosen
    if client is not None:
        raise ValueError(f"a client was given and no endpoint: {_HOW} (argument, attribute or FARPOOL_ENDPOINT_ID)")
    return options.LOCAL


def find(
    endpoint_id: str,
    *,
    client: Client | None,
    settings: Settings,
    max_workers: int | None,
    patience: Patience | None = None,
) -> Place:
    """Go to the place: make a client, or start the embedded stack. Blocks.

    Args:
        endpoint_id: as `wanted` gives it.
        client: the client that was given to the executor, or None.
        settings: the environment.
        max_workers: workers of the embedded endpoint.
        patience: how long what a caller waits for is tried; None: as the client does that was given.

    Raises:
        FarpoolError: no token for the service, or the embedded stack does not start.
        ValueError: a client was given for the embedded stack.
    """
    if endpoint_id != options.LOCAL:
        if client is not None:
            own = client.patient(patience)
            return Place(own, own.patient(ONE_TRY), endpoint_id)
        make_client = partial(Client, settings=settings, patience=patience)
        own = make_client()
        return Place(own, own.patient(ONE_TRY), endpoint_id, make_client)
    if client is not None:
        raise ValueError("endpoint_id 'local' starts a service of its own: leave out client=, or name an endpoint")
    from ..local import acquire  # noqa: PLC0415 - who uses a remote endpoint does not need it

    lease = acquire(max_workers)
    try:
        make_client = partial(
            Client,
            service_url=lease.service_url,
            token=lease.token,
            settings=settings,
            do_version_check=False,
            patience=patience,
        )
        own = make_client()
        return Place(own, own.patient(ONE_TRY), lease.endpoint_id, make_client, lease)
    except BaseException:
        lease.release()
        raise
