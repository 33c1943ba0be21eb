"""The service without its web: all parts, put together, started and stopped in order."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection

from ..wire.queues import HEARTBEATS_QUEUE, RESULTS_QUEUE
from ..wire.rest import LoginWay
from .allowed import AllowedFunctions
from .blobs import BlobPlace, Keeper, Sweeper
from .broker import Broker
from .cancelling import Cancelling
from .endings import Endings
from .globus import GlobusOptions, open_people
from .groups import Groups
from .heartbeats import HeartbeatIntake
from .identification import Identification, OwnTokens, Sources
from .marks import Marks
from .outbox import Outbox
from .people import DIRECTORY_LABEL
from .recovery import Recovery
from .registry import Registry
from .results import ResultIntake
from .retention import Retention
from .store import Database, identities, tokens
from .store.identities import ADMINISTRATOR, RESULT_QUEUES
from .submissions import Submissions
from .user_endpoints import UserEndpoints

log = logging.getLogger(__name__)


class House:
    """All parts of a service.

    Args:
        database: the store, not yet opened.
        broker: not yet started.
        token: the local user's bearer token.
        secret: what ids of idempotent requests are derived with.
        lock_s, keep_finished_s, keep_waiting_s, globus: see `ServiceOptions`.
        blobs: where blobs are kept.

    Attributes:
        identification: who asks.
        login: how one logs in.
    """

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        token: str,
        secret: bytes,
        lock_s: float,
        keep_finished_s: float,
        keep_waiting_s: float,
        blobs: BlobPlace,
        globus: GlobusOptions | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self.broker = broker
        self.clock = clock
        own = OwnTokens(database, clock=clock)
        self._globus = None if globus is None else open_people(database, globus, clock=clock)
        # First the service's own, who cost no request.
        self.identification: Identification = own if self._globus is None else Sources(own, self._globus)
        self.login = LoginWay() if globus is None else globus.way
        self._token = token
        self._marks = Marks(database)
        self.outbox = Outbox(database, broker, self._marks)
        self._user_endpoints = UserEndpoints(database, broker, clock=clock)
        self.results = ResultIntake(database, self.outbox, self._marks, clock=clock)
        self.cancelling = Cancelling(database, self.outbox, self.results, clock=clock)
        endings = Endings(database, self.outbox, self.results)
        self._heartbeats = HeartbeatIntake(database, self._user_endpoints, endings, clock=clock)
        self.registry = Registry(
            database, broker, self.outbox, endings, self._user_endpoints, lock_s=lock_s, clock=clock
        )
        self.allowed_functions = AllowedFunctions(database)
        self.groups = Groups(database, self.outbox)
        self.submissions = Submissions(database, self.outbox, self._user_endpoints, secret=secret, clock=clock)
        self._recovery = Recovery(database, broker, self.outbox, keep_finished_s=keep_finished_s, clock=clock)
        self.blobs = Keeper(database, blobs, clock=clock)
        self.sweeper = Sweeper(database, blobs, clock=clock)
        self.retention = Retention(
            database,
            self.outbox,
            self.cancelling.give_up,
            keep_finished_s=keep_finished_s,
            keep_waiting_s=keep_waiting_s,
            clock=clock,
        )

    async def start(self) -> None:
        """Open the store, start the broker, and take up the work where it was left."""
        self.database.open()
        await self.database.write(self._welcome)
        self.broker.on_taken(self._taken)
        await self._recovery.run()
        await self.broker.consume(RESULTS_QUEUE, self.results.handle)
        await self.broker.consume(HEARTBEATS_QUEUE, self._heartbeats.handle)
        await self.cancelling.start()
        self.retention.start()
        self.sweeper.start()

    async def stop(self) -> None:
        """Finish what is under way, and let go of everything."""
        await self.sweeper.stop()
        await self.retention.stop()
        await self.cancelling.stop()
        await self._user_endpoints.stop()
        await self.outbox.stop()
        await self.broker.stop()
        await self._marks.stop()
        if self._globus is not None:
            await self._globus.stop()
        self.database.close()

    def names_elsewhere(self, group_ids: Iterable[str]) -> dict[str, str]:
        """Give the names of groups that are looked after elsewhere, those that are known."""
        return {} if self._globus is None else self._globus.group_names(group_ids)

    def _welcome(self, connection: Connection) -> None:
        now = self.clock()
        local = identities.ensure(connection, ADMINISTRATOR, now)
        tokens.put(connection, local, DIRECTORY_LABEL, self._token, now)

    def _taken(self, queue: str, task_ids: Sequence[str]) -> None:
        # Tasks that an endpoint has taken are told here too: that says nothing about their results.
        if queue.startswith(RESULT_QUEUES):
            self._marks.taken(task_ids)
