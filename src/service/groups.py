"""Task groups: attaching to one that is there, from a new process or after a loss."""

from __future__ import annotations

from sqlalchemy import Connection

from ..wire.queues import result_queue
from . import faults
from .outbox import Outbox
from .store import Database, task_groups
from .store.identities import Identity


class Groups:
    """Attaches clients to task groups. Every method belongs to the event loop's thread."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def attach(self, identity: Identity, task_group_id: str) -> list[str]:
        """List the tasks of a group, in the order of submission, and see that it has a queue for results to come.

        Raises:
            Fault: it is not there, or somebody else's (404).
        """

        def attach(connection: Connection) -> None:
            group = task_groups.one(connection, task_group_id)
            if group is None or group.owner_id != identity.identity_id:
                raise faults.task_group_not_found(task_group_id)
            if not group.has_queue:
                task_groups.give_queue(connection, task_group_id)

        await self._database.write(attach)
        await self._outbox.declare(result_queue(identity.queue_prefix, task_group_id), anew=True)
        return await self._database.scan(lambda connection: task_groups.task_ids(connection, task_group_id))
