"""Access: who may use, see and change what.

    function       used by its owner, by everybody when it is public, by the members of the group it is shared with
                   deleted by its owner
    endpoint       used and seen by its owner and its admins, by everybody when it is public; runs what is on its list
                   stopped and deleted by its owner and its admins, registered anew by its owner
    user endpoint  used by the one it is for, as long as they may use its manager
                   seen, stopped and deleted by them, and by the owner and the admins of the manager
    container      seen, used and deleted by its owner
    task           seen by its owner, and by the members of the group that its task group is shared with
    task group     likewise; shared, submitted into and called off by its owner

An endpoint whose owner was removed from the service takes nothing new.

Who asks comes with their groups, so nothing here asks the store for them. Only who is turned away, or uses an endpoint
of somebody else, costs another query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from . import denials, faults
from .faults import Fault
from .store import containers, endpoints, functions, groups, identities, task_groups
from .store.containers import StoredContainer
from .store.endpoints import Endpoint
from .store.functions import Function
from .store.identities import Identity
from .store.outcomes import Record
from .store.task_groups import TaskGroup


def usable_functions(
    connection: Connection, identity: Identity, endpoint: Endpoint, function_ids: Sequence[str]
) -> dict[str, Function]:
    """Find functions that somebody may run at an endpoint.

    Args:
        connection: to the store.
        identity: who asks.
        endpoint: as `usable_endpoint` gave it.
        function_ids: which.

    Raises:
        Fault: one is not theirs to run, or not on the endpoint's list (403).
    """
    found = functions.some(connection, function_ids)
    for function_id in function_ids:
        _require_usable(connection, identity, function_id, found.get(function_id))
        if endpoint.allowed_functions is not None and function_id not in endpoint.allowed_functions:
            raise faults.function_not_permitted(function_id, endpoint.endpoint_id)
    return found


def usable_function(connection: Connection, identity: Identity, function_id: str) -> Function:
    """Find a function that somebody may run, and therefore see.

    Raises:
        Fault: they may not (403), or it is not there, for who may know (404).
    """
    return _require_usable(
        connection, identity, function_id, functions.some(connection, [function_id]).get(function_id)
    )


def own_function(connection: Connection, identity: Identity, function_id: str) -> Function:
    """Find a function that somebody may delete.

    Raises:
        Fault: as `usable_function`; or it is somebody else's (403).
    """
    function = usable_function(connection, identity, function_id)
    if function.owner_id != identity.identity_id:
        raise denials.function_not_owned(function_id)
    return function


def _require_usable(
    connection: Connection, identity: Identity, function_id: str, function: Function | None
) -> Function:
    if function is None:
        owner_id = functions.owner_of_deleted(connection, function_id)
        if identity.may_know_all or owner_id == identity.identity_id:
            raise faults.function_not_found(function_id)
        raise denials.function(function_id)
    if function.owner_id == identity.identity_id or function.is_public or function.group_id in identity.group_ids:
        return function
    if function.group_id is not None:
        raise denials.function_of_group(function_id, function.group_id)
    raise denials.function_of_other(function_id) if identity.may_know_all else denials.function(function_id)


def usable_endpoint(connection: Connection, identity: Identity, endpoint_id: str) -> Endpoint:
    """Find an endpoint that somebody may submit to; a user endpoint with the list of functions of its manager.

    Raises:
        Fault: they may not (403), or it is not there, for who may know (404).
    """
    endpoint = _endpoint(connection, identity, endpoint_id)
    if endpoint.manager_id is None:
        if not _is_open_to(connection, identity, endpoint):
            raise _refusal(identity, endpoint)
        _require_looked_after(connection, identity, endpoint)
        return endpoint
    # Whatever else they may do with it: tasks run there as the one it is for.
    manager = endpoints.one(connection, endpoint.manager_id)
    is_theirs = endpoint.owner_id == identity.identity_id
    if not is_theirs or manager is None or not _is_open_to(connection, identity, manager):
        raise _refusal(identity, endpoint)
    _require_looked_after(connection, identity, manager)
    return replace(endpoint, allowed_functions=manager.allowed_functions)


def visible_endpoint(connection: Connection, identity: Identity, endpoint_id: str) -> Endpoint:
    """Find an endpoint that somebody may look at.

    Raises:
        Fault: they may not (403), or it is not there, for who may know (404).
    """
    endpoint = _endpoint(connection, identity, endpoint_id)
    if not endpoint.is_public and not manages(connection, identity, endpoint):
        raise _refusal(identity, endpoint)
    return endpoint


def managed_endpoint(connection: Connection, identity: Identity, endpoint_id: str) -> Endpoint:
    """Find an endpoint that somebody may stop and delete.

    Raises:
        Fault: they may not (403), or it is not there, for who may know (404).
    """
    endpoint = visible_endpoint(connection, identity, endpoint_id)
    if not manages(connection, identity, endpoint):
        raise denials.endpoint_not_managed(endpoint_id)
    return endpoint


def manages(connection: Connection, identity: Identity, endpoint: Endpoint) -> bool:
    """Say whether somebody is the owner or an admin of an endpoint, or of its manager."""
    if endpoint.owner_id == identity.identity_id:
        return True
    if endpoint.manager_id is None:
        return identity.identity_id in endpoints.admins(connection, endpoint.endpoint_id)
    manager = endpoints.one(connection, endpoint.manager_id)
    return manager is not None and manages(connection, identity, manager)


def _endpoint(connection: Connection, identity: Identity, endpoint_id: str) -> Endpoint:
    endpoint = endpoints.one(connection, endpoint_id)
    if endpoint is None:
        if endpoints.owner_of_deleted(connection, endpoint_id) == identity.identity_id:
            raise faults.endpoint_deleted(endpoint_id)
        raise faults.endpoint_not_found(endpoint_id) if identity.may_know_all else denials.endpoint(endpoint_id)
    return endpoint


def _is_open_to(connection: Connection, identity: Identity, endpoint: Endpoint) -> bool:
    return endpoint.is_public or manages(connection, identity, endpoint)


def _require_looked_after(connection: Connection, identity: Identity, endpoint: Endpoint) -> None:
    """Keep what others submit from the machine of somebody who was removed, whose agent may still be connected."""
    if endpoint.owner_id != identity.identity_id and identities.is_removed(connection, endpoint.owner_id):
        raise denials.endpoint_of_removed(endpoint.endpoint_id)


def _refusal(identity: Identity, endpoint: Endpoint) -> Fault:
    return (denials.endpoint_of_other if identity.may_know_all else denials.endpoint)(endpoint.endpoint_id)


def may_see_task(identity: Identity, record: Record) -> bool:
    """Say whether somebody may see a task and its result."""
    return record.owner_id == identity.identity_id or record.group_id in identity.group_ids


def visible_task(identity: Identity, task_id: str, record: Record | None, *, kept: str) -> Record:
    """Give the record of a task that somebody may see.

    Args:
        identity: who asks.
        task_id: the task.
        record: what there is of it.
        kept: for how long finished tasks are kept, in words.

    Raises:
        Fault: they may not (403), or it is not there, for who may know (404).
    """
    if record is not None and may_see_task(identity, record):
        return record
    if not identity.may_know_all:
        raise denials.task(task_id, kept)
    raise faults.task_not_found(task_id, kept) if record is None else denials.task_of_other(task_id)


def visible_task_group(connection: Connection, identity: Identity, task_group_id: str) -> TaskGroup:
    """Find a task group whose tasks somebody may see.

    Raises:
        Fault: they may not (403), or it is not there, for who may know (404).
    """
    found = task_groups.one(connection, task_group_id)
    if found is not None and (found.owner_id == identity.identity_id or found.group_id in identity.group_ids):
        return found
    if not identity.may_know_all:
        raise denials.task_group(task_group_id)
    raise faults.task_group_not_found(task_group_id) if found is None else denials.task_group_of_other(task_group_id)


def own_task_group(connection: Connection, identity: Identity, task_group_id: str) -> TaskGroup:
    """Find a task group that somebody may share.

    Raises:
        Fault: as `visible_task_group`; or it is somebody else's (403).
    """
    found = visible_task_group(connection, identity, task_group_id)
    if found.owner_id != identity.identity_id:
        raise denials.task_group_not_owned(task_group_id)
    return found


def require_member(connection: Connection, identity: Identity, group_id: str) -> None:
    """See that somebody may share with a group.

    Raises:
        Fault: they are not in it (403), or it is not there, for who may know (404).
    """
    if group_id in identity.group_ids:
        return
    if not identity.may_know_all:
        raise denials.group(group_id)
    is_there = groups.is_there(connection, group_id)
    raise denials.group_of_others(group_id) if is_there else faults.group_not_found(group_id)


def own_container(connection: Connection, identity: Identity, container_id: str) -> StoredContainer:
    """Find a container that somebody may look at, delete, and have functions run in.

    Raises:
        Fault: it is not there, or somebody else's: 403 both, as who asks is not to know which. The administrator of the
            service is told of what is not there (404).
    """
    found = containers.some(connection, [container_id]).get(container_id)
    if found is None and identity.may_know_all:
        raise faults.container_not_found(container_id)
    if found is None or found.owner_id != identity.identity_id:
        raise faults.container_forbidden(container_id)
    return found
