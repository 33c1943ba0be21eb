"""Task groups: attaching to one that is there, from a new process or after a loss, and sharing one."""

from __future__ import annotations

from sqlalchemy import Connection

from ..wire.queues import result_queue
from .access import own_task_group, require_member, visible_task_group
from .outbox import Outbox
from .store import Database, task_groups
from .store.identities import Identity


class Groups:
    """Attaches clients to task groups, and shares them. Every method belongs to the event loop's thread."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def attach(self, identity: Identity, task_group_id: str) -> tuple[list[str], bool]:
        """List the tasks of a group, in the order of submission, and see that it has a queue for results to come.

        Results go to its owner's queue alone: others who may see them ask for them.

        Returns:
            The ids of the tasks, and whether the group is somebody else's.

        Raises:
            Fault: it is not theirs to see (403), or not there, for who may know (404).
        """

        def attach(connection: Connection) -> bool:
            group = visible_task_group(connection, identity, task_group_id)
            is_owner = group.owner_id == identity.identity_id
            if is_owner and not group.has_queue:
                task_groups.give_queue(connection, task_group_id)
            return is_owner

        is_owner = await self._database.write(attach)
        if is_owner:
            await self._outbox.declare(result_queue(identity.queue_prefix, task_group_id), anew=True)
        task_ids = await self._database.scan(lambda connection: task_groups.task_ids(connection, task_group_id))
        return task_ids, not is_owner

    async def share(self, identity: Identity, task_group_id: str, group_id: str | None) -> None:
        """Let the members of a group see the tasks of a task group, and no others; None: nobody but its owner.

        Raises:
            Fault: it is not theirs to share, or they are not in the group (403); or one is not there, for who may know
                (404).
        """

        def share(connection: Connection) -> None:
            own_task_group(connection, identity, task_group_id)
            if group_id is not None:
                require_member(connection, identity, group_id)
            task_groups.share(connection, task_group_id, group_id)

        await self._database.write(share)
