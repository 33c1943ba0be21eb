"""Wrong use: one clear error, and no request."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from farpool.client import Batch, Client
from farpool.errors import SerializationError
from farpool.wire.rest import SubmitRequest
from support.rest_server import RestServer

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
GENERATOR = (one for one in "abc")


def function() -> None:
    pass


def _batch(client: Client) -> Batch:
    batch = client.create_batch()
    batch.add(ID)
    return batch


CASES: list[tuple[str, Callable[[Any], object], type[Exception], str]] = [
    ("run, endpoint", lambda c: c.run(endpoint_id="x", function_id=ID), ValueError, "endpoint_id 'x' is not a UUID"),
    ("run, function", lambda c: c.run(endpoint_id=ID, function_id="x"), ValueError, "function_id 'x' is not a UUID"),
    ("run, None", lambda c: c.run(endpoint_id=None, function_id=ID), TypeError, "endpoint_id must be a UUID or"),
    ("run, callable", lambda c: c.run(endpoint_id=ID, function_id=function), TypeError, "function_id must be a UUID"),
    (
        "run, argument",
        lambda c: c.run(1, GENERATOR, endpoint_id=ID, function_id=ID),
        SerializationError,
        "argument 2 (",
    ),
    (
        "run, keyword",
        lambda c: c.run(endpoint_id=ID, function_id=ID, g=GENERATOR),
        SerializationError,
        "argument 'g' (",
    ),
    ("batch, empty", lambda c: c.batch_run(ID, c.create_batch()), ValueError, "no task to submit"),
    ("batch, endpoint", lambda c: c.batch_run("x", _batch(c)), ValueError, "endpoint_id 'x' is not a UUID"),
    ("batch, prepared", lambda c: c.batch_run(ID, _batch(c).prepare()), TypeError, "takes a Batch, made by"),
    ("batch, group", lambda c: c.create_batch("x"), ValueError, "task_group_id 'x' is not a UUID"),
    ("batch, specification", lambda c: c.create_batch(None, 5), TypeError, "resource_specification must be a dict"),
    (
        "batch, specification value",
        lambda c: c.create_batch(None, {"a": {1}}),
        TypeError,
        "resource_specification cannot be written as JSON: Object of type set",
    ),
    (
        "batch, config key",
        lambda c: c.create_batch(None, None, {1: 2}),
        TypeError,
        "user_endpoint_config must have strings as keys, not 1 (int)",
    ),
    (
        "batch, config number",
        lambda c: c.create_batch(None, None, {"a": float("nan")}),
        ValueError,
        "user_endpoint_config cannot be written as JSON",
    ),
    ("batch, queue", lambda c: c.create_batch(None, None, None, "no"), TypeError, "request_queue must be True or"),
    (
        "batch, serializers",
        lambda c: c.create_batch(result_serializers="a.b"),
        TypeError,
        "result_serializers must be a list of import paths, not 'a.b'",
    ),
    ("add, id", lambda c: c.create_batch().add("x"), ValueError, "function_id 'x' is not a UUID"),
    ("add, string", lambda c: c.create_batch().add(ID, "abc"), TypeError, "args must be a tuple, not 'abc' (str): for"),
    ("add, number", lambda c: c.create_batch().add(ID, 5), TypeError, "args must be a tuple, not 5 (int)"),
    ("add, kwargs", lambda c: c.create_batch().add(ID, (), [1]), TypeError, "kwargs must be a dict, not [1] (list)"),
    (
        "add, key",
        lambda c: c.create_batch().add(ID, (), {1: 2}),
        TypeError,
        "kwargs must have strings as keys, not 1 (int)",
    ),
    ("submit, empty", lambda c: c.submit(ID, SubmitRequest(tasks={})), ValueError, "no task to submit"),
    ("submit, hollow", lambda c: c.submit(ID, SubmitRequest(tasks={ID: []})), ValueError, "no task to submit"),
    (
        "submit, unwritable",
        lambda c: c.submit(ID, SubmitRequest(tasks={ID: ["x"]}, user_endpoint_config={"a": {1}})),
        TypeError,
        "the request cannot be written as JSON",
    ),
    ("task", lambda c: c.get_task("x"), ValueError, "task_id 'x' is not a UUID"),
    ("result", lambda c: c.get_result(5), TypeError, "task_id must be a UUID or a string that spells one, not 5"),
    ("results, id", lambda c: c.get_batch_result([ID, "x"]), ValueError, "task_id_list 'x' is not a UUID"),
    ("results, one", lambda c: c.get_batch_result(ID), TypeError, "task_id_list must be a list of ids"),
    ("results, none", lambda c: c.get_batch_status(5), TypeError, "task_ids must be a list of ids, not 5 (int)"),
    ("group", lambda c: c.get_task_group("x"), ValueError, "task_group_id 'x' is not a UUID"),
    ("tasks, state", lambda c: c.get_tasks(status="done"), ValueError, "status 'done' is not a state of a task; one"),
    ("tasks, limit", lambda c: c.get_tasks(limit=0), ValueError, "limit must be greater than 0, not 0"),
    ("functions, limit", lambda c: c.get_functions("5"), TypeError, "limit must be an integer, not '5' (str)"),
    ("functions, truth", lambda c: c.get_functions(True), TypeError, "limit must be an integer, not True (bool)"),
    ("function", lambda c: c.get_function("x"), ValueError, "function_id 'x' is not a UUID"),
    ("delete function", lambda c: c.delete_function(None), TypeError, "function_id must be a UUID"),
    ("register", lambda c: c.register_function("f"), TypeError, "register_function takes a function, not 'f' (str)"),
    ("register, name", lambda c: c.register_function(function, function_name=""), ValueError, "function_name is empty"),
    ("register, description", lambda c: c.register_function(function, 5), TypeError, "description must be a string"),
    ("register, metadata", lambda c: c.register_function(function, metadata=[1]), TypeError, "metadata must be a dict"),
    ("register, public", lambda c: c.register_function(function, public="no"), TypeError, "public must be True or"),
    ("register, group", lambda c: c.register_function(function, group="x"), ValueError, "group 'x' is not a UUID"),
    (
        "register, shared",
        lambda c: c.register_function(function, public=True, ha_endpoint_id=ID),
        ValueError,
        "ha_endpoint_id was given together with public or group",
    ),
    ("source, empty", lambda c: c.register_source_code("", "f"), ValueError, "source is empty"),
    ("source, function", lambda c: c.register_source_code(function, "f"), TypeError, "source must be a string"),
    ("source, name", lambda c: c.register_source_code("x", "a b"), ValueError, "'a b' is not the name of a Python"),
    ("endpoint", lambda c: c.get_endpoint_status("x"), ValueError, "endpoint_uuid 'x' is not a UUID"),
    ("metadata", lambda c: c.get_endpoint_metadata(""), ValueError, "endpoint_uuid '' is not a UUID"),
    ("allowed", lambda c: c.get_allowed_functions("x"), ValueError, "endpoint_id 'x' is not a UUID"),
    ("set allowed", lambda c: c.set_allowed_functions(ID, ID), TypeError, "function_ids must be a list of ids"),
    ("allow", lambda c: c.add_allowed_functions(ID, None), TypeError, "function_ids must be a list of ids, not None"),
    ("disallow", lambda c: c.remove_allowed_functions(ID, ["x"]), ValueError, "function_ids 'x' is not a UUID"),
    ("stop", lambda c: c.stop_endpoint("x"), ValueError, "endpoint_id 'x' is not a UUID"),
    ("delete", lambda c: c.delete_endpoint("../v2"), ValueError, "endpoint_id '../v2' is not a UUID"),
    ("role", lambda c: c.get_endpoints(5), TypeError, "role must be a string"),
    ("name, none", lambda c: c.register_endpoint(None, None), TypeError, "name must be a string"),
    ("name, blank", lambda c: c.register_endpoint("a b", None), ValueError, "name 'a b' is no name for an endpoint"),
    ("name, dot", lambda c: c.register_endpoint(".a", None), ValueError, "name '.a' is no name"),
    ("name, slash", lambda c: c.register_endpoint("a/b", None), ValueError, "name 'a/b' is no name"),
    ("name, long", lambda c: c.register_endpoint("a" * 129, None), ValueError, "at most 128 characters"),
    ("again", lambda c: c.register_endpoint("a", "x"), ValueError, "endpoint_id 'x' is not a UUID"),
    ("facts", lambda c: c.register_endpoint("a", None, {"x": object()}), TypeError, "metadata cannot be written as"),
    (
        "functions",
        lambda c: c.register_endpoint("a", None, allowed_functions=ID),
        TypeError,
        "allowed_functions must be a list of ids",
    ),
    ("admins", lambda c: c.register_endpoint("a", None, admins=["x"]), ValueError, "admins 'x' is not a UUID"),
]


@pytest.mark.parametrize(("call", "kind", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_wrong_use_is_told_before_anything_is_sent(
    server: RestServer, client: Client, call: Callable[[Client], object], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=re.escape(said)):
        call(client)
    assert not server.requests


def test_a_call_that_fails_leaves_the_batch_as_it_was(client: Client) -> None:
    batch = _batch(client)

    for bad in ((ID, (GENERATOR,)), (ID, "abc"), ("x", ())):
        with pytest.raises((SerializationError, TypeError, ValueError)):
            batch.add(*bad)

    assert len(batch) == 1
    assert list(batch.tasks) == [ID]
