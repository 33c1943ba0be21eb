"""Wrong use of the client, as a table: by method, a call, the kind of error and its very words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from farpool import Batch, Client
from farpool.client import Throttle
from farpool.client.legacy import Batch as LegacyBatch
from farpool.errors import PayloadTooLarge, SerializationError
from farpool.serialize import AllCodeStrategies, JSONData, Serializer
from farpool.wire.rest import SubmitRequest

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
LOOKS = "one looks like 4b116d3c-1703-4f8f-9f6f-39921e5864df"
DIGEST = "0" * 64
LONG = "x" * 10_000_000
LONG_SHOWN = f"'{'x' * 37}...{'x' * 38}'"
GENERATOR = (one for one in "abc")


@dataclass(frozen=True)
class Bad:
    """One wrong call.

    Attributes:
        method: the class and method that is called.
        call: calls it.
        kind: the error that is raised.
        said: all that it says.
    """

    method: str
    call: Callable[[Any], object]
    kind: type[Exception]
    said: str


def function() -> None:
    """Do nothing."""


def _batch(client: Client) -> Batch:
    batch = client.create_batch()
    batch.add(ID)
    return batch


def ids(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What no id is."""
    must = f"{what} must be a UUID or a string that spells one, not"
    for value, kind, said in (
        ("x", ValueError, f"{what} 'x' is not a UUID; {LOOKS}"),
        ("", ValueError, f"{what} '' is not a UUID; {LOOKS}"),
        (f"{{{ID}}}", ValueError, f"{what} '{{{ID}}}' is not a UUID; {LOOKS}"),
        (f"../{ID}", ValueError, f"{what} '../{ID}' is not a UUID; {LOOKS}"),
        (f"{ID}\n", ValueError, f"{what} '{ID}\\n' is not a UUID; {LOOKS}"),
        (LONG, ValueError, f"{what} {LONG_SHOWN} is not a UUID; {LOOKS}"),
        (5, TypeError, f"{must} 5 (int)"),
        (ID.encode(), TypeError, f"{must} b'{ID}' (bytes)"),
        ([ID], TypeError, f"{must} ['{ID}'] (list)"),
    ):
        yield Bad(method, functools.partial(_called, call, value), kind, said)


