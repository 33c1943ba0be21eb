"""The client's calls about groups of people: which one is in, and what is shared with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ServiceRefused
from ..wire.ids import as_id
from .bodies import entries, json_body

if TYPE_CHECKING:
    from .transport import Transport


class SharingCalls:
    """Calls about groups. Part of `Client`. Only farpool services have them."""

    _transport: Transport

    def get_groups(self) -> list[dict[str, Any]]:
        """List the groups that you are in, each with its ``group_id`` and ``name``; a group of Globus has no name here.

        Raises:
            ServiceRefused: the service is the hosted one.
        """
        self._require_groups("list groups", "see those that you are in at https://app.globus.org/groups")
        return self._transport.call(
            "list groups",
            lambda pair: pair.v3.get("/v3/identity"),
            lambda body: entries(body, "groups"),
        )

    def share_task_group(self, task_group_id: object, group: object) -> None:
        """Let the members of a group see the tasks of a task group of yours, with their results.

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
        self._require_groups("share task groups", "share the functions instead: register_function(fn, group=...)")
        self._transport.call(
            f"share task group {shared}",
            lambda pair: pair.v3.put(f"/v3/taskgroup/{shared}/group", data=body),
            json_body,
        )

    def _require_groups(self, what: str, instead: str) -> None:
        if self._transport.is_hosted:
            raise ServiceRefused(f"the hosted service cannot {what}; {instead}", code="SHARING_NOT_SUPPORTED")
