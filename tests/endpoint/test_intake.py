from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.endpoint.intake import CallOff, Refusal, Rules, Unreadable, read
from farpool.endpoint.job import Job
from farpool.wire import Result, Task, TaskCancel, encode, new_id
from farpool.wire.containers import Environment
from farpool.wire.queues import cancel_headers, task_headers

TASK, FUNCTION, ENDPOINT = new_id(), new_id(), new_id()
RULES = Rules(ENDPOINT)
BODY = encode(Task(TASK, "0\n0\n0\n"))


def test_a_task_becomes_a_job_whose_body_nobody_has_read() -> None:
    headers = task_headers(TASK, FUNCTION, result_serializers=["a.JSONData", "b.DillDataBase64"])

    request = read(headers, b"not even a message", RULES)

    assert request == Job(TASK, b"not even a message", ("a.JSONData", "b.DillDataBase64"))


def test_a_job_knows_its_time_out_and_its_priority() -> None:
    request = read(task_headers(TASK, FUNCTION, timeout_s=2.5, priority=-3), BODY, RULES)

    assert request == Job(TASK, BODY, timeout_s=2.5, priority=-3)


@pytest.mark.parametrize(
    ("header", "value"),
    [("timeout_s", "soon"), ("timeout_s", "0"), ("timeout_s", "nan"), ("timeout_s", []), ("priority", "high")],
)
def test_a_time_out_or_priority_that_is_none_is_refused_by_name(header: str, value: object) -> None:
    request = read({**task_headers(TASK, FUNCTION), header: value}, BODY, RULES)

    assert isinstance(request, Refusal)
    assert request.code == "CouldNotExecuteUserTaskError"
    assert header in request.message


IMAGE = Environment(new_id(), "podman", "registry.example/image:1", "numbers")


def test_a_job_knows_the_environment_that_it_must_run_in() -> None:
    request = read(task_headers(TASK, FUNCTION, container=IMAGE), BODY, RULES)

    assert request == Job(TASK, BODY, environment=IMAGE)
    assert isinstance(request, Job)
    assert request.key == ("podman", "registry.example/image:1")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(ENDPOINT, engine="threads"), "its engine is 'threads'"),
        (Rules(ENDPOINT, environments=("venv", "conda")), "its owner allows these types: venv, conda"),
        (Rules(ENDPOINT, environments=()), "allows these types: none"),
    ],
)
def test_an_environment_that_the_endpoint_does_not_have_is_refused(rules: Rules, said: str) -> None:
    request = read(task_headers(TASK, FUNCTION, container=IMAGE), BODY, rules)

    assert isinstance(request, Refusal)
    assert request.code == "ENVIRONMENT_UNAVAILABLE"
    assert "podman 'registry.example/image:1'" in request.message
    assert said in request.message
    assert ENDPOINT in request.message


@pytest.mark.parametrize(
    "header",
    [3, "{", "[]", "{}", '{"type": "vm"}', IMAGE.to_header().replace("registry", "--privileged"), "\ud800"],
)
def test_an_environment_that_cannot_be_read_is_refused_and_never_ignored(header: object) -> None:
    request = read({**task_headers(TASK, FUNCTION), "container": header}, BODY, RULES)

    assert isinstance(request, Refusal)
    assert request.code == "ENVIRONMENT_UNAVAILABLE"


def test_a_cancel_message_is_known_with_and_without_headers() -> None:
    body = encode(TaskCancel(TASK))

    assert read({}, body, RULES) == CallOff(TASK)
    assert read(task_headers(TASK, FUNCTION), body, RULES) == CallOff(TASK)
    assert read(cancel_headers(running=False), body, RULES) == CallOff(TASK)
    assert read(cancel_headers(running=True), body, RULES) == CallOff(TASK, running=True)


def test_a_task_that_speaks_of_task_cancel_is_a_task_all_the_same() -> None:
    body = encode(Task(TASK, '"task_cancel"'))

    assert read(task_headers(TASK, FUNCTION), body, RULES) == Job(TASK, body)


def test_only_allowed_functions_are_run() -> None:
    rules = Rules(ENDPOINT, frozenset({FUNCTION}))
    other = new_id()

    assert isinstance(read(task_headers(TASK, FUNCTION), BODY, rules), Job)
    assert read(task_headers(TASK, other), BODY, rules) == Refusal(
        TASK, "FUNCTION_NOT_ALLOWED", f"Function {other} not permitted on endpoint {ENDPOINT}"
    )


@pytest.mark.parametrize("headers", [{}, {"task_uuid": "x", "function_uuid": FUNCTION}, {"task_uuid": 7}])
def test_a_task_without_a_good_id_in_its_headers_is_refused_by_the_one_in_its_body(headers: dict[str, Any]) -> None:
    request = read(headers, BODY, RULES)

    assert isinstance(request, Refusal)
    assert request.task_id == TASK
    assert "task_uuid" in request.message


def test_a_task_without_a_function_id_is_refused() -> None:
    request = read({"task_uuid": TASK}, BODY, RULES)

    assert isinstance(request, Refusal)
    assert "function_uuid" in request.message


@pytest.mark.parametrize("body", [b"", b"\x01{", b"\x02{}", b'\x01{"message_type":"task","data":{}}', b"\x01[]"])
def test_what_names_no_task_is_unreadable(body: bytes) -> None:
    assert isinstance(read({}, body, RULES), Unreadable)


def test_a_message_of_another_kind_is_unreadable() -> None:
    request = read({}, encode(Result(TASK, "")), RULES)

    assert isinstance(request, Unreadable)
    assert "Result" in request.why


def test_what_a_task_asks_for_goes_with_it() -> None:
    headers = task_headers(TASK, FUNCTION) | {"resource_specification": '{"num_nodes": 2}', "priority": 3}

    request = read(headers, BODY, RULES)

    assert isinstance(request, Job)
    assert (request.resources, request.priority) == ({"num_nodes": 2}, 3)


@pytest.mark.parametrize("asked", ["not JSON", {"num_nodes": 2}, "[1]", "2", 5])
def test_a_resource_specification_that_is_no_json_object_is_refused(asked: Any) -> None:
    request = read(task_headers(TASK, FUNCTION) | {"resource_specification": asked}, BODY, RULES)

    assert isinstance(request, Refusal)
    assert request.code == "RESOURCES_UNAVAILABLE"
    assert "header resource_specification is not" in request.message


@pytest.mark.parametrize("asked", ["{}", "null", "", None])
def test_an_empty_resource_specification_asks_for_nothing(asked: Any) -> None:
    assert isinstance(read(task_headers(TASK, FUNCTION) | {"resource_specification": asked}, BODY, RULES), Job)


@pytest.mark.parametrize("asked", ["JSONData", [1], {"a": 1}])
def test_result_serializers_that_are_no_list_of_names_are_refused(asked: Any) -> None:
    request = read(task_headers(TASK, FUNCTION) | {"result_serializers": asked}, BODY, RULES)

    assert isinstance(request, Refusal)
    assert "result_serializers" in request.message


VALUES = st.one_of(
    st.none(), st.text(max_size=40), st.integers(), st.binary(max_size=10), st.lists(st.integers(), max_size=2)
)
NAMES = st.sampled_from(["task_uuid", "function_uuid", "resource_specification", "result_serializers"])


@given(st.dictionaries(NAMES, st.one_of(VALUES, st.just(TASK))), st.one_of(st.binary(max_size=60), st.just(BODY)))
def test_no_message_makes_it_raise(headers: dict[str, Any], body: bytes) -> None:
    assert isinstance(read(headers, body, RULES), (Job, Refusal, CallOff, Unreadable))
