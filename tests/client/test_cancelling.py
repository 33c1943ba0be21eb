"""Calling tasks off."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from farpool.client import Client
from farpool.errors import NotFound, ServiceError, ServiceRefused
from farpool.settings import Settings
from support.rest_server import HangUp, Reply, RestServer, refusal

TASK = "8b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "6b116d3c-1703-4f8f-9f6f-39921e5864df"


def test_tasks_are_cancelled_in_one_request_and_answered_in_the_order_asked(server: RestServer, client: Client) -> None:
    server.answer(body={"results": {OTHER: "requested", TASK: "cancelled"}})

    answers = client.cancel_tasks([TASK, uuid.UUID(OTHER), TASK.upper()])

    assert list(answers.items()) == [(TASK, "cancelled"), (OTHER, "requested")]
    assert len(server.requests) == 1
    assert (server.last.method, server.last.path) == ("POST", "/v2/tasks/cancel")
    assert server.last.headers["Content-Type"] == "application/json"
    assert server.last.json() == {"task_ids": [TASK, OTHER], "running": True}


def test_running_tasks_can_be_spared(server: RestServer, client: Client) -> None:
    server.answer(body={"results": {TASK: "running"}})

    assert client.cancel_tasks([TASK], running=False) == {TASK: "running"}
    assert server.last.json()["running"] is False


def test_a_task_that_the_answer_leaves_out_is_unknown(server: RestServer, client: Client) -> None:
    server.answer(body={"results": {}})

    assert client.cancel_tasks([TASK]) == {TASK: "unknown"}


def test_no_tasks_take_no_request(server: RestServer, client: Client) -> None:
    assert client.cancel_tasks([]) == {}
    assert server.requests == []


@pytest.mark.parametrize(
    ("task_ids", "running", "error", "words"),
    [
        (TASK, True, TypeError, "task_ids must be a list of ids"),
        (7, True, TypeError, "task_ids must be a list of ids"),
        (["seven"], True, ValueError, "'seven' is not a UUID"),
        ([TASK], "yes", TypeError, "running must be True or False"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    server: RestServer, client: Client, task_ids: Any, running: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.cancel_tasks(task_ids, running=running)
    assert server.requests == []


def test_the_hosted_service_is_not_even_asked(settings: Settings) -> None:
    with (
        Client(
            service_url="https://compute.api.globus.org", token="t", settings=settings, do_version_check=False
        ) as hosted,
        pytest.raises(ServiceRefused, match="hosted service cannot cancel tasks") as caught,
    ):
        hosted.cancel_tasks([TASK])

    assert (caught.value.code, caught.value.http_status) == ("CANCEL_NOT_SUPPORTED", None)


def test_an_older_service_has_no_such_route(server: RestServer, client: Client) -> None:
    server.script = lambda _request: refusal(404, "NOT_FOUND", "there is no such route")

    with pytest.raises(NotFound, match="cancel 1 tasks"):
        client.cancel_tasks([TASK])


def test_a_request_whose_answer_was_lost_is_repeated(server: RestServer, settings: Settings) -> None:
    server.answer_in_turn([HangUp(), Reply(body={"results": {TASK: "requested"}})])

    with Client(service_url=server.url, token="t", settings=settings, do_version_check=False) as client:
        assert client.cancel_tasks([TASK]) == {TASK: "requested"}
    assert len(server.requests) == 2


@pytest.mark.parametrize("body", [{}, {"results": [TASK]}, {"results": {TASK: 7}}, {"results": {"seven": "finished"}}])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_service(
    server: RestServer, client: Client, body: dict[str, Any]
) -> None:
    server.answer(body=body)

    with pytest.raises(ServiceError):
        client.cancel_tasks([TASK])
