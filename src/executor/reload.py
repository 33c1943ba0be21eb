"""Futures for tasks that are at the service already, from this program or an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .future import Future

if TYPE_CHECKING:
    from ..client import Client


def reload(
    task_group_id: str,
    *,
    client: Client,
    called_off: Callable[[Future[Any]], None],
    attach: Callable[[str, Sequence[tuple[str, Future[Any]]]], None],
) -> list[Future[Any]]:
    """Make a future for each task of a group, in the service's order, and have them settled.

    Args:
        task_group_id: the group.
        client: who asks the service. Blocks for one request.
        called_off: called with a future that was cancelled.
        attach: makes the futures wait; asks for those that are finished.
    """
    futures: list[tuple[str, Future[Any]]] = []
    for task_id in client.get_own_task_group(task_group_id):
        future: Future[Any] = Future(called_off=called_off)
        future.task_id = task_id
        future.task_group_id = task_group_id
        future.set_running_or_notify_cancel()
        futures.append((task_id, future))
    if futures:
        attach(task_group_id, futures)
    return [future for _, future in futures]
