"""Denials: what somebody is told who may not have a thing, as 403s.

To whoever may not know, a private thing of somebody else and a thing that is not there are the same: the same status,
code and words. That a function is shared with a group is no secret: who may use it is what is missing.
"""

from __future__ import annotations

from .faults import Fault

FUNCTION = "FUNCTION_ACCESS_FORBIDDEN"
ENDPOINT = "ENDPOINT_ACCESS_FORBIDDEN"
TASK = "TASK_ACCESS_FORBIDDEN"
TASK_GROUP = "TASK_GROUP_ACCESS_FORBIDDEN"
GROUP = "GROUP_ACCESS_FORBIDDEN"
BLOB = "BLOB_ACCESS_FORBIDDEN"


def function(function_id: str) -> Fault:
    """No such function, or a private one of somebody else."""
    return Fault(
        403,
        FUNCTION,
        f"there is no function {function_id} that you may use: it must be yours, public, or shared with a group that "
        "you are in; check the id, or ask its owner",
    )


def function_of_group(function_id: str, group_id: str) -> Fault:
    """A function that is shared with a group of others."""
    return Fault(
        403,
        FUNCTION,
        f"function {function_id} may be used by its owner and the members of group {group_id}, and you are not in it; "
        "ask to be put into it",
    )


def function_of_other(function_id: str) -> Fault:
    """A private function of somebody else, for who may know that it is there."""
    return Fault(
        403,
        FUNCTION,
        f"function {function_id} belongs to somebody else and is not public; ask its owner to register it as public, "
        "or for a group",
    )


def function_not_owned(function_id: str) -> Fault:
    """A function that one may use and not delete."""
    return Fault(403, FUNCTION, f"function {function_id} is somebody else's: only its owner may delete it")


def endpoint(endpoint_id: str) -> Fault:
    """No such endpoint, or a private one of somebody else."""
    return Fault(
        403,
        ENDPOINT,
        f"there is no endpoint {endpoint_id} that you may use: it must be yours, or public, or you one of its admins; "
        "check the id, or ask its owner",
    )


def endpoint_of_other(endpoint_id: str) -> Fault:
    """A private endpoint of somebody else, for who may know that it is there."""
    return Fault(
        403,
        ENDPOINT,
        f"endpoint {endpoint_id} belongs to somebody else and is not public; ask its owner, or use one of your own",
    )


def endpoint_of_removed(endpoint_id: str) -> Fault:
    """An endpoint that one might use, were its owner still a user."""
    return Fault(
        403,
        ENDPOINT,
        f"endpoint {endpoint_id} takes no tasks any more: its owner was removed from this service; use another one",
    )


def endpoint_not_managed(endpoint_id: str) -> Fault:
    """An endpoint that one may use and not change."""
    return Fault(
        403,
        ENDPOINT,
        f"endpoint {endpoint_id} is somebody else's: only its owner and its admins may change, stop or delete it",
    )


def endpoint_not_registrable(endpoint_id: str) -> Fault:
    """An endpoint that somebody else has registered."""
    return Fault(
        403,
        ENDPOINT,
        f"there is no endpoint {endpoint_id} that you may register: it must be yours, and not one that a manager "
        "starts; leave the id out to be given a new one",
    )


def task(task_id: str, kept: str) -> Fault:
    """No such task, or somebody else's."""
    return Fault(
        403,
        TASK,
        f"there is no task {task_id} that you may see: it must be yours, or its task group shared with a group that "
        f"you are in; finished tasks are deleted after {kept}",
    )


def task_of_other(task_id: str) -> Fault:
    """Somebody else's task, for who may know that it is there."""
    return Fault(403, TASK, f"task {task_id} belongs to somebody else, and its task group is not shared with you")


def task_group(task_group_id: str) -> Fault:
    """No such task group, or somebody else's."""
    return Fault(
        403,
        TASK_GROUP,
        f"there is no task group {task_group_id} that you may see: it must be yours, or shared with a group that you "
        "are in; check the id, or ask its owner",
    )


def task_group_of_other(task_group_id: str) -> Fault:
    """Somebody else's task group, for who may know that it is there."""
    return Fault(403, TASK_GROUP, f"task group {task_group_id} belongs to somebody else, and is not shared with you")


def task_group_not_owned(task_group_id: str) -> Fault:
    """Somebody else's task group, into which one may not submit."""
    return Fault(
        403,
        TASK_GROUP,
        f"there is no task group {task_group_id} that you may submit into or share: it must be yours; leave it out to "
        "be given a new one",
    )


def group(group_id: str) -> Fault:
    """No such group, or one that the caller is not in."""
    return Fault(
        403,
        GROUP,
        f"there is no group {group_id} that you may share with: you must be in it; check the id, or ask to be put into "
        "it",
    )


def group_of_others(group_id: str) -> Fault:
    """A group that the caller is not in, for who may know that it is there."""
    return Fault(403, GROUP, f"you are not in group {group_id}, and may share nothing with it; join it first")


def blob(digest: str) -> Fault:
    """No such blob, or one that the caller has not to do with."""
    return Fault(
        403,
        BLOB,
        f"there is no blob {digest} that you may have: you must have sent it, or have a task or an endpoint that it "
        "was sent for; what no task needs is kept for a day",
    )
