"""REST bodies: what is written is read, optional fields are left out, and what is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from farpool.errors import WireError
from farpool.wire import new_id, unpack
from farpool.wire.rest import (
    CancelReply,
    CancelRequest,
    EndpointRegistration,
    FunctionRegistration,
    ResultQueue,
    SubmitReply,
    SubmitRequest,
    TaskDocument,
    error_body,
    read_task_group,
    task_group,
)
from support.values import ids, json_objects, json_values, texts

optional_texts = st.none() | texts
optional_objects = st.none() | json_objects

functions = st.builds(
    FunctionRegistration,
    texts,
    texts,
    serialized=st.booleans(),
    meta=json_objects,
    description=optional_texts,
    public=st.booleans(),
    group=st.none() | ids,
    ha_endpoint_id=optional_texts,
    metadata=optional_objects,
)

endpoints = st.builds(
    EndpointRegistration,
    texts,
    display_name=optional_texts,
    multi_user=st.booleans(),
    metadata=json_objects,
    allowed_functions=st.none() | st.lists(ids, max_size=3),
    authentication_policy=optional_texts,
    subscription_uuid=optional_texts,
    public=st.none() | st.booleans(),
    high_assurance=st.none() | st.booleans(),
    admins=st.none() | st.lists(ids, max_size=3),
)

# What is empty is left out of a submit, and read back as absent.
full_objects = st.none() | st.dictionaries(texts, json_values, min_size=1, max_size=3)

submits = st.builds(
    SubmitRequest,
    st.dictionaries(ids, st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=3),
    create_queue=st.booleans(),
    task_group_id=st.none() | ids,
    resource_specification=full_objects,
    user_endpoint_config=full_objects,
    result_serializers=st.none() | st.lists(texts, min_size=1, max_size=2),
    user_runtime=optional_objects,
    timeout_s=st.none() | st.floats(0.001, 1e9),
    priority=st.none() | st.integers(-(2**31) + 1, 2**31 - 1),
    movable=st.none() | st.just(True),
)

replies = st.builds(
    SubmitReply, st.dictionaries(ids, st.lists(ids, max_size=3), max_size=3), ids, ids, ids, ha_warning=optional_texts
)

documents = st.builds(
    TaskDocument,
    ids,
    texts,
    completion_t=optional_texts,
    result=optional_texts,
    exception=optional_texts,
    reason=optional_texts,
    details=optional_objects,
    error_details=optional_objects,
    task_group_id=optional_texts,
    endpoint_id=optional_texts,
    function_id=optional_texts,
)

queues = st.builds(ResultQueue, texts, texts)

cancels = st.builds(CancelRequest, st.lists(ids, unique=True, max_size=3), st.booleans())
cancel_replies = st.builds(CancelReply, st.dictionaries(ids, texts, max_size=3))

bodies = st.one_of(functions, endpoints, submits, replies, documents, queues, cancels, cancel_replies)

READERS: tuple[Callable[[object], Any], ...] = (
    FunctionRegistration.from_json,
    EndpointRegistration.from_json,
    SubmitRequest.from_json,
    SubmitReply.from_json,
    TaskDocument.from_json,
    ResultQueue.from_json,
    CancelRequest.from_json,
    CancelReply.from_json,
    read_task_group,
)


@given(bodies)
def test_every_body_comes_back_from_json_as_it_was(body: Any) -> None:
    sent = json.dumps(body.to_json())

    read: Callable[[object], Any] = body.from_json

    assert read(json.loads(sent)) == body


@given(st.sampled_from(READERS), json_values)
@example(SubmitRequest.from_json, {"tasks": {"x": ["a"]}})
@example(SubmitRequest.from_json, {"tasks": {new_id(): [1]}})
@example(TaskDocument.from_json, {"task_id": new_id(), "completion_t": {}})
@example(read_task_group, {"taskgroup_id": new_id(), "tasks": [1]})
def test_any_json_is_a_body_or_a_wire_error(read: Callable[[object], Any], body: Any) -> None:
    with suppress(WireError):
        read(body)


@given(bodies, st.data())
def test_a_body_with_one_field_damaged_is_a_body_or_a_wire_error(body: Any, data: st.DataObject) -> None:
    fields = json.loads(json.dumps(body.to_json()))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(json_values)

    read: Callable[[object], Any] = body.from_json
    with suppress(WireError):
        read(fields)


def test_optional_fields_without_a_value_are_not_sent() -> None:
    function_id = new_id()

    assert FunctionRegistration("f", "code").to_json() == {
        "function_name": "f",
        "function_code": "code",
        "serialized": True,
        "meta": {},
    }
    assert EndpointRegistration("e").to_json() == {"endpoint_name": "e"}
    assert SubmitRequest({function_id: ["a"]}).to_json() == {"create_queue": False, "tasks": {function_id: ["a"]}}


def test_bare_source_is_stored_as_a_buffer_that_workers_read() -> None:
    registration = FunctionRegistration("f", "def f(): return 1\n", serialized=False)

    assert unpack(registration.packed_code) == ["st\nf:def f(): return 1\n"]


def test_serialized_code_is_stored_as_it_is() -> None:
    assert FunctionRegistration("f", "3\nabc").packed_code == "3\nabc"


@pytest.mark.parametrize(
    ("registration", "is_manager"),
    [
        (EndpointRegistration("e"), False),
        (EndpointRegistration("e", multi_user=True), True),
        (EndpointRegistration("e", metadata={"user_config_template": ""}), True),
    ],
)
def test_an_endpoint_that_starts_user_endpoints_is_a_manager(
    registration: EndpointRegistration, is_manager: bool
) -> None:
    assert registration.is_manager is is_manager


def test_a_submit_without_a_task_is_refused() -> None:
    nothing: list[dict[str, list[str]]] = [{}, {new_id(): []}]
    for tasks in nothing:
        with pytest.raises(WireError, match="holds no task"):
            SubmitRequest.from_json({"tasks": tasks})


def test_a_submit_that_names_a_function_in_two_spellings_loses_no_task_silently() -> None:
    function_id = new_id()

    with pytest.raises(WireError, match="twice"):
        SubmitRequest.from_json({"tasks": {function_id: ["a"], function_id.upper(): ["b"]}})


def test_a_malformed_id_is_named_with_its_value() -> None:
    with pytest.raises(WireError, match="task_group_id 'nine' is not a UUID"):
        SubmitRequest.from_json({"tasks": {new_id(): ["a"]}, "task_group_id": "nine"})


@pytest.mark.parametrize(
    ("status", "completion_t", "finished"),
    [
        ("success", None, True),
        ("FAILED", None, True),
        ("cancelled", None, True),
        ("running", None, False),
        ("running", "1700000000.0", True),
    ],
)
def test_a_task_is_finished_by_its_status_or_by_its_time(status: str, completion_t: str | None, finished: bool) -> None:
    assert TaskDocument(new_id(), status, completion_t=completion_t).is_finished is finished


def test_a_time_of_completion_that_is_a_number_is_read_as_text() -> None:
    assert TaskDocument.from_json({"task_id": new_id(), "completion_t": 17.5}).completion_t == "17.5"


@given(ids, st.lists(ids, max_size=3))
def test_a_task_group_comes_back_from_json_as_it_was(group_id: str, task_ids: list[str]) -> None:
    sent = json.dumps(task_group(group_id, task_ids))

    assert read_task_group(json.loads(sent)) == (group_id, task_ids)


def test_an_error_body_has_code_and_message_as_text() -> None:
    assert error_body("NOT_FOUND", "no such task") == {"code": "NOT_FOUND", "message": "no such task"}
    assert error_body("X", "y", request_id="z")["request_id"] == "z"


def test_credentials_do_not_show_in_a_repr() -> None:
    assert "secret" not in repr(ResultQueue("prefix", "amqp://user:secret@host/"))


def test_what_is_ours_is_left_out_of_a_submit_that_does_not_ask_for_it() -> None:
    assert set(SubmitRequest({new_id(): ["x"]}).to_json()) == {"create_queue", "tasks"}
    assert SubmitRequest({new_id(): ["x"]}, timeout_s=2.5, priority=0).to_json().items() >= {
        ("timeout_s", 2.5),
        ("priority", 0),
    }


@pytest.mark.parametrize(
    "field",
    [
        {"timeout_s": 0},
        {"timeout_s": -1},
        {"timeout_s": True},
        {"timeout_s": 2e9},
        {"priority": 2**31},
        {"priority": "1"},
    ],
)
def test_a_time_out_or_priority_that_is_none_is_refused_by_name(field: dict[str, Any]) -> None:
    with pytest.raises(WireError, match=next(iter(field))):
        SubmitRequest.from_json({"tasks": {new_id(): ["x"]}, **field})


def test_a_task_that_is_named_twice_is_called_off_once() -> None:
    task_id = new_id()

    assert CancelRequest.from_json({"task_ids": [task_id, task_id.upper()]}) == CancelRequest([task_id], running=True)


@pytest.mark.parametrize(
    ("registration", "takes"),
    [
        (EndpointRegistration("e"), False),
        (EndpointRegistration("e", metadata={"takes_cancels": True}), True),
        (EndpointRegistration("e", metadata={"takes_cancels": "yes"}), False),
        (EndpointRegistration("e", multi_user=True, metadata={"takes_cancels": True}), False),
    ],
)
def test_an_endpoint_that_takes_cancels_says_so(registration: EndpointRegistration, takes: bool) -> None:
    assert registration.takes_cancels is takes


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"result_serializers": ["\ud800"]}, "'result_serializers' must be a list of import paths"),
        (
            {"result_serializers": ["x" * 33_000]},
            "'result_serializers' has 33004 characters as JSON, the limit",
        ),
        ({"resource_specification": {"options": "x" * 33_000}}, "'resource_specification' has 33015 characters"),
    ],
)
def test_what_no_message_could_carry_in_its_headers_is_refused(field: dict[str, Any], said: str) -> None:
    with pytest.raises(WireError, match=said):
        SubmitRequest.from_json({"tasks": {new_id(): ["x"]}, **field})
