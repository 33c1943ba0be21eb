"""User endpoints: what a manager is told to start, and when it is told again.

A manager runs no task. For each identity and configuration that submits to it there is one user endpoint, and the
manager starts it on command. The command may go lost, the user endpoint may end when it is idle or die: as long as
tasks wait for it and its manager is there, it is started again. `plan` decides that, without I/O and clock.
Source: Globus Compute wire protocol, endpoint life cycle, parts 3 to 8.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ..wire import new_id
from ..wire.queues import command_queue, task_queue
from .broker import Broker, Outgoing
from .credentials import endpoint_credentials
from .presence import Presence
from .store import Database, endpoints, identities, reports, tasks
from .store.endpoints import UserEndpoint
from .store.identities import Identity

log = logging.getLogger(__name__)

#: A user endpoint that was told to start and is not heard of is told again after this long (seconds). Starting one took
#: up to 20 s on a small machine, and a manager takes a repeated command for a running one as new credentials.
RESEND_S = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about a user endpoint: send the command now, and look again at a time (unix, seconds) or not."""

    is_due: bool
    look_again_at: float | None


def plan(
    *,
    presence: Presence,
    manager: Presence,
    commanded_at: float | None,
    has_waiting: bool,
    now: float,
    resend_s: float = RESEND_S,
) -> Plan:
    """Decide whether a user endpoint is to be started now.

    Args:
        presence: its own.
        manager: its manager's; a command to one that is away would be stale when it is read, and refused for that.
        commanded_at: when it was told to start and has not been heard of since, or None.
        has_waiting: whether it has unfinished tasks.
        now: the time.
        resend_s: how long one that was told to start is given, in seconds.
    """
    if not has_waiting or not manager.is_online(now):
        return Plan(False, None)
    if presence.is_online(now):
        return Plan(False, presence.expires_at)
    if commanded_at is not None and now < commanded_at + resend_s:
        return Plan(False, commanded_at + resend_s)
    return Plan(True, now + resend_s)


class UserEndpoints:
    """Keeps user endpoints running while tasks wait for them. Every method belongs to the event loop's thread.

    Args:
        resend_s: how long one that was told to start is given until it is told again, in seconds.
    """

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        resend_s: float = RESEND_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._broker = broker
        self._resend_s = resend_s
        self._clock = clock
        self._commanded_at: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()

    async def wake(self, endpoint_id: str) -> None:
        """Look at a user endpoint, and tell its manager to start it if that is due."""
        self._cancel_timer(endpoint_id)
        now = self._clock()
        commanded_at = self._commanded_at.get(endpoint_id)

        def look(connection: Connection) -> tuple[UserEndpoint, Identity, Plan] | None:
            user_endpoint = endpoints.user_endpoint(connection, endpoint_id)
            if user_endpoint is None:
                return None
            owner = identities.one(connection, user_endpoint.identity_id)
            return (
                user_endpoint,
                owner,
                plan(
                    presence=reports.presence(connection, endpoint_id),
                    manager=reports.presence(connection, user_endpoint.manager_id),
                    commanded_at=commanded_at,
                    has_waiting=tasks.has_open(connection, endpoint_id),
                    now=now,
                    resend_s=self._resend_s,
                ),
            )

        found = await self._database.read(look)
        if found is None:
            self.forget(endpoint_id)
            return
        user_endpoint, owner, decided = found
        if decided.is_due:
            self._commanded_at[endpoint_id] = now
            await self._command(user_endpoint, owner, now)
        if decided.look_again_at is not None:
            self._look_again(endpoint_id, decided.look_again_at - now)

    def heard_of(self, endpoint_id: str) -> None:
        """Note that a user endpoint reported: the command that started it has done its work."""
        self._commanded_at.pop(endpoint_id, None)

    def forget(self, endpoint_id: str) -> None:
        """Stop looking after an endpoint."""
        self._commanded_at.pop(endpoint_id, None)
        self._cancel_timer(endpoint_id)

    async def stop(self) -> None:
        """Stop looking after all of them."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    def _cancel_timer(self, endpoint_id: str) -> None:
        timer = self._timers.pop(endpoint_id, None)
        if timer is not None:
            timer.cancel()

    def _look_again(self, endpoint_id: str, delay_s: float) -> None:
        # Somebody else may have looked while this one waited for the broker.
        self._cancel_timer(endpoint_id)
        loop = asyncio.get_running_loop()

        def look() -> None:
            del self._timers[endpoint_id]
            task = loop.create_task(self.wake(endpoint_id))
            self._looking.add(task)
            task.add_done_callback(self._looked)

        self._timers[endpoint_id] = loop.call_later(max(delay_s, 0.0), look)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("looking after a user endpoint failed", exc_info=error)

    async def _command(self, user_endpoint: UserEndpoint, owner: Identity, now: float) -> None:
        endpoint_id, manager_id = user_endpoint.endpoint_id, user_endpoint.manager_id
        log.info("telling manager %s to start user endpoint %s", manager_id, endpoint_id)
        # The agent may look at the queue as soon as it has the command.
        await self._broker.declare(task_queue(endpoint_id))
        credentials = {
            "endpoint_id": endpoint_id,
            **endpoint_credentials(self._broker, endpoint_id, user_endpoint.reached_at),
        }
        message = Outgoing(
            body=start_command(user_endpoint, owner, credentials),
            message_id=new_id(),
            # Required: a manager ignores commands that are more than three minutes old, or have no age.
            timestamp=int(now),
        )
        queue = command_queue(manager_id)
        await self._broker.declare(queue)
        await self._broker.publish(queue, [message])


def find_or_add(
    connection: Connection,
    manager_id: str,
    identity: Identity,
    *,
    user_options: Mapping[str, Any],
    user_runtime: Mapping[str, Any] | None,
    now: float,
) -> str:
    """Find the user endpoint of a manager that serves an identity with a configuration; make it when there is none."""
    config_hash = hashlib.sha256(json.dumps(user_options, sort_keys=True).encode()).hexdigest()
    known = endpoints.user_endpoint_by_config(connection, manager_id, identity.identity_id, config_hash)
    if known is not None:
        return known
    user_endpoint = UserEndpoint(new_id(), manager_id, identity.identity_id, user_options, user_runtime)
    endpoints.add_user_endpoint(connection, user_endpoint, config_hash, now)
    return user_endpoint.endpoint_id


def start_command(user_endpoint: UserEndpoint, owner: Identity, credentials: Mapping[str, Any]) -> bytes:
    """Write the body of a command that starts a user endpoint."""
    body = {
        "command": "cmd_start_endpoint",
        "args": [],
        "kwargs": {
            "name": f"uep.{user_endpoint.manager_id}.{user_endpoint.endpoint_id}",
            "user_opts": dict(user_endpoint.user_options),
            "user_runtime": dict(user_endpoint.user_runtime or {}),
            "amqp_creds": credentials,
        },
        "globus_effective_identity": owner.identity_id,
        "globus_username": owner.name,
        "globus_identity_set": [{"sub": owner.identity_id, "username": owner.name}],
    }
    return json.dumps(body).encode()
