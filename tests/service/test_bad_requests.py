"""What bad input gets: one shape for every error, and never a stack trace."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from farpool.wire import new_id
from support.callers import PAYLOAD, Caller
from support.service import RunningService, service_in_thread


def send(caller: Caller, method: str, path: str, **options: Any) -> requests.Response:
    return caller.session.request(method, caller.url + path, timeout=20, **options)


def assert_error(response: requests.Response, http_status: int, code: str) -> str:
    assert response.status_code == http_status, response.text
    body = response.json()
    assert body.keys() == {"code", "message", "request_id"}
    assert body["code"] == code
    assert str(uuid.UUID(body["request_id"])) == body["request_id"] == response.headers["x-request-id"]
    message: str = body["message"]
    return message


MALFORMED_IDS = [
    ("GET", "/v2/functions/nonsense"),
    ("DELETE", "/v2/functions/nonsense"),
    ("GET", "/v2/endpoints/nonsense"),
    ("GET", "/v2/endpoints/nonsense/status"),
    ("PUT", "/v3/endpoints/nonsense"),
    ("DELETE", "/v2/endpoints/nonsense"),
    ("POST", "/v3/endpoints/nonsense/lock"),
    ("GET", "/v3/endpoints/nonsense/allowed_functions"),
    ("POST", "/v3/endpoints/nonsense/submit"),
    ("GET", "/v2/tasks/nonsense"),
    ("GET", "/v2/taskgroup/nonsense"),
    ("GET", "/v3/tasks?endpoint_id=nonsense"),
    ("GET", "/v3/tasks?task_group_id=nonsense"),
]


@pytest.mark.parametrize(("method", "path"), MALFORMED_IDS)
def test_a_malformed_id_is_refused_by_name(caller: Caller, method: str, path: str) -> None:
    message = assert_error(send(caller, method, path, json={}), 400, "INVALID_UUID")

    assert "nonsense" in message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1} x'])
@pytest.mark.parametrize("path", ["/v3/functions", "/v3/endpoints", "/v2/submit", "/v2/batch_status"])
def test_a_body_that_is_not_json_is_refused(caller: Caller, path: str, body: bytes) -> None:
    message = assert_error(send(caller, "POST", path, data=body), 400, "REQUEST_MALFORMED")

    assert "not JSON" in message


@pytest.mark.parametrize("body", [None, [], "text", 5, {}, {"function_name": 1, "function_code": "x"}])
def test_a_function_that_is_none_is_refused(caller: Caller, body: Any) -> None:
    assert_error(send(caller, "POST", "/v3/functions", data=json.dumps(body)), 422, "REQUEST_MALFORMED")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "JSON object"),
        ({}, "endpoint_name"),
        ({"endpoint_name": 3}, "endpoint_name"),
        ({"endpoint_name": "x", "multi_user": "yes"}, "multi_user"),
        ({"endpoint_name": "x", "allowed_functions": ["nonsense"]}, "nonsense"),
        ({"endpoint_name": "x", "metadata": []}, "metadata"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(caller: Caller, body: Any, said: str) -> None:
    for method, path in (("POST", "/v3/endpoints"), ("PUT", f"/v3/endpoints/{new_id()}")):
        message = assert_error(send(caller, method, path, data=json.dumps(body)), 422, "REQUEST_MALFORMED")
        assert said in message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "JSON object"),
        ({}, "tasks"),
        ({"tasks": {}}, "no task"),
        ({"tasks": {"nonsense": ["p"]}}, "nonsense"),
        ({"tasks": [["f", "p"]]}, "tasks"),
        ({"tasks": {"4b116d3c-1703-4f8f-9f6f-39921e5864df": "p"}}, "list of packed strings"),
        ({"tasks": {"4b116d3c-1703-4f8f-9f6f-39921e5864df": [1]}}, "list of packed strings"),
        ({"tasks": {"4b116d3c-1703-4f8f-9f6f-39921e5864df": []}}, "no task"),
        ({"tasks": {"4b116d3c-1703-4f8f-9f6f-39921e5864df": ["p"]}, "task_group_id": "nonsense"}, "nonsense"),
        ({"tasks": {"4b116d3c-1703-4f8f-9f6f-39921e5864df": ["p"]}, "result_serializers": [1]}, "serializers"),
    ],
)
def test_a_submission_that_is_none_is_refused(caller: Caller, body: Any, said: str) -> None:
    endpoint_id = caller.register_endpoint()["endpoint_id"]

    response = send(caller, "POST", f"/v3/endpoints/{endpoint_id}/submit", data=json.dumps(body))

    assert said in assert_error(response, 422, "REQUEST_MALFORMED")


@pytest.mark.parametrize(
    "tasks", [None, [], "x", [["f", "e"]], [["nonsense", "4b116d3c-1703-4f8f-9f6f-39921e5864df", "p"]], [[1, 2, 3]]]
)
def test_a_submission_of_the_second_version_that_is_none_is_refused(caller: Caller, tasks: Any) -> None:
    assert_error(send(caller, "POST", "/v2/submit", json={"tasks": tasks}), 422, "REQUEST_MALFORMED")


@pytest.mark.parametrize("body", [[], {}, {"task_ids": "x"}, {"task_ids": [1]}, {"task_ids": ["nonsense"]}])
def test_a_status_request_that_is_none_is_refused(caller: Caller, body: Any) -> None:
    assert_error(send(caller, "POST", "/v2/batch_status", json=body), 422, "REQUEST_MALFORMED")


def test_a_status_request_for_too_many_tasks_is_refused_with_both_figures(caller: Caller) -> None:
    response = send(caller, "POST", "/v2/batch_status", json={"task_ids": [new_id()] * 10_001})

    message = assert_error(response, 422, "REQUEST_MALFORMED")
    assert "10001" in message
    assert "10000" in message


@pytest.mark.parametrize(
    "path", ["/v3/tasks?limit=0", "/v3/tasks?limit=x", "/v3/functions?limit=-1", "/v2/endpoints?role=x"]
)
def test_a_wrong_parameter_is_refused_by_name(caller: Caller, path: str) -> None:
    message = assert_error(send(caller, "GET", path), 422, "REQUEST_MALFORMED")

    assert path.partition("?")[2].partition("=")[0] in message


def test_more_tasks_than_are_taken_at_a_time_are_refused_with_both_figures(caller: Caller) -> None:
    function_id, endpoint_id = caller.register_function(), caller.register_endpoint()["endpoint_id"]

    response = send(
        caller, "POST", f"/v3/endpoints/{endpoint_id}/submit", json={"tasks": {function_id: [""] * 100_001}}
    )

    message = assert_error(response, 413, "TASK_PAYLOAD_TOO_LARGE")
    assert "100001" in message
    assert "100000" in message


@pytest.mark.slow
def test_a_task_that_no_broker_carries_is_refused(caller: Caller) -> None:
    large = "x" * 60 * 1024 * 1024
    function_id, endpoint_id = caller.register_function(function_code=large), caller.register_endpoint()["endpoint_id"]

    error = caller.submit(endpoint_id, function_id, ["p", large], expect=413)

    assert error["code"] == "TASK_PAYLOAD_TOO_LARGE"
    assert function_id in error["message"]
    assert caller.get(f"/v3/tasks?endpoint_id={endpoint_id}") == []


def test_half_a_surrogate_pair_is_refused_and_nothing_is_stored(caller: Caller) -> None:
    function_id, endpoint_id = caller.register_function(), caller.register_endpoint()["endpoint_id"]
    body = json.dumps({"tasks": {function_id: [PAYLOAD, "\ud800"]}})

    response = send(caller, "POST", f"/v3/endpoints/{endpoint_id}/submit", data=body)

    assert_error(response, 422, "REQUEST_MALFORMED")
    assert caller.get(f"/v3/tasks?endpoint_id={endpoint_id}") == []


def test_an_unknown_route_and_an_unknown_method_have_the_shape_of_every_error(caller: Caller) -> None:
    assert "/v9/nothing" in assert_error(send(caller, "GET", "/v9/nothing"), 404, "NOT_FOUND")
    assert_error(send(caller, "PUT", "/v2/version"), 405, "METHOD_NOT_ALLOWED")


@pytest.fixture(scope="module")
def small_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with service_in_thread(tmp_path_factory.mktemp("small"), max_request_bytes=100_000) as running:
        yield running


def test_a_body_over_the_limit_is_refused_with_both_figures(small_service: RunningService) -> None:
    with Caller(small_service) as caller:
        response = send(caller, "POST", "/v3/functions", data=b" " * 5_000_000)

        message = assert_error(response, 413, "TASK_PAYLOAD_TOO_LARGE")
        assert "5000000" in message
        assert "100000" in message
        assert caller.get("/v3/functions") == []


def test_a_chunked_body_over_the_limit_is_refused_when_that_shows(small_service: RunningService) -> None:
    with Caller(small_service) as caller:
        response = send(caller, "POST", "/v3/functions", data=(b" " * 50_000 for _ in range(4)))

        assert_error(response, 413, "TASK_PAYLOAD_TOO_LARGE")


def test_a_body_over_the_limit_is_refused_before_it_is_sent(small_service: RunningService) -> None:
    parts = urlsplit(small_service.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.putrequest("POST", "/v3/functions")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()

    response = connection.getresponse()

    assert response.status == 413
    response.read()
    connection.close()


def test_a_request_in_absolute_form_is_answered_as_through_a_proxy(service: RunningService) -> None:
    response = requests.get(
        "http://compute.example.org/v2/version?service=all", proxies={"http": service.url}, timeout=10
    )

    assert response.status_code == 200
    assert "min_sdk_version" in response.json()


def test_what_nobody_caught_is_answered_with_a_request_id_and_logged_under_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with service_in_thread(tmp_path / "service") as running, Caller(running) as caller:
        # A store whose tables are gone is as broken as a store can be.
        import sqlite3

        store = sqlite3.connect(running.directory / "service.sqlite")
        store.execute("DROP TABLE functions")
        store.close()
        response = send(caller, "GET", "/v3/functions")

    message = assert_error(response, 500, "INTERNAL_ERROR")
    assert "log" in message
    (record,) = [one for one in caplog.records if one.name == "farpool.service.edge"]
    assert response.json()["request_id"] in record.getMessage()
    assert record.exc_info is not None
