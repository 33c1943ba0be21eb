from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from endpoint.conftest import LoopThread
from farpool.client import Client, Patience
from farpool.endpoint.config import EndpointConfig
from farpool.endpoint.directory import EndpointDirectory
from farpool.endpoint.registration import Registered, Registrar, exit_code_for, register
from farpool.errors import (
    AccessDenied,
    FarpoolError,
    NotFound,
    RateLimited,
    ServiceDown,
    ServiceRefused,
    StreamError,
    WireError,
)
from farpool.wire import new_id
from farpool.wire.queues import QueueInfo
from support.rest_server import HangUp, Reply, RestServer, refusal

ENDPOINT = new_id()
INFOS = {
    "task_queue_info": QueueInfo("amqp://h/", "t").to_json(),
    "result_queue_info": QueueInfo("amqp://h/", "r", "results", "k").to_json(),
    "heartbeat_queue_info": QueueInfo("amqp://h/", "b", "heartbeats", "k").to_json(),
}
ANSWER = {"endpoint_id": ENDPOINT, **INFOS}


@pytest.fixture
def server() -> Iterator[RestServer]:
    with RestServer() as running:
        running.answer(body=ANSWER)
        yield running


@pytest.fixture
def client(server: RestServer) -> Iterator[Client]:
    with Client(service_url=server.url, token="t", patience=Patience(0, 0, 0), do_version_check=False) as one:
        yield one


@pytest.fixture
def directory(tmp_path: Path) -> EndpointDirectory:
    return EndpointDirectory.of(tmp_path, "laptop")


def test_the_first_registration_gets_an_id_and_the_next_one_keeps_it(
    server: RestServer, client: Client, directory: EndpointDirectory
) -> None:
    config = EndpointConfig(display_name="My laptop", allowed_functions=(new_id(),), public=True, admins=(new_id(),))

    first = register(client, directory, config)
    second = register(client, directory, config)

    assert first == second
    assert first.endpoint_id == ENDPOINT == directory.endpoint_id()
    assert first.results == QueueInfo("amqp://h/", "r", "results", "k")
    assert [(one.method, one.path) for one in server.requests] == [
        ("POST", "/v3/endpoints"),
        ("PUT", f"/v3/endpoints/{ENDPOINT}"),
    ]
    body = server.last.json()
    assert body["endpoint_name"] == "laptop"
    assert body["display_name"] == "My laptop"
    assert body["allowed_functions"] == list(config.allowed_functions or ())
    assert (body["public"], body["admins"]) == (True, list(config.admins))
    assert {"endpoint_version", "python_version", "hostname", "local_user", "endpoint_config"} <= set(body["metadata"])


def test_the_answer_may_name_a_queue_of_cancels_and_tasks_that_are_called_off(
    server: RestServer, client: Client, directory: EndpointDirectory
) -> None:
    stopped, spared = new_id(), new_id()
    cancels = {
        "cancel_queue_info": QueueInfo("amqp://h/", "c").to_json(),
        "cancelled_tasks": {stopped: True, spared: False},
    }
    server.answer(body=ANSWER | cancels)

    registered = register(client, directory, EndpointConfig())

    assert registered.cancels == QueueInfo("amqp://h/", "c")
    assert registered.called_off == {stopped: True, spared: False}
    assert server.last.json()["metadata"]["takes_cancels"] is True


def test_an_answer_without_them_is_one_of_another_service(
    server: RestServer, client: Client, directory: EndpointDirectory
) -> None:
    registered = register(client, directory, EndpointConfig())

    assert (registered.cancels, registered.called_off) == (None, {})


def test_an_answer_for_another_endpoint_is_an_error(
    server: RestServer, client: Client, directory: EndpointDirectory
) -> None:
    directory.write_endpoint_id(new_id())

    with pytest.raises(WireError, match=ENDPOINT):
        register(client, directory, EndpointConfig())


@pytest.mark.parametrize("missing", ["endpoint_id", "task_queue_info", "result_queue_info", "heartbeat_queue_info"])
def test_an_answer_that_lacks_something_is_an_error_that_names_it(missing: str) -> None:
    with pytest.raises(WireError, match=missing):
        Registered.from_json({key: value for key, value in ANSWER.items() if key != missing})


