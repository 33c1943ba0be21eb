"""The registry of endpoints: registering, locking and deleting them, and saying how they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from ..wire import TaskState, new_id
from ..wire.queues import cancel_queue, command_queue, task_queue
from ..wire.rest import EndpointRegistration
from . import denials, faults
from .access import managed_endpoint, manages, visible_endpoint
from .broker import Broker
from .credentials import cancel_credentials, endpoint_credentials, manager_credentials
from .endings import Endings
from .outbox import Outbox
from .presence import Presence
from .store import Database, cancels, endpoints, reports, tasks
from .store.endpoints import Endpoint
from .store.identities import Identity
from .task_state import Event, sources
from .user_endpoints import UserEndpoints


class Registry:
    """Keeps endpoints. Every method belongs to the event loop's thread.

    Args:
        lock_s: for how long a locked endpoint may not register again, in seconds.
    """

    def __init__(
        self,
        database: Database,
        broker: Broker,
        outbox: Outbox,
        endings: Endings,
        user_endpoints: UserEndpoints,
        *,
        lock_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._broker = broker
        self._outbox = outbox
        self._endings = endings
        self._user_endpoints = user_endpoints
        self._lock_s = lock_s
        self._clock = clock

    async def register(
        self,
        identity: Identity,
        endpoint_id: str | None,
        registration: EndpointRegistration,
        *,
        reached_at: str | None = None,
    ) -> dict[str, Any]:
        """Register an endpoint, or register it anew; the same request again does nothing more.

        Args:
            identity: who registers it.
            endpoint_id: the id it asks for, or None to be given one.
            registration: what it says of itself.
            reached_at: the service's host name as the endpoint knows it.

        Returns:
            The answer: its id, and its credentials.

        Raises:
            Fault: the id is, or was, somebody else's (403), the endpoint was deleted (404), or it is locked (423).
        """
        chosen = new_id() if endpoint_id is None else endpoint_id
        now = self._clock()

        def put(connection: Connection) -> list[int]:
            before = endpoints.one(connection, chosen)
            if before is None:
                _require_new(connection, identity, chosen)
            else:
                _require_registrable(before, identity, now)
            endpoints.put(connection, chosen, identity.identity_id, registration, reached_at=reached_at, now=now)
            is_again = before is not None and not before.is_attached and not registration.is_manager
            return tasks.open_numbers(connection, chosen) if is_again else []

        waiting = await self._database.write(put)
        if registration.is_manager:
            await self._attach_manager(chosen)
            return {"endpoint_id": chosen, **manager_credentials(self._broker, chosen, reached_at)}
        # At once, before anything is awaited: what is submitted from now on comes after them, and is not among them.
        self._outbox.tasks(chosen, waiting)
        await self._outbox.declare(task_queue(chosen))
        answer = {"endpoint_id": chosen, **endpoint_credentials(self._broker, chosen, reached_at)}
        if registration.takes_cancels:
            await self._outbox.declare(cancel_queue(chosen))
            answer |= cancel_credentials(self._broker, chosen, reached_at)
            # Read last: what is called off from now on is in that queue.
            called_off = await self._database.read(lambda connection: cancels.to_tell(connection, chosen, now))
            answer["cancelled_tasks"] = {one.task_id: one.running for one in called_off}
        return answer

    async def _attach_manager(self, endpoint_id: str) -> None:
        # A command left from before would be refused for its age, and fail the tasks it was meant to serve.
        await self._outbox.drop(command_queue(endpoint_id))
        await self._outbox.declare(command_queue(endpoint_id))

    async def lock(self, identity: Identity, endpoint_id: str) -> None:
        """Stop an endpoint: it loses its queues, and may not register for a while. Its tasks wait in the store.

        Raises:
            Fault: it is not theirs to do (403), or not there, for who may know (404).
        """

        def lock(connection: Connection) -> tuple[Endpoint, list[int]]:
            endpoint = managed_endpoint(connection, identity, endpoint_id)
            endpoints.lock(connection, endpoint_id, self._clock() + self._lock_s)
            forgotten = tasks.open_numbers(connection, endpoint_id)
            tasks.move(connection, forgotten, sources(Event.FORGOTTEN), TaskState.RECEIVED)
            return endpoint, forgotten

        endpoint, forgotten = await self._database.write(lock)
        self._outbox.forget(forgotten)
        # An agent whose queue is gone is told so by the broker, and ends.
        await self._outbox.drop((command_queue if endpoint.is_manager else task_queue)(endpoint_id))
        await self._outbox.drop(cancel_queue(endpoint_id))

    async def delete(self, identity: Identity, endpoint_id: str) -> None:
        """Delete an endpoint, and with a manager its user endpoints; their unfinished tasks fail.

        Raises:
            Fault: it is not theirs to do (403), or not there, for who may know (404).
        """

        def remove(connection: Connection) -> list[str]:
            managed_endpoint(connection, identity, endpoint_id)
            doomed = [endpoint_id, *endpoints.user_endpoints_of(connection, endpoint_id)]
            for one in doomed:
                endpoints.remove(connection, one, self._clock())
                cancels.forget(connection, one)
            return doomed

        for one in await self._database.write(remove):
            self._user_endpoints.forget(one)
            await self._endings.was_deleted(one)
            await self._outbox.drop(cancel_queue(one))
        await self._outbox.drop(command_queue(endpoint_id))

    async def status(self, identity: Identity, endpoint_id: str) -> dict[str, Any]:
        """Say whether an endpoint is online, since when not, and what waits for it.

        Raises:
            Fault: it is not theirs to do (403), or not there, for who may know (404).
        """
        now = self._clock()

        def look(connection: Connection) -> dict[str, Any]:
            endpoint = visible_endpoint(connection, identity, endpoint_id)
            presence = reports.presence(connection, endpoint_id)
            details = {**_presence(presence, now), "waiting_tasks": _waiting(connection, endpoint)}
            if manages(connection, identity, endpoint):
                details = {**reports.facts(connection, endpoint_id), **details}
            return {"status": _word(presence, now), "details": details}

        return await self._database.scan(look)

    async def describe(self, identity: Identity, endpoint_id: str) -> dict[str, Any]:
        """Return what is known of an endpoint; of somebody else's without what it says of its machine.

        Raises:
            Fault: it is not theirs to do (403), or not there, for who may know (404).
        """
        now = self._clock()

        def look(connection: Connection) -> dict[str, Any]:
            endpoint = visible_endpoint(connection, identity, endpoint_id)
            document = endpoints.document(connection, endpoint_id)
            if not manages(connection, identity, endpoint):
                _hide(document)
            presence = reports.presence(connection, endpoint_id)
            return {
                **document,
                "status": _word(presence, now),
                **_presence(presence, now),
                "waiting_tasks": _waiting(connection, endpoint),
            }

        return await self._database.scan(look)

    async def listing(self, identity: Identity, *, public: bool) -> list[dict[str, Any]]:
        """List somebody's endpoints, oldest first; with `public`, also those of others that they may use."""
        now = self._clock()

        def look(connection: Connection) -> list[dict[str, Any]]:
            found = endpoints.visible_to(connection, identity.identity_id, public=public)
            known = reports.presences(connection, [one["endpoint_id"] for one in found])
            for one in found:
                if identity.identity_id not in {one["owner"], *(one.get("admins") or ())}:
                    _hide(one)
                presence = known.get(one["endpoint_id"], Presence())
                one.update(status=_word(presence, now), **_presence(presence, now))
            return found

        return await self._database.scan(look)


