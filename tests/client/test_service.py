"""The client and the real service, together."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.client import Client
from farpool.errors import AccessDenied, NotFound, ServiceRefused, TaskPending
from farpool.executor.resume import max_key_age_s
from farpool.settings import Settings
from farpool.wire.queues import QueueInfo
from support.rest_server import HangUp, Reply, Request, RestServer
from support.service import RunningService, ServiceProcess, service_in_thread

NOBODY = "4b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with service_in_thread(tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.fixture
def client(service: RunningService, settings: Settings) -> Iterator[Client]:
    with Client(service_url=service.url, token=service.token, settings=settings) as one:
        yield one


@pytest.fixture
def endpoint_id(client: Client) -> str:
    return str(client.register_endpoint("mine", None)["endpoint_id"])


@pytest.fixture
def function_id(client: Client) -> str:
    return client.register_function(double)


def double(x: int) -> int:
    """Double a number."""
    return 2 * x


def test_a_function_is_registered_shown_listed_and_deleted(client: Client) -> None:
    function_id = client.register_function(double, metadata={"project": "x"})

    shown = client.get_function(function_id)
    assert (shown["function_name"], shown["description"]) == ("double", "Double a number.")
    assert client.get_functions(limit=1)[0]["function_uuid"] == function_id
    client.delete_function(function_id)
    with pytest.raises(NotFound, match=f"there is no function {function_id}") as caught:
        client.get_function(function_id)
    assert caught.value.code == "FUNCTION_NOT_FOUND"
    assert caught.value.request_id


def test_source_is_registered(client: Client) -> None:
    function_id = client.register_source_code("def f():\n    return 1\n", "f")

    assert client.get_function(function_id)["function_name"] == "f"


def test_an_endpoint_is_registered_shown_stopped_and_deleted(client: Client) -> None:
    registered = client.register_endpoint("mine", None, {"hostname": "h"}, display_name="Mine")
    endpoint_id = registered["endpoint_id"]

    assert QueueInfo.from_json(registered["task_queue_info"]).queue
    assert client.get_endpoint_metadata(endpoint_id)["name"] == "mine"
    assert client.get_endpoint_status(endpoint_id)["status"] == "offline"
    assert client.get_allowed_functions(endpoint_id)
    assert endpoint_id in str(client.get_endpoints())
    assert client.register_endpoint("mine", endpoint_id)["endpoint_id"] == endpoint_id
    client.stop_endpoint(endpoint_id)
    with pytest.raises(ServiceRefused, match="was stopped remotely") as caught:
        client.register_endpoint("mine", endpoint_id)
    assert caught.value.http_status == 423
    client.delete_endpoint(endpoint_id)
    with pytest.raises(NotFound, match=f"endpoint {endpoint_id} was deleted"):
        client.get_endpoint_status(endpoint_id)


def test_tasks_are_submitted_and_asked_for(client: Client, endpoint_id: str, function_id: str) -> None:
    batch = client.create_batch()
    for number in range(3):
        batch.add(function_id, (number,))
    reply = client.batch_run(endpoint_id, batch)
    task_ids = reply["tasks"][function_id]

    assert client.get_task_group(reply["task_group_id"]) == task_ids
    assert {task["pending"] for task in client.get_batch_result(task_ids).values()} == {True}
    assert list(client.get_batch_status([*task_ids, NOBODY])) == task_ids
    with pytest.raises(TaskPending):
        client.get_result(task_ids[0])
    listed = client.get_tasks(task_group_id=reply["task_group_id"], endpoint_id=endpoint_id, limit=10)
    assert sorted(task["task_id"] for task in listed) == sorted(task_ids)
    assert client.get_tasks(task_group_id=reply["task_group_id"], status="success") == []


def test_a_service_says_for_how_long_it_keeps_results(tmp_path: Path, settings: Settings) -> None:
    day_s = 24 * 3600.0
    with (
        service_in_thread(tmp_path, keep_finished_s=2 * day_s) as running,
        Client(service_url=running.url, token=running.token, settings=settings) as client,
    ):
        assert client.keep_results_s == 2 * day_s
    # The service is gone, and what it said still holds: it is asked once.
    assert client.keep_results_s == 2 * day_s
    assert day_s < max_key_age_s(2 * day_s) < 2 * day_s
    assert max_key_age_s(None) == pytest.approx(13 * day_s)


def test_the_place_of_results_is_given(client: Client) -> None:
    place = client.get_result_amqp_url()

    assert place.connection_url.startswith("amqp://")
    assert place.queue_prefix


def test_what_is_not_there_is_told(client: Client, endpoint_id: str, function_id: str) -> None:
    with pytest.raises(NotFound, match=f"there is no endpoint {NOBODY}"):
        client.run(endpoint_id=NOBODY, function_id=function_id)
    with pytest.raises(NotFound, match=f"there is no function {NOBODY}"):
        client.run(endpoint_id=endpoint_id, function_id=NOBODY)
    with pytest.raises(NotFound, match=f"there is no task {NOBODY} .*; finished tasks are deleted after 14 days"):
        client.get_result(NOBODY)
    with pytest.raises(NotFound, match=f"there is no task group {NOBODY}"):
        client.get_task_group(NOBODY)


def test_a_wrong_token_is_told(service: RunningService, settings: Settings) -> None:
    with (
        Client(service_url=service.url, token="wrong", settings=settings) as client,
        pytest.raises(AccessDenied, match="the token is not one of this service's") as caught,
    ):
        client.get_endpoints()
    assert caught.value.http_status == 401


def test_a_submit_whose_answer_was_lost_makes_one_set_of_tasks(
    service: RunningService, client: Client, settings: Settings, endpoint_id: str, function_id: str
) -> None:
    seen: list[Reply] = []

    def pass_on_and_lose_the_first_answer(request: Request) -> Reply | HangUp:
        passed = urllib.request.Request(
            service.url + request.target, request.body or None, dict(request.headers), method=request.method
        )
        with urllib.request.urlopen(passed) as answer:
            seen.append(Reply(answer.status, answer.read()))
        return HangUp() if len(seen) == 1 else seen[-1]

    with (
        RestServer(pass_on_and_lose_the_first_answer) as relay,
        Client(service_url=relay.url, token=service.token, settings=settings, do_version_check=False) as far_client,
    ):
        task_id = far_client.run(21, endpoint_id=endpoint_id, function_id=function_id)

    assert len(seen) == 2
    assert [task["task_id"] for task in client.get_tasks(endpoint_id=endpoint_id)] == [task_id]


@pytest.mark.slow
def test_calls_survive_a_service_that_is_killed_and_started_again(tmp_path: Path, settings: Settings) -> None:
    with ServiceProcess(tmp_path / "service") as process:
        running = process.start()
        with Client(service_url=running.url, token=running.token, settings=settings) as client:
            function_id = client.register_function(double)
            process.kill()
            starting = threading.Thread(target=process.start)
            starting.start()

            assert client.get_function(function_id)["function_name"] == "double"
            starting.join()
