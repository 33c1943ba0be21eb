"""The heartbeat intake: what endpoints report of themselves, and what follows from it.

    report --> presence, stored --> a task began                 task state: running
                                `-> a manager is back            its user endpoints with waiting tasks are started
                                `-> a user endpoint ended         started again while tasks wait for it
                                `-> it could not start (error)    its waiting tasks fail with the text

That an endpoint is away follows from the absence of reports, whenever somebody asks: nothing has to happen for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from ..errors import WireError
from ..wire import EndpointStatusReport, TaskState, decode
from ..wire.queues import heartbeats_routing_key
from .broker import Incoming
from .endings import Endings
from .presence import Presence, read_report
from .store import Database, endpoints, reports, tasks
from .store.endpoints import Endpoint
from .task_state import Event, advance, sources
from .user_endpoints import UserEndpoints

log = logging.getLogger(__name__)

#: What an endpoint calls a task that has begun.
_BEGAN = frozenset({TaskState.EXEC_START, TaskState.RUNNING})
_BEGUN = advance(TaskState.WAITING_FOR_EP, Event.STARTED).state


@dataclass(frozen=True, slots=True)
class _Noted:
    """A report in the store: of which endpoint, and how that was before and is now."""

    endpoint: Endpoint
    before: Presence
    presence: Presence


class HeartbeatIntake:
    """Takes reports in. Every method belongs to the event loop's thread."""

    def __init__(
        self,
        database: Database,
        user_endpoints: UserEndpoints,
        endings: Endings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._user_endpoints = user_endpoints
        self._endings = endings
        self._clock = clock

    async def handle(self, batch: Sequence[Incoming]) -> None:
        """Take a batch from the broker; it is safely stored when this returns."""
        read = [report for report in map(_read, batch) if report is not None]
        now = self._clock()
        noted = await self._database.write(lambda connection: [_note(connection, report, now) for report in read])
        for one in noted:
            if one is not None:
                await self._follow(one, now)

    async def _follow(self, noted: _Noted, now: float) -> None:
        endpoint, presence = noted.endpoint, noted.presence
        was_online, is_online = noted.before.is_online(now), presence.is_online(now)
        if was_online != is_online:
            log.info("endpoint %s (%s) is %s", endpoint.endpoint_id, endpoint.name, "online" if is_online else "away")
        if endpoint.manager_id is not None:
            self._user_endpoints.heard_of(endpoint.endpoint_id)
            if presence.error is not None:
                await self._endings.could_not_start(endpoint.endpoint_id, presence.error)
            else:
                await self._user_endpoints.wake(endpoint.endpoint_id)
        elif endpoint.is_manager and is_online and not was_online:
            await self._wake_all(endpoint.endpoint_id)
        elif presence.error is not None:
            await self._endings.could_not_start(endpoint.endpoint_id, presence.error)

    async def _wake_all(self, manager_id: str) -> None:
        for endpoint_id in await self._database.read(
            lambda connection: endpoints.user_endpoints_of(connection, manager_id)
        ):
            await self._user_endpoints.wake(endpoint_id)


def _read(incoming: Incoming) -> EndpointStatusReport | None:
    try:
        message = decode(incoming.body)
    except WireError as error:
        log.warning("dropped a report from %s that cannot be read: %s", incoming.routing_key, error)
        return None
    if not isinstance(message, EndpointStatusReport):
        log.error("dropped a %s from %s: it is no report", type(message).__name__, incoming.routing_key)
        return None
    if incoming.routing_key != heartbeats_routing_key(message.endpoint_id):
        log.warning("dropped a report on endpoint %s: it came from %s", message.endpoint_id, incoming.routing_key)
        return None
    return message


def _note(connection: Connection, report: EndpointStatusReport, now: float) -> _Noted | None:
    endpoint = endpoints.one(connection, report.endpoint_id)
    if endpoint is None:
        log.debug("dropped a report on endpoint %s: it is not there any more", report.endpoint_id)
        return None
    before = reports.presence(connection, report.endpoint_id)
    presence = read_report(report.global_state, now)
    reports.put(connection, report.endpoint_id, presence, report.global_state)
    begun = [
        task_id
        for task_id, transitions in report.task_statuses.items()
        if any(transition.state in _BEGAN for transition in transitions)
    ]
    tasks.move_by_id(connection, report.endpoint_id, begun, sources(Event.STARTED), _BEGUN)
    return _Noted(endpoint, before, presence)