def _require_new(connection: Connection, identity: Identity, endpoint_id: str) -> None:
    owner_id = endpoints.owner_of_deleted(connection, endpoint_id)
    if owner_id == identity.identity_id:
        raise faults.endpoint_deleted(endpoint_id)
    if owner_id is not None:
        raise denials.endpoint_not_registrable(endpoint_id)


def _require_registrable(endpoint: Endpoint, identity: Identity, now: float) -> None:
    if endpoint.owner_id != identity.identity_id or endpoint.manager_id is not None:
        raise denials.endpoint_not_registrable(endpoint.endpoint_id)
    if endpoint.locked_until is not None and now < endpoint.locked_until:
        raise faults.endpoint_locked(endpoint.endpoint_id, endpoint.locked_until - now)


def _hide(document: dict[str, Any]) -> None:
    """Take out what an endpoint says of its machine and of the people who look after it."""
    for name in ("metadata", "admins"):
        document.pop(name, None)


def _word(presence: Presence, now: float) -> str:
    return "online" if presence.is_online(now) else "offline"


def _presence(presence: Presence, now: float) -> dict[str, Any]:
    return {
        "last_heartbeat_at": presence.reported_at,
        "away_s": presence.away_s(now),
        "error": presence.error,
    }


def _waiting(connection: Connection, endpoint: Endpoint) -> int:
    return sum(
        tasks.count_open(connection, one)
        for one in [endpoint.endpoint_id, *endpoints.user_endpoints_of(connection, endpoint.endpoint_id)]
    )