def test_damaged_credentials_are_named() -> None:
    with pytest.raises(WireError, match=r"task_queue_info.*connection_url"):
        Registered.from_json(ANSWER | {"task_queue_info": {"queue": "t"}})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AccessDenied("x", http_status=401), 77),
        (AccessDenied("x", http_status=403), 77),
        (NotFound("x", http_status=404), 69),
        (ServiceRefused("x", http_status=409), 69),
        (ServiceRefused("x", http_status=423), 69),
        (ServiceRefused("x", http_status=400), 65),
        (ServiceRefused("x", http_status=422), 65),
        (WireError("x"), 65),
        (ServiceDown("x"), 75),
        (RateLimited("x"), 75),
        (StreamError("x"), 75),
        (FarpoolError("x"), 70),
        (RuntimeError("x"), 1),
    ],
)
def test_each_kind_of_refusal_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code_for(error) == code


class Desk:
    """A registrar and what it has reported."""

    def __init__(self, thread: LoopThread, once: Callable[[], Registered], patience_s: float = 10) -> None:
        self.thread = thread
        self.reported: queue.Queue[Any] = queue.Queue()
        self.registrar = Registrar(
            thread.loop,
            register=once,
            registered=self.reported.put,
            refused=self.reported.put,
            patience_s=patience_s,
        )

    def request(self) -> None:
        self.thread.do(self.registrar.request)


@pytest.fixture
def once(client: Client, directory: EndpointDirectory) -> Callable[[], Registered]:
    return lambda: register(client, directory, EndpointConfig())


def test_a_service_that_is_away_is_tried_again_with_one_line_in_the_log(
    server: RestServer, loop_thread: LoopThread, once: Callable[[], Registered], caplog: pytest.LogCaptureFixture
) -> None:
    server.answer_in_turn([HangUp(), Reply(503), HangUp(), Reply(body=ANSWER)])
    desk = Desk(loop_thread, once)

    desk.request()
    desk.request()

    assert desk.reported.get(timeout=60).endpoint_id == ENDPOINT
    assert len(server.requests) == 4
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("farpool.endpoint")]
    assert len(lines) == 2
    assert "trying until it answers" in lines[0]
    assert "answers again" in lines[1]


def test_a_service_that_never_was_is_given_up_after_the_patience_and_one_that_was_is_not(
    server: RestServer, loop_thread: LoopThread, once: Callable[[], Registered]
) -> None:
    desk = Desk(loop_thread, once, patience_s=0)
    server.answer_in_turn([HangUp(), Reply(body=ANSWER)])
    desk.request()
    assert isinstance(desk.reported.get(timeout=60), ServiceDown)

    desk.request()
    assert isinstance(desk.reported.get(timeout=60), Registered)
    server.answer_in_turn([HangUp(), Reply(body=ANSWER)])
    desk.request()
    assert isinstance(desk.reported.get(timeout=60), Registered)


@pytest.mark.parametrize(("status", "kind"), [(401, AccessDenied), (403, AccessDenied), (423, ServiceRefused)])
def test_a_refusal_is_final(
    server: RestServer, loop_thread: LoopThread, once: Callable[[], Registered], status: int, kind: type[Exception]
) -> None:
    server.script = lambda _request: refusal(status, message="not you")
    desk = Desk(loop_thread, once)

    desk.request()

    error = desk.reported.get(timeout=60)
    assert isinstance(error, kind)
    assert "not you" in str(error)
    assert len(server.requests) == 1


def test_stop_ends_the_waiting(
    server: RestServer, loop_thread: LoopThread, once: Callable[[], Registered], client: Client
) -> None:
    seen: queue.Queue[None] = queue.Queue()

    def hang_up(_request: object) -> HangUp:
        seen.put(None)
        return HangUp()

    server.script = hang_up
    desk = Desk(loop_thread, once, patience_s=1000)
    desk.request()
    seen.get(timeout=60)
    seen.get(timeout=60)

    desk.registrar.stop()
    desk.request()

    assert desk.reported.empty()
