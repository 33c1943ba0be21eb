"""A submit whose answer was lost: what is known of its tasks."""

from __future__ import annotations

from ..errors import ServiceError, TaskUncertain


def uncertain(error: ServiceError, endpoint_id: str) -> TaskUncertain:
    """Say that a request to submit may have been taken, though its answer never came; raise it `from` the error."""
    return TaskUncertain(
        f"it is not known whether the service took the task: {error}. It runs at most once; submit it again if it may "
        "run twice",
        endpoint_id=endpoint_id,
    )
