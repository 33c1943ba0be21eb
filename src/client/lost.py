"""What is known of tasks that got lost: a submit without an answer, and what the hosted service has dropped."""

from __future__ import annotations

from ..errors import NotFound, ServiceError, TaskUncertain


def uncertain(error: ServiceError, endpoint_id: str) -> TaskUncertain:
    """Say that a request to submit may have been taken, though its answer never came; raise it `from` the error."""
    return TaskUncertain(
        f"it is not known whether the service took the task: {error}. It runs at most once; submit it again if it may "
        "run twice",
        endpoint_id=endpoint_id,
    )


def dropped(error: NotFound) -> NotFound:
    """Say that the hosted service may have known a task once; raise it `from` the error."""
    return NotFound(
        f"{error}; if the id is right, it was dropped: the hosted service keeps a result that nobody fetches for 30 "
        "minutes, and a task without activity for two weeks",
        http_status=error.http_status,
        code=error.code,
        request_id=error.request_id,
    )
