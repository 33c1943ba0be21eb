"""The client's calls about what is shared with groups of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ServiceRefused
from ..wire.ids import as_id
from .bodies import json_body

if TYPE_CHECKING:
    from .transport import Transport


class SharingCalls:
    """Calls about sharing. Part of `Client`."""

    _transport: Transport

    def share_task_group(self, task_group_id: object, group: object) -> None:
        """Let the members of a group see the tasks of a task group of yours, with their results.

        Only farpool services can: the hosted one has no such route.

        Args:
            task_group_id: the task group; `Executor.task_group_id` is one.
            group: the id of a group that you are in: its members, and nobody else's, may see them from now on. None:
                nobody but you may.

        Raises:
            TypeError, ValueError: an id is malformed.
            AccessDenied: the task group is not yours, or you are not in the group.
            ServiceRefused: the service is the hosted one.
        """
        shared = as_id(task_group_id, "task_group_id")
        body = {"group": None if group is None else as_id(group, "group")}
        if self._transport.is_hosted:
            raise ServiceRefused(
                "the hosted service cannot share task groups; share functions there: register_function(fn, group=...)",
                code="SHARING_NOT_SUPPORTED",
            )
        self._transport.call(
            f"share task group {shared}",
            lambda pair: pair.v3.put(f"/v3/taskgroup/{shared}/group", data=body),
            json_body,
        )
