"""The renewal: a function that the service has forgotten is registered again, and its tasks are sent once more."""

from __future__ import annotations

import logging
from dataclasses import replace

from ...errors import NotFound, ServiceRefused
from .task import Batch, Task

log = logging.getLogger(__name__)

#: The service's words for a function that is not there (deleted, or another database behind the same address), and for
#: one that is there and somebody else's.
_GONE = frozenset({"FUNCTION_NOT_FOUND", "FUNCTION_ACCESS_FORBIDDEN"})


def renew(batch: Batch, error: ServiceRefused) -> Batch | None:
    """Register the function of a refused batch again. Blocks.

    Args:
        batch: tasks of one function.
        error: why they were refused.

    Returns:
        The batch to send instead, which is not renewed a second time; None where the refusal has another reason, or
        the function was not registered by itself.

    Raises:
        ServiceError: the function could not be registered.
    """
    function, function_id = batch.tasks[0].function, batch.tasks[0].function_id
    if function is None or not _is_gone(function_id, error):
        return None
    renewed = function.renew(function_id)
    if renewed is None:
        return None
    log.info("function %s is gone from the service (%s): it is registered again as %s", function_id, error, renewed)
    return Batch(batch.route, [_renewed(task, renewed) for task in batch.tasks])


def _is_gone(function_id: str, error: ServiceRefused) -> bool:
    # Older services give no such code.
    return error.code in _GONE or (error.code is None and isinstance(error, NotFound) and function_id in str(error))


def _renewed(task: Task, function_id: str) -> Task:
    task.future.function_id = function_id
    return replace(task, function_id=function_id, function=None)
