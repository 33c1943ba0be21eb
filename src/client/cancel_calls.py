"""The client's call that calls tasks off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import ServiceRefused
from ..wire.jsontext import dumps
from ..wire.rest import CancelReply, CancelRequest
from ..wire.rest.cancels import UNKNOWN
from .checks import flag, id_list

if TYPE_CHECKING:
    from .transport import Transport


class CancelCalls:
    """The call that calls tasks off. Part of `Client`."""

    _transport: Transport

    def cancel_tasks(
        self, task_ids: Iterable[object], *, running: bool = True, stranded: bool = False
    ) -> dict[str, str]:
        """Call tasks off, in one request. Only farpool services can: the hosted one has no such route.

        Args:
            task_ids: the tasks; of another user's nothing is known.
            running: whether those that a worker has begun are to be stopped, too.
            stranded: only tasks whose endpoint is away and that certainly have not begun there: they can be submitted
                to another endpoint then. Meant for tasks that were submitted as `movable`; of others nobody can tell.

        Returns:
            By task id, in the order asked: ``"cancelled"`` (it has that outcome now, and never runs; or whatever it
            still does is dropped), ``"requested"`` (its endpoint has been told, and will say what became of it),
            ``"running"`` (it was left alone, as it runs or may run), ``"finished"`` (it had an outcome before),
            ``"unknown"``.

        Raises:
            TypeError: `task_ids` is no list, or `running` or `stranded` is no truth value.
            ServiceRefused: the service is the hosted one.
        """
        wanted = list(dict.fromkeys(id_list(task_ids, "task_ids")))
        request = CancelRequest(wanted, running=flag(running, "running"), stranded=flag(stranded, "stranded"))
        if self._transport.is_hosted:
            raise ServiceRefused(
                "the hosted service cannot cancel tasks: leave their results unread, or use a farpool service",
                code="CANCEL_NOT_SUPPORTED",
            )
        if not wanted:
            return {}
        body = dumps(request.to_json())

        def read(answer: Any) -> dict[str, str]:
            results = CancelReply.from_json(answer).results
            return {task_id: results.get(task_id, UNKNOWN) for task_id in wanted}

        return self._transport.call(
            f"cancel {len(wanted)} tasks",
            lambda pair: pair.v2.post("/v2/tasks/cancel", data=body, headers={"Content-Type": "application/json"}),
            read,
            sent_bytes=len(body),
        )
