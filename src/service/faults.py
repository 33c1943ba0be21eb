"""What the service refuses, as exceptions that know their HTTP answer.

The codes are the ones the hosted service documents, so that programs which look at them go on working. What somebody
may not have is in `denials`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..wire.blobs import BLOB_NOT_FOUND


class Fault(Exception):
    """A request that is refused.

    Attributes:
        http_status: the status of the answer.
        code: for programs, such as ``"ENDPOINT_NOT_FOUND"``.
        message: for people: what happened, with the value, then what to do.
        retry_after_s: when to ask again, in seconds, where that is known.
    """

    def __init__(self, http_status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.http_status = http_status
        self.code = code
        self.message = message


def unauthenticated(reason: str, *, takes_globus: bool = False) -> Fault:
    """401: nobody, or nobody known, asks."""
    way = "the token from the file 'token' in the service's directory"
    if takes_globus:
        way = "that of a login with Globus for this service (farpool login), or a token that the service gave out"
    return Fault(401, "USER_UNAUTHENTICATED", f"{reason}; send 'Authorization: Bearer TOKEN' with {way}")


def globus_away(reason: str, retry_after_s: int) -> Fault:
    """503: whose token that is cannot be found out now."""
    return Fault(
        503,
        "GLOBUS_UNAVAILABLE",
        f"the service cannot ask Globus whose login that is: {reason}; ask again in {retry_after_s} s",
        retry_after_s=retry_after_s,
    )


def malformed(reason: str, *, http_status: int = 422) -> Fault:
    """400 or 422: the request does not follow the protocol."""
    return Fault(http_status, "REQUEST_MALFORMED", reason)


def invalid_id(reason: str) -> Fault:
    """400: an id in the path is not a UUID."""
    return Fault(400, "INVALID_UUID", reason)


def function_not_found(function_id: str) -> Fault:
    """404: no such function, for who may know, or one's own that was deleted."""
    return Fault(
        404,
        "FUNCTION_NOT_FOUND",
        f"there is no function {function_id} at this service; register it here first, or check the id",
    )


def function_not_permitted(function_id: str, endpoint_id: str) -> Fault:
    """403: the endpoint runs a list of functions, and this is not one of them."""
    return Fault(
        403,
        "FUNCTION_NOT_PERMITTED",
        f"function {function_id} is not permitted on endpoint {endpoint_id}, which has a list of functions; "
        "see its allowed functions",
    )


def endpoint_not_found(endpoint_id: str) -> Fault:
    """404: no such endpoint, or it was deleted, for who may know."""
    return Fault(
        404,
        "ENDPOINT_NOT_FOUND",
        f"there is no endpoint {endpoint_id} at this service; start one with: farpool endpoint start NAME",
    )


def endpoint_runs_any(endpoint_id: str) -> Fault:
    """409: something is to be removed from a list that there is not."""
    return Fault(
        409,
        "ENDPOINT_NOT_RESTRICTED",
        f"endpoint {endpoint_id} has no list of functions: it runs any, and none can be removed; set the list of those "
        "that it is to run",
    )


def endpoint_has_list_of_manager(endpoint_id: str, manager_id: str) -> Fault:
    """409: a user endpoint runs what its manager may."""
    return Fault(
        409,
        "ENDPOINT_HAS_MANAGER",
        f"endpoint {endpoint_id} runs the functions that its manager {manager_id} may run; set the list there",
    )


def endpoint_deleted(endpoint_id: str) -> Fault:
    """404: the caller's own endpoint, which was deleted."""
    return Fault(
        404,
        "ENDPOINT_NOT_FOUND",
        f"endpoint {endpoint_id} was deleted, and its id is not given again; start another one, under another name: "
        "farpool endpoint start NAME",
    )


def endpoint_locked(endpoint_id: str, remaining_s: float) -> Fault:
    """423: the endpoint was stopped remotely a moment ago."""
    return Fault(
        423,
        "ENDPOINT_LOCKED",
        f"endpoint {endpoint_id} was stopped remotely and may not register for another {remaining_s:.0f} s; "
        "start it again after that",
    )


def task_not_found(task_id: str, kept: str) -> Fault:
    """404: no such task, for who may know."""
    return Fault(
        404,
        "TASK_NOT_FOUND",
        f"there is no task {task_id} at this service; check the id; finished tasks are deleted after {kept}",
    )


def task_group_not_found(task_group_id: str) -> Fault:
    """404: no such task group, for who may know."""
    return Fault(
        404,
        "TASK_GROUP_NOT_FOUND",
        f"there is no task group {task_group_id} at this service; it is made by a submission",
    )


