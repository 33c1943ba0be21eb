"""Wrong use of funcX's client, as a table: see `support.bad_input`."""

from __future__ import annotations

from typing import Any

from farpool.client.legacy import Batch, FuncXClient, MaxRequestSizeExceeded
from farpool.errors import SerializationError, ServiceRefused

from .bad_input import (
    GENERATOR,
    ID,
    Bad,
    flags,
    function,
    ids,
    limits,
    required_ids,
    texts,
)


def _made(fxc: FuncXClient, **how: Any) -> FuncXClient:
    """Make a client that would talk to nobody."""
    options: dict[str, Any] = {"token": "t", "settings": fxc.client.settings, "do_version_check": False}
    return FuncXClient(**options | how)


_CLIENT = [
    *flags("FuncXClient.__init__", "force_login", lambda c, v: _made(c, force_login=v)),
    *flags("FuncXClient.__init__", "throttling_waits", lambda c, v: _made(c, throttling_waits=v)),
    *ids("FuncXClient.__init__", "task_group_id", lambda c, v: _made(c, task_group_id=v)),
    Bad(
        "FuncXClient.__init__",
        lambda c: _made(c, environment="dev"),
        ValueError,
        "environment 'dev' is none of 'production', 'local': say funcx_service_address= instead",
    ),
    Bad(
        "FuncXClient.__init__",
        lambda c: _made(c, funcx_service_address="https://api2.funcx.org/v2"),
        ValueError,
        "funcx_service_address 'https://api2.funcx.org/v2' is no service any more: leave it out for the hosted Globus "
        "Compute service, or give the address of a farpool service",
    ),
    Bad(
        "FuncXClient.__init__",
        lambda c: _made(c, asynchronous=True),
        TypeError,
        "asynchronous= is not there any more: use farpool.Executor, whose futures can be awaited",
    ),
    *texts("FuncXClient.version_check", "endpoint_version", lambda c, v: c.version_check(v), may_be_empty=False),
]

_FUNCTIONS = [
    Bad(
        "FuncXClient.register_function",
        lambda c: c.register_function("f"),
        TypeError,
        "register_function takes a function, not 'f' (str)",
    ),
    *texts(
        "FuncXClient.register_function",
        "description",
        lambda c, v: c.register_function(function, description=v),
        may_be_empty=True,
    ),
    *flags("FuncXClient.register_function", "public", lambda c, v: c.register_function(function, public=v)),
    *flags("FuncXClient.register_function", "searchable", lambda c, v: c.register_function(function, searchable=v)),
    *ids("FuncXClient.register_function", "group", lambda c, v: c.register_function(function, group=v)),
    *ids(
        "FuncXClient.register_function", "container_uuid", lambda c, v: c.register_function(function, container_uuid=v)
    ),
    *texts("FuncXClient.search_function", "query", lambda c, v: c.search_function(v), may_be_empty=True),
    *limits("FuncXClient.search_function", "limit", lambda c, v: c.search_function("x", limit=v)),
    Bad(
        "FuncXClient.search_function",
        lambda c: c.search_function("x", advanced=True),
        ValueError,
        "advanced=True: there is no query syntax any more; give words of the name or description",
    ),
    *texts(
        "FuncXClient.register_container", "location", lambda c, v: c.register_container(v, "Docker"), may_be_empty=True
    ),
    Bad(
        "FuncXClient.register_container",
        lambda c: c.register_container("image", "Shifter"),
        ValueError,
        "container_type 'shifter' is not known: it must be one of ...",
    ),
    *required_ids("FuncXClient.get_container", "container_uuid", lambda c, v: c.get_container(v, "docker")),
    Bad(
        "FuncXClient.build_container",
        lambda c: c.build_container(5),
        ServiceRefused,
        "cannot build 5: no service builds containers any more. Build the image with docker, podman or apptainer, and "
        "register where it is with register_container",
    ),
    Bad(
        "FuncXClient.get_container_build_status",
        lambda c: c.get_container_build_status(ID),
        ServiceRefused,
        f"cannot tell how far container {ID} is built: no service builds containers any more. ...",
    ),
]