def required_ids(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    yield from ids(method, what, call)
    said = f"{what} must be a UUID or a string that spells one, not None (NoneType)"
    yield Bad(method, functools.partial(_called, call, None), TypeError, said)


def lists(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What no list of ids is."""
    must = f"{what} must be a list of ids, not"
    for value, kind, said in (
        (ID, TypeError, f"{must} '{ID}' (str)"),
        (ID.encode(), TypeError, f"{must} b'{ID}' (bytes)"),
        (5, TypeError, f"{must} 5 (int)"),
        ({ID: [ID]}, TypeError, f"{must} a dict: take the ids out of its values"),
        ([ID, "x"], ValueError, f"{what} 'x' is not a UUID; {LOOKS}"),
        ([[ID]], TypeError, f"{what} must be a UUID or a string that spells one, not ['{ID}'] (list)"),
        ([None], TypeError, f"{what} must be a UUID or a string that spells one, not None (NoneType)"),
    ):
        yield Bad(method, functools.partial(_called, call, value), kind, said)


def required_lists(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    yield from lists(method, what, call)
    yield Bad(
        method, functools.partial(_called, call, None), TypeError, f"{what} must be a list of ids, not None (NoneType)"
    )


def texts(method: str, what: str, call: Callable[[Any, Any], object], *, may_be_empty: bool) -> Iterator[Bad]:
    """What no text is."""
    yield Bad(method, functools.partial(_called, call, 5), TypeError, f"{what} must be a string, not 5 (int)")
    yield Bad(method, functools.partial(_called, call, b"x"), TypeError, f"{what} must be a string, not b'x' (bytes)")
    if not may_be_empty:
        yield Bad(method, functools.partial(_called, call, " "), ValueError, f"{what} is empty")


def flags(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What is neither true nor false."""
    must = f"{what} must be True or False, not"
    yield Bad(method, functools.partial(_called, call, "no"), TypeError, f"{must} 'no' (str)")
    yield Bad(method, functools.partial(_called, call, 1), TypeError, f"{must} 1 (int)")


def limits(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What is no limit."""
    for value, kind, said in (
        ("5", TypeError, f"{what} must be an integer, not '5' (str)"),
        (True, TypeError, f"{what} must be an integer, not True (bool)"),
        (1.5, TypeError, f"{what} must be an integer, not 1.5 (float)"),
        (0, ValueError, f"{what} must be greater than 0, not 0"),
        (-1, ValueError, f"{what} must be greater than 0, not -1"),
    ):
        yield Bad(method, functools.partial(_called, call, value), kind, said)


def objects(method: str, what: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What no object of JSON is."""
    looped: dict[str, Any] = {}
    looped["self"] = looped
    written = f"{what} cannot be written as JSON:"
    for value, kind, said in (
        (5, TypeError, f"{what} must be a dict, not 5 (int)"),
        ([("a", 1)], TypeError, f"{what} must be a dict, not [('a', 1)] (list)"),
        ({1: 2}, TypeError, f"{what} must have strings as keys, not 1 (int)"),
        ({"a": {1}}, TypeError, f"{written} Object of type set is not JSON serializable"),
        ({"a": float("nan")}, ValueError, f"{written} Out of range float values are not JSON compliant..."),
        (looped, ValueError, f"{written} Circular reference detected"),
    ):
        yield Bad(method, functools.partial(_called, call, value), kind, said)


def kinds(method: str, what: str, name: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What is not of a kind."""
    yield Bad(method, functools.partial(_called, call, "x"), TypeError, f"{what} must be a {name}, not 'x' (str)")


def digests(method: str, call: Callable[[Any, Any], object]) -> Iterator[Bad]:
    """What is no name of a blob."""
    must = "digest must be a SHA-256 in 64 small hexadecimal digits, not"
    yield Bad(method, functools.partial(_called, call, "X" * 64), ValueError, f"{must} '{'X' * 64}'")
    yield Bad(method, functools.partial(_called, call, 5), ValueError, f"{must} 5")


def _called(call: Callable[[Any, Any], object], value: object, client: Any) -> object:
    return call(client, value)


def _small(client: Client) -> Client:
    client.throttle = Throttle(max_bytes=100_000)
    return client


def _made(client: Client, *args: Any, **how: Any) -> Client:
    """Make a client that would talk to nobody."""
    return Client(*args, **{"token": "t", "do_version_check": False, "settings": client.settings, **how})


_CLIENT = [
    Bad("Client.__init__", lambda c: _made(c, 5), TypeError, "environment must be a string, not 5 (int)"),
    Bad(
        "Client.__init__",
        lambda c: _made(c, "http://localhost:5000"),
        ValueError,
        "environment 'http://localhost:5000' is not one that farpool knows (production, local); for any other service "
        "give its address: service_url='http://...'",
    ),
    *flags("Client.__init__", "local_compute_services", lambda c, v: _made(c, None, v)),
    *flags("Client.__init__", "do_version_check", lambda c, v: _made(c, do_version_check=v)),
    *flags("Client.__init__", "force_login", lambda c, v: _made(c, force_login=v)),
    Bad(
        "Client.__init__",
        lambda c: _made(c, force_login=True),
        ValueError,
        "force_login=True was given with token=, which cannot log in: give app=, or neither",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, service_url="localhost"),
        ValueError,
        "service_url 'localhost' is not an http(s) URL; one looks like http://localhost:5000",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, app=object(), authorizer=object(), token=None),
        ValueError,
        "app and authorizer were both given: choose one way to say who you are",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, authorizer="secret", token=None),
        TypeError,
        "authorizer must be one of globus-sdk's, not a str; for a token use token=",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, app="app", token=None),
        TypeError,
        "app must be one of globus-sdk's, not a str; for a token use token=",
    ),
    *kinds("Client.__init__", "settings", "Settings", lambda c, v: _made(c, settings=v)),
    *kinds("Client.__init__", "serializer", "Serializer", lambda c, v: _made(c, serializer=v)),
    *kinds("Client.__init__", "patience", "Patience", lambda c, v: _made(c, patience=v)),
    Bad(
        "Client.__init__",
        lambda c: _made(c, serializer=Serializer(), data_serialization_strategy=JSONData()),
        ValueError,
        "serializer was given together with a strategy: give the strategies to the serializer",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, code_serialization_strategy=5),
        TypeError,
        "a strategy must be one of farpool.serialize, such as AllCodeStrategies(), or its import path, not 5 (int)",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, data_serialization_strategy=AllCodeStrategies()),
        ValueError,
        "strategy 12 (AllCodeStrategies) is for code; for data choose a strategy for data",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, throttle="20"),
        TypeError,
        "throttle must be a Throttle, True, False or None, not '20' (str)",
    ),
    Bad(
        "Client.__init__",
        lambda c: _made(c, login_manager=object()),
        TypeError,
        "login_manager has gone, in globus-compute-sdk too: pass app=, authorizer= or token= instead",
    ),
    *texts("Client.version_check", "endpoint_version", lambda c, v: c.version_check(v), may_be_empty=False),
    Bad(
        "Client.version_check",
        lambda c: c.version_check("new"),
        ValueError,
        "endpoint_version 'new' is no version; one looks like 4.19.0",
    ),
    *kinds("Client.patient", "patience", "Patience", lambda c, v: c.patient(v)),
    *flags("Client.login", "force", lambda c, v: c.login(force=v)),
    Bad("Client.pace", lambda c: c.pace(5), TypeError, "wait must be a function, not 5 (int)"),
]

_FUNCTIONS = [
    Bad(
        "Client.register_function",
        lambda c: c.register_function("f"),
        TypeError,
        "register_function takes a function, not 'f' (str)",
    ),
    *texts("Client.register_function", "description", lambda c, v: c.register_function(function, v), may_be_empty=True),
    *objects("Client.register_function", "metadata", lambda c, v: c.register_function(function, metadata=v)),
    *flags("Client.register_function", "public", lambda c, v: c.register_function(function, public=v)),
    *ids("Client.register_function", "group", lambda c, v: c.register_function(function, group=v)),
    *ids("Client.register_function", "ha_endpoint_id", lambda c, v: c.register_function(function, ha_endpoint_id=v)),
    *ids("Client.register_function", "container_uuid", lambda c, v: c.register_function(function, container_uuid=v)),
    *texts(
        "Client.register_function",
        "function_name",
        lambda c, v: c.register_function(function, function_name=v),
        may_be_empty=False,
    ),
    *(
        Bad(
            "Client.register_function",
            functools.partial(_called, lambda c, v: c.register_function(function, ha_endpoint_id=ID, **v), how),
            ValueError,
            "ha_endpoint_id was given together with public or group: such a function cannot be shared",
        )
        for how in ({"public": True}, {"group": ID})
    ),
    Bad(
        "Client.register_function",
        lambda c: c.register_function(lambda given=GENERATOR: given),
        SerializationError,
        "function ...<lambda> cannot be serialized because of its default value, a generator; ...",
    ),
    Bad(
        "Client.register_source_code",
        lambda c: _small(c).register_source_code("x" * 200_000, "f"),
        PayloadTooLarge,
        "cannot register function 'f': the request is 200,000 bytes, and 100,000 is the limit for one; ...",
    ),
    *texts("Client.register_source_code", "source", lambda c, v: c.register_source_code(v, "f"), may_be_empty=False),
    *texts(
        "Client.register_source_code", "function_name", lambda c, v: c.register_source_code("x", v), may_be_empty=False
    ),
    Bad(
        "Client.register_source_code",
        lambda c: c.register_source_code("x", "a b"),
        ValueError,
        "function_name 'a b' is not the name of a Python function",
    ),
    *objects("Client.register_source_code", "metadata", lambda c, v: c.register_source_code("x", "f", metadata=v)),
    *ids("Client.register_source_code", "group", lambda c, v: c.register_source_code("x", "f", group=v)),
    *kinds("Client.register", "registration", "FunctionRegistration", lambda c, v: c.register(v)),
    *required_ids("Client.get_function", "function_id", lambda c, v: c.get_function(v)),
    *required_ids("Client.delete_function", "function_id", lambda c, v: c.delete_function(v)),
    *limits("Client.get_functions", "limit", lambda c, v: c.get_functions(v)),
    *texts("Client.search_functions", "query", lambda c, v: c.search_functions(v), may_be_empty=True),
    *texts("Client.search_functions", "owner", lambda c, v: c.search_functions(owner=v), may_be_empty=False),
    *limits("Client.search_functions", "limit", lambda c, v: c.search_functions(limit=v)),
    Bad(
        "Client.search_functions",
        lambda c: c.search_functions(offset=-1),
        ValueError,
        "offset must not be negative, and is -1",
    ),
]

_CONTAINERS = [
    Bad(
        "Client.register_container",
        lambda c: c.register_container("image", "lxc"),
        ValueError,
        "container_type 'lxc' is not known: it must be one of docker, podman, apptainer, singularity, bubblewrap, "
        "venv, conda",
    ),
    *texts("Client.register_container", "container_type", lambda c, v: c.register_container("a", v), may_be_empty=True),
    *texts("Client.register_container", "location", lambda c, v: c.register_container(v, "docker"), may_be_empty=True),
    Bad(
        "Client.register_container",
        lambda c: c.register_container("", "docker"),
        ValueError,
        "location is empty: name an image, a file or a directory where the function is to run in",
    ),
    Bad(
        "Client.register_container",
        lambda c: c.register_container("--privileged", "docker"),
        ValueError,
        "location '--privileged' must not begin with '-' or hold control characters",
    ),
    Bad(
        "Client.register_container",
        lambda c: c.register_container("env", "venv"),
        ValueError,
        "location 'env' of a venv must be an absolute path on the endpoint's machine",
    ),
    Bad(
        "Client.register_container",
        lambda c: c.register_container(LONG, "docker"),
        ValueError,
        "location has 10000000 characters, the limit is 4096",
    ),
    *texts("Client.register_container", "name", lambda c, v: c.register_container("a", "docker", v), may_be_empty=True),
    *required_ids("Client.get_container", "container_uuid", lambda c, v: c.get_container(v)),
    *texts("Client.get_container", "container_type", lambda c, v: c.get_container(ID, v), may_be_empty=True),
    *limits("Client.get_containers", "limit", lambda c, v: c.get_containers(v)),
    *required_ids("Client.delete_container", "container_uuid", lambda c, v: c.delete_container(v)),
]

_TASKS = [
    *required_ids("Client.run", "endpoint_id", lambda c, v: c.run(endpoint_id=v, function_id=ID)),
    *required_ids("Client.run", "function_id", lambda c, v: c.run(endpoint_id=ID, function_id=v)),
    Bad(
        "Client.run",
        lambda c: c.run(ID, ID),
        TypeError,
        "...run() missing 2 required keyword-only arguments: 'endpoint_id' and 'function_id'",
    ),
    Bad(
        "Client.run",
        lambda c: c.run(1, GENERATOR, endpoint_id=ID, function_id=ID),
        SerializationError,
        "argument 2 ...",
    ),
    Bad(
        "Client.run",
        lambda c: c.run(endpoint_id=ID, function_id=ID, g=GENERATOR),
        SerializationError,
        "argument 'g' ...",
    ),
    Bad(
        "Client.run",
        lambda c: _small(c).run("x" * 200_000, endpoint_id=ID, function_id=ID),
        PayloadTooLarge,
        f"cannot submit 1 tasks to endpoint {ID}: the request is ... bytes, and 100,000 is the limit for one; ...",
    ),
    *ids("Client.create_batch", "task_group_id", lambda c, v: c.create_batch(v)),
    *objects("Client.create_batch", "resource_specification", lambda c, v: c.create_batch(None, v)),
    *objects("Client.create_batch", "user_endpoint_config", lambda c, v: c.create_batch(None, None, v)),
    *flags("Client.create_batch", "create_websocket_queue", lambda c, v: c.create_batch(create_websocket_queue=v)),
    Bad(
        "Client.create_batch",
        lambda c: c.create_batch(result_serializers="a.b"),
        TypeError,
        "result_serializers must be a list of strategies or of their import paths, not 'a.b' (str)",
    ),
    Bad(
        "Client.create_batch",
        lambda c: c.create_batch(result_serializers=["JSONData", 5]),
        TypeError,
        "result_serializers: a strategy must be one of farpool.serialize, such as AllCodeStrategies(), or its import "
        "path, not 5 (int)",
    ),
    Bad(
        "Client.create_batch",
        lambda c: c.create_batch(result_serializers=["a.b"]),
        ValueError,
        "result_serializers: no serialization strategy is named 'a.b'; known: DillDataBase64, JSONData, ...",
    ),
    *required_ids("Client.batch_run", "endpoint_id", lambda c, v: c.batch_run(v, _batch(c))),
    Bad(
        "Client.batch_run",
        lambda c: c.batch_run(ID, c.create_batch()),
        ValueError,
        "there is no task to submit: add at least one",
    ),
    Bad(
        "Client.batch_run",
        lambda c: c.batch_run(ID, [1]),
        TypeError,
        "batch_run takes a Batch, made by create_batch(), not [1] (list)",
    ),
    Bad(
        "Client.batch_run",
        lambda c: c.batch_run(ID, _batch(c).prepare()),
        TypeError,
        "batch_run takes a Batch, made by create_batch(), not {...} (dict)",
    ),
    Bad(
        "Client.batch_run",
        lambda c: c.batch_run(_batch(c), ID),
        TypeError,
        f"batch_run takes a Batch, made by create_batch(), not '{ID}' (str)",
    ),
    *kinds("Client.submit", "request", "SubmitRequest", lambda c, v: c.submit(ID, v)),
    *required_ids("Client.submit", "endpoint_id", lambda c, v: c.submit(v, SubmitRequest(tasks={ID: ["x"]}))),
    *(
        Bad(
            "Client.submit",
            functools.partial(_called, lambda c, v: c.submit(ID, SubmitRequest(tasks=v)), tasks),
            ValueError,
            "there is no task to submit: add at least one",
        )
        for tasks in (dict[str, list[str]](), {ID: list[str]()})
    ),
    *texts(
        "Client.submit",
        "idempotency_key",
        lambda c, v: c.submit(ID, SubmitRequest(tasks={ID: ["x"]}), idempotency_key=v),
        may_be_empty=False,
    ),
    Bad(
        "Client.submit",
        lambda c: c.submit(ID, SubmitRequest(tasks={ID: ["x"]}, user_endpoint_config={"a": {1}})),
        TypeError,
        "the request cannot be written as JSON: JSON has no word for a set",
    ),
    *required_ids("Client.get_task", "task_id", lambda c, v: c.get_task(v)),
    *required_ids("Client.get_result", "task_id", lambda c, v: c.get_result(v)),
    *required_lists("Client.get_batch_result", "task_id_list", lambda c, v: c.get_batch_result(v)),
    *required_lists("Client.get_batch_status", "task_ids", lambda c, v: c.get_batch_status(v)),
    *texts("Client.read_value", "text", lambda c, v: c.read_value(v), may_be_empty=True),
    *required_ids("Client.get_task_group", "task_group_id", lambda c, v: c.get_task_group(v)),
    *required_ids("Client.get_own_task_group", "task_group_id", lambda c, v: c.get_own_task_group(v)),
    *required_ids("Client.share_task_group", "task_group_id", lambda c, v: c.share_task_group(v, ID)),
    *ids("Client.share_task_group", "group", lambda c, v: c.share_task_group(ID, v)),
    *ids("Client.get_tasks", "task_group_id", lambda c, v: c.get_tasks(task_group_id=v)),
    *ids("Client.get_tasks", "endpoint_id", lambda c, v: c.get_tasks(endpoint_id=v)),
    *limits("Client.get_tasks", "limit", lambda c, v: c.get_tasks(limit=v)),
    Bad(
        "Client.get_tasks",
        lambda c: c.get_tasks(status="done"),
        ValueError,
        "status 'done' is not a state of a task; one of: ...",
    ),
    *required_lists("Client.cancel_tasks", "task_ids", lambda c, v: c.cancel_tasks(v)),
    *flags("Client.cancel_tasks", "running", lambda c, v: c.cancel_tasks([ID], running=v)),
    *flags("Client.cancel_tasks", "stranded", lambda c, v: c.cancel_tasks([ID], stranded=v)),
]

_ENDPOINTS = [
    *texts("Client.register_endpoint", "name", lambda c, v: c.register_endpoint(v), may_be_empty=False),
    *(
        Bad(
            "Client.register_endpoint",
            functools.partial(_called, lambda c, v: c.register_endpoint(v), name),
            ValueError,
            f"name {name if len(name) > 80 else repr(name)} is no name for an endpoint: at most 128 characters, no "
            "blanks, slashes or quotes, no dot in front",
        )
        for name in ("a b", ".a", "a/b", "a'b", 'a"b')
    ),
    Bad(
        "Client.register_endpoint",
        lambda c: c.register_endpoint(LONG),
        ValueError,
        f"name {LONG_SHOWN} is no name for an endpoint: at most 128 characters, no blanks, slashes or quotes, no "
        "dot in front",
    ),
    *ids("Client.register_endpoint", "endpoint_id", lambda c, v: c.register_endpoint("a", v)),
    *objects("Client.register_endpoint", "metadata", lambda c, v: c.register_endpoint("a", None, v)),
    *flags("Client.register_endpoint", "multi_user", lambda c, v: c.register_endpoint("a", multi_user=v)),
    *texts(
        "Client.register_endpoint",
        "display_name",
        lambda c, v: c.register_endpoint("a", display_name=v),
        may_be_empty=False,
    ),
    *lists("Client.register_endpoint", "allowed_functions", lambda c, v: c.register_endpoint("a", allowed_functions=v)),
    *ids("Client.register_endpoint", "auth_policy", lambda c, v: c.register_endpoint("a", auth_policy=v)),
    *ids("Client.register_endpoint", "subscription_id", lambda c, v: c.register_endpoint("a", subscription_id=v)),
    *flags("Client.register_endpoint", "public", lambda c, v: c.register_endpoint("a", public=v)),
    *flags("Client.register_endpoint", "high_assurance", lambda c, v: c.register_endpoint("a", high_assurance=v)),
    *lists("Client.register_endpoint", "admins", lambda c, v: c.register_endpoint("a", admins=v)),
    *required_ids("Client.get_endpoint_status", "endpoint_uuid", lambda c, v: c.get_endpoint_status(v)),
    *required_ids("Client.get_endpoint_metadata", "endpoint_uuid", lambda c, v: c.get_endpoint_metadata(v)),
    *texts("Client.get_endpoints", "role", lambda c, v: c.get_endpoints(v), may_be_empty=False),
    *required_ids("Client.get_allowed_functions", "endpoint_id", lambda c, v: c.get_allowed_functions(v)),
    *required_ids("Client.set_allowed_functions", "endpoint_id", lambda c, v: c.set_allowed_functions(v, [ID])),
    *lists("Client.set_allowed_functions", "function_ids", lambda c, v: c.set_allowed_functions(ID, v)),
    *required_ids("Client.add_allowed_functions", "endpoint_id", lambda c, v: c.add_allowed_functions(v, [ID])),
    *required_lists("Client.add_allowed_functions", "function_ids", lambda c, v: c.add_allowed_functions(ID, v)),
    *required_ids("Client.remove_allowed_functions", "endpoint_id", lambda c, v: c.remove_allowed_functions(v, [ID])),
    *required_lists("Client.remove_allowed_functions", "function_ids", lambda c, v: c.remove_allowed_functions(ID, v)),
    *required_ids("Client.stop_endpoint", "endpoint_id", lambda c, v: c.stop_endpoint(v)),
    *required_ids("Client.delete_endpoint", "endpoint_id", lambda c, v: c.delete_endpoint(v)),
    *required_ids("Client.get_worker_hardware_details", "endpoint_id", lambda c, v: c.get_worker_hardware_details(v)),
    *required_ids("Client.takes_blobs", "endpoint_id", lambda c, v: c.takes_blobs(v)),
]

_BLOBS = [
    *kinds("Client.keep_blob", "piece", "memoryview", lambda c, v: c.keep_blob(v)),
    *digests("Client.has_blob", lambda c, v: c.has_blob(v)),
    *digests("Client.put_blob", lambda c, v: c.put_blob(v, memoryview(b""))),
    *kinds("Client.put_blob", "piece", "memoryview", lambda c, v: c.put_blob(DIGEST, v)),
    *digests("Client.fetch_blob", lambda c, v: c.fetch_blob(v, 1, print)),
    Bad(
        "Client.fetch_blob",
        lambda c: c.fetch_blob(DIGEST, -1, print),
        ValueError,
        "size_bytes must not be negative, and is -1",
    ),
    Bad("Client.fetch_blob", lambda c: c.fetch_blob(DIGEST, 1, 5), TypeError, "write must be a function, not 5 (int)"),
    *digests("Client.find_blob", lambda c, v: c.find_blob(v, 1)),
    Bad(
        "Client.find_blob",
        lambda c: c.find_blob(DIGEST, "1"),
        TypeError,
        "size_bytes must be an integer, not '1' (str)",
    ),
]

_BATCH = [
    *ids("Batch.__init__", "task_group_id", lambda _c, v: Batch(v)),
    *objects("Batch.__init__", "resource_specification", lambda _c, v: Batch(None, v)),
    *objects("Batch.__init__", "user_endpoint_config", lambda _c, v: Batch(None, None, v)),
    *flags("Batch.__init__", "request_queue", lambda _c, v: Batch(None, None, None, v)),
    *kinds("Batch.__init__", "serializer", "Serializer", lambda _c, v: Batch(serializer=v)),
    *objects("Batch.__init__", "user_runtime", lambda _c, v: Batch(user_runtime=v)),
    *required_ids("Batch.add", "function_id", lambda c, v: c.create_batch().add(v)),
    Bad(
        "Batch.add",
        lambda c: c.create_batch().add(ID, "abc"),
        TypeError,
        "args must be a tuple, not 'abc' (str): for one argument, args=(x,)",
    ),
    Bad(
        "Batch.add",
        lambda c: c.create_batch().add(ID, 5),
        TypeError,
        "args must be a tuple, not 5 (int): for one argument, args=(x,)",
    ),
    Bad(
        "Batch.add",
        lambda c: c.create_batch().add(ID, {"x": 1}),
        TypeError,
        "args must be a tuple, not {'x': 1} (dict): for one argument, args=(x,)",
    ),
    Bad("Batch.add", lambda c: c.create_batch().add(ID, (), [1]), TypeError, "kwargs must be a dict, not [1] (list)"),
    *(
        Bad(
            "Batch.add",
            functools.partial(_called, lambda c, v: c.create_batch().add(ID, (), {v: 2}), key),
            TypeError,
            f"kwargs must have strings as keys, not {key!r} ({type(key).__name__})",
        )
        for key in (1, None, b"x", ("a",))
    ),
    Bad(
        "Batch.add",
        lambda c: c.create_batch().add(ID, (GENERATOR,)),
        SerializationError,
        "argument 1 ...",
    ),
    Bad(
        "Batch.task_group_id",
        lambda c: setattr(c.create_batch(), "task_group_id", "x"),
        ValueError,
        f"task_group_id 'x' is not a UUID; {LOOKS}",
    ),
]

#: All of it.
TABLE = [*_CLIENT, *_FUNCTIONS, *_CONTAINERS, *_TASKS, *_ENDPOINTS, *_BLOBS, *_BATCH]


def methods_of(kind: type[Any]) -> list[str]:
    """List the public methods of a class that take anything, by class and name; its constructor is one."""
    name_of_kind = f"legacy.{kind.__name__}" if kind is LegacyBatch else kind.__name__
    found = ["__init__", *(name for name in dir(kind) if not name.startswith("_"))]
    return [
        f"{name_of_kind}.{name}"
        for name in found
        if inspect.isfunction(method := inspect.getattr_static(kind, name))
        and len(inspect.signature(method).parameters) > 1
    ]