def group_not_found(group_id: str) -> Fault:
    """404: no such group, for who may know."""
    return Fault(
        404, "GROUP_NOT_FOUND", f"there is no group {group_id} at this service; make one with: farpool groups add NAME"
    )


def too_many_tasks(count: int, limit: int) -> Fault:
    """413: more tasks in one request than are taken at a time."""
    return Fault(
        413, "TASK_PAYLOAD_TOO_LARGE", f"the request holds {count} tasks and the limit is {limit}; send fewer at once"
    )


def too_many_blobs(count: int, limit: int) -> Fault:
    """413: a task refers to more pieces than fit into the head of its message."""
    return Fault(
        413,
        "TASK_PAYLOAD_TOO_LARGE",
        f"a task's arguments refer to {count} large pieces and the limit is {limit}; put them together, such as arrays "
        "into one, or pass the names of files",
    )


def task_too_large(function_id: str, size: int, limit: int) -> Fault:
    """413: code and arguments of one task make a message that brokers do not carry."""
    return Fault(
        413,
        "TASK_PAYLOAD_TOO_LARGE",
        f"a task of function {function_id} is {size} characters long with its code and the limit is {limit}; "
        "pass large data by reference (a file, an object store)",
    )


def too_large(size_bytes: int, limit_bytes: int) -> Fault:
    """413: the body is over the limit."""
    return Fault(
        413,
        "TASK_PAYLOAD_TOO_LARGE",
        f"the request is {size_bytes} bytes long and the limit is {limit_bytes}; send fewer tasks at once, "
        "or pass large data by reference (a file, an object store)",
    )


def blob_not_found(digests: Sequence[str]) -> Fault:
    """404: no such blob, or none that the caller has sent or was sent."""
    names = ", ".join(digests[:3]) + (f" and {len(digests) - 3} more" if len(digests) > 3 else "")
    return Fault(404, BLOB_NOT_FOUND, f"you have no blob {names} at this service; send it first, or once more")


def blob_differs(digest: str, found: str, size_bytes: int) -> Fault:
    """422: what came is not what its name says."""
    return Fault(
        422,
        "BLOB_DIFFERS",
        f"the {size_bytes} bytes that came have the SHA-256 {found}, not {digest}: they were changed while they were "
        "sent, or damaged on the way; send them again",
    )


def blob_too_large(size_bytes: int, limit_bytes: int) -> Fault:
    """413: a blob over the limit."""
    return Fault(
        413,
        "BLOB_TOO_LARGE",
        f"the blob is {size_bytes} bytes long and the limit is {limit_bytes}; write such data to a place that both "
        "sides reach, and pass its name",
    )


def blob_store_full(why: str) -> Fault:
    """507: there is no room for a blob."""
    return Fault(507, "BLOB_STORE_FULL", f"the service has no room for the blob ({why}); make room there")


def endpoint_takes_no_blobs(endpoint_id: str) -> Fault:
    """422: the endpoint's agent cannot read arguments by reference."""
    return Fault(
        422,
        "ENDPOINT_TAKES_NO_BLOBS",
        f"endpoint {endpoint_id} takes no arguments by reference, as its agent is not a farpool of this version; pass "
        "less, or submit to one that is",
    )


def container_not_found(container_id: str) -> Fault:
    """404: no such container, or it was deleted."""
    return Fault(
        404,
        "CONTAINER_NOT_FOUND",
        f"there is no container {container_id} at this service; register it here first, or check the id",
    )


def container_forbidden(container_id: str) -> Fault:
    """403: no such container, or somebody else's: who asks is not to know which."""
    return Fault(
        403,
        "CONTAINER_ACCESS_FORBIDDEN",
        f"there is no container {container_id} that you may use: it must be yours; check the id, or register one",
    )


def container_in_use(container_id: str, function_ids: Sequence[str]) -> Fault:
    """409: functions run in it."""
    names = ", ".join(function_ids[:3]) + (f" and {len(function_ids) - 3} more" if len(function_ids) > 3 else "")
    return Fault(
        409,
        "CONTAINER_IN_USE",
        f"container {container_id} is what function {names} runs in; delete the function first, or keep the container",
    )


def container_of_another_type(container_id: str, found: str, wanted: str) -> Fault:
    """404: the container is of another type than the one that was asked for."""
    return Fault(
        404,
        "CONTAINER_NOT_FOUND",
        f"container {container_id} has no {wanted!r}: it is of the type {found!r}; ask for that",
    )