_TASKS = [
    *ids("FuncXClient.run", "endpoint_id", lambda c, v: c.run(endpoint_id=v, function_id=ID)),
    *ids("FuncXClient.run", "function_id", lambda c, v: c.run(endpoint_id=ID, function_id=v)),
    Bad(
        "FuncXClient.run",
        lambda c: c.run(ID, ID),
        TypeError,
        "function_id= is missing: name the endpoint and the function, as endpoint_id= and function_id=",
    ),
    Bad(
        "FuncXClient.run",
        lambda c: c.run(GENERATOR, endpoint_id=ID, function_id=ID),
        SerializationError,
        "argument 1 ...",
    ),
    Bad(
        "FuncXClient.run",
        lambda c: c.run("x" * 3_000_000, endpoint_id=ID, function_id=ID),
        MaxRequestSizeExceeded,
        f"cannot submit 1 tasks to endpoint {ID}: the request is ... bytes, and 2,097,152 is the limit for one; ...",
    ),
    Bad(
        "FuncXClient.map_run",
        lambda c: c.map_run(5, endpoint_id=ID, function_id=ID),
        TypeError,
        "map_run takes one iterable of arguments, not (5,) (tuple)",
    ),
    Bad(
        "FuncXClient.map_run",
        lambda c: c.map_run([], endpoint_id=ID, function_id=ID),
        ValueError,
        "the batch is empty: add at least one task",
    ),
    *ids("FuncXClient.create_batch", "task_group_id", lambda c, v: c.create_batch(v)),
    *flags("FuncXClient.create_batch", "create_websocket_queue", lambda c, v: c.create_batch(None, v)),
    Bad(
        "FuncXClient.batch_run",
        lambda c: c.batch_run(c.create_batch()),
        ValueError,
        "the batch is empty: add at least one task",
    ),
    Bad(
        "FuncXClient.batch_run",
        lambda c: c.batch_run(c.client.create_batch()),
        TypeError,
        "batch_run takes a Batch, made by create_batch() of a FuncXClient, not <Batch of ...> (Batch)",
    ),
    *required_ids("FuncXClient.get_task", "task_id", lambda c, v: c.get_task(v)),
    *required_ids("FuncXClient.get_result", "task_id", lambda c, v: c.get_result(v)),
    Bad(
        "FuncXClient.get_batch_result",
        lambda c: c.get_batch_result(ID),
        TypeError,
        f"task_id_list must be a list of task ids, not '{ID}' (str)",
    ),
    Bad(
        "FuncXClient.get_batch_status",
        lambda c: c.get_batch_status(ID),
        TypeError,
        f"task_id_list must be a list of task ids, not '{ID}' (str)",
    ),
    Bad(
        "FuncXClient.get_batch_result",
        lambda c: c.get_batch_result({ID: [ID]}),
        TypeError,
        "task_id_list must be a list of ids, not a dict: take the ids out of its values",
    ),
]

_ENDPOINTS = [
    *texts("FuncXClient.register_endpoint", "name", lambda c, v: c.register_endpoint(v), may_be_empty=False),
    *ids("FuncXClient.register_endpoint", "endpoint_id", lambda c, v: c.register_endpoint("a", endpoint_uuid=v)),
    Bad(
        "FuncXClient.register_endpoint",
        lambda c: c.register_endpoint("a", ID, endpoint_uuid=ID),
        TypeError,
        "endpoint_id and endpoint_uuid were both given: they are the same",
    ),
    *required_ids("FuncXClient.get_endpoint_status", "endpoint_uuid", lambda c, v: c.get_endpoint_status(v)),
    *required_ids("FuncXClient.get_endpoint_metadata", "endpoint_uuid", lambda c, v: c.get_endpoint_metadata(v)),
    *texts("FuncXClient.search_endpoint", "q", lambda c, v: c.search_endpoint(v), may_be_empty=True),
    Bad(
        "FuncXClient.search_endpoint",
        lambda c: c.search_endpoint("x", "mine"),
        ValueError,
        "scope 'mine' is none; one of: all, my-endpoints, shared-with-me",
    ),
    *required_ids("FuncXClient.add_to_whitelist", "endpoint_id", lambda c, v: c.add_to_whitelist(v, [ID])),
    Bad(
        "FuncXClient.add_to_whitelist",
        lambda c: c.add_to_whitelist(ID, 5),
        TypeError,
        "function_ids must be a list of ids, or one, not 5",
    ),
    *required_ids("FuncXClient.get_whitelist", "endpoint_id", lambda c, v: c.get_whitelist(v)),
    *required_ids("FuncXClient.delete_from_whitelist", "endpoint_id", lambda c, v: c.delete_from_whitelist(v, [ID])),
    *required_ids("FuncXClient.stop_endpoint", "endpoint_id", lambda c, v: c.stop_endpoint(v)),
    *required_ids("FuncXClient.delete_endpoint", "endpoint_id", lambda c, v: c.delete_endpoint(v)),
]

_BATCH = [
    *ids("legacy.Batch.__init__", "task_group_id", lambda _c, v: Batch(v)),
    *flags("legacy.Batch.__init__", "create_websocket_queue", lambda _c, v: Batch(None, v)),
    *required_ids("legacy.Batch.add", "function_id", lambda _c, v: Batch().add(v, ID)),
    *required_ids("legacy.Batch.add", "endpoint_id", lambda _c, v: Batch().add(ID, v)),
    Bad(
        "legacy.Batch.add",
        lambda _c: Batch().add(ID),
        TypeError,
        "endpoint_id: not given. ...",
    ),
    Bad(
        "legacy.Batch.add",
        lambda _c: Batch().add(ID, ID, "abc"),
        TypeError,
        "args must be a tuple, not 'abc' (str): for one argument, args=(x,)",
    ),
    Bad(
        "legacy.Batch.add",
        lambda _c: Batch().add(ID, ID, (), {1: 2}),
        TypeError,
        "kwargs must have strings as keys, not 1 (int)",
    ),
    Bad(
        "legacy.Batch.add",
        lambda _c: Batch().add(ID, ID, (GENERATOR,)),
        SerializationError,
        "argument 1 ...",
    ),
]

#: All of it; each call is given a `FuncXClient`.
LEGACY_TABLE = [*_CLIENT, *_FUNCTIONS, *_TASKS, *_ENDPOINTS, *_BATCH]
