"""What an executor does while the service fails: a real HTTP server that answers as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from farpool import Client, Executor
from farpool.errors import RateLimited, ServiceDown, TaskUncertain
from farpool.wire import new_id
from support.rest_server import VERSION, HangUp, Reply, Request, RestServer, free_port, refusal
from support.waiting import eventually

ENDPOINT, FUNCTION, OTHER = new_id(), new_id(), new_id()
TIMEOUT = 60


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path))
    for name in ("FARPOOL_SERVICE_URL", "FARPOOL_ENDPOINT_ID", "FARPOOL_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[RestServer]:
    with RestServer() as one:
        yield one


def client_of(url: str) -> Client:
    return Client(service_url=url, token="t", do_version_check=False)


def accept(request: Request) -> Reply:
    tasks = {function_id: [new_id() for _ in those] for function_id, those in request.json()["tasks"].items()}
    return Reply(body={"tasks": tasks, "task_group_id": new_id(), "endpoint_id": ENDPOINT, "request_id": new_id()})


def submits(server: RestServer) -> list[Request]:
    return [request for request in server.requests if request.path.endswith("/submit")]


def answering(*faults: Reply | HangUp) -> Callable[[Request], Reply | HangUp]:
    """Give a script: submits meet the faults, one after the other, and are taken then; nothing else works."""
    left = list(faults)

    def script(request: Request) -> Reply | HangUp:
        if not request.path.endswith("/submit"):
            return refusal(503)
        return left.pop(0) if left else accept(request)

    return script


def as_hosted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr("farpool.client.transport.HOSTED_SERVICE_URL", url)


def test_every_fault_of_a_submit_is_outlived_under_one_key(server: RestServer) -> None:
    faults: list[Reply | HangUp] = [refusal(500), HangUp(), refusal(502), Reply(200, b"<html>log in"), refusal(503)]
    server.script = answering(*faults, Reply(429, {"code": "X", "message": "x"}, {"Retry-After": "0.01"}))
    with client_of(server.url) as client:
        executor = Executor(ENDPOINT, client=client)
        future = executor.submit_to_registered_function(FUNCTION)
        eventually(lambda: future.task_id, TIMEOUT)
        stats = executor.stats()
        executor.shutdown(cancel_futures=True)

    assert len({request.headers["Idempotency-Key"] for request in submits(server)}) == 1
    assert len({request.body for request in submits(server)}) == 1
    assert (stats.requests, stats.retries, stats.resubmissions) == (1, 6, 6)
    assert future.cancelled()


def test_when_patience_ends_the_futures_fail_with_the_cause_and_the_executor_goes_on(server: RestServer) -> None:
    server.script = lambda _request: refusal(503, message="under repair")
    with client_of(server.url) as client:
        executor = Executor(ENDPOINT, client=client, patience=0.3)
        failed = executor.submit_to_registered_function(FUNCTION)
        with pytest.raises(ServiceDown, match="under repair"):
            failed.result(TIMEOUT)

        server.script = answering()
        future = executor.submit_to_registered_function(FUNCTION)
        eventually(lambda: future.task_id, TIMEOUT)
        executor.shutdown(cancel_futures=True)


def test_what_may_have_been_taken_when_patience_ends_is_told_as_uncertain(server: RestServer) -> None:
    server.script = lambda _request: HangUp()
    with client_of(server.url) as client, Executor(ENDPOINT, client=client, patience=0.2) as executor:
        future = executor.submit_to_registered_function(FUNCTION)

        with pytest.raises(TaskUncertain) as caught:
            future.result(TIMEOUT)
        assert isinstance(caught.value.__cause__, ServiceDown)


def test_a_refusal_is_not_repeated(server: RestServer) -> None:
    server.script = lambda _request: refusal(422, message="no such thing")
    with client_of(server.url) as client, Executor(ENDPOINT, client=client) as executor:
        assert "no such thing" in str(executor.submit_to_registered_function(FUNCTION).exception(TIMEOUT))
        assert executor.stats().retries == 0
    assert len(submits(server)) == 1


def test_a_retry_after_beyond_the_patience_is_told(server: RestServer) -> None:
    server.script = lambda _request: Reply(429, {"code": "X", "message": "x"}, {"Retry-After": "3600"})
    with client_of(server.url) as client, Executor(ENDPOINT, client=client, patience=60) as executor:
        assert isinstance(executor.submit_to_registered_function(FUNCTION).exception(TIMEOUT), RateLimited)


def test_one_batch_that_the_service_breaks_on_holds_up_nobody_else(server: RestServer) -> None:
    server.script = lambda request: refusal(500) if FUNCTION.encode() in request.body else answering()(request)
    with client_of(server.url) as client:
        executor = Executor(ENDPOINT, client=client)
        broken = executor.submit_to_registered_function(FUNCTION)
        eventually(lambda: len(submits(server)) > 1, TIMEOUT)
        other = executor.submit_to_registered_function(OTHER)
        eventually(lambda: other.task_id, TIMEOUT)
        assert not broken.done()
        executor.shutdown(cancel_futures=True)
        assert broken.cancelled()


def test_the_hosted_service_is_not_sent_twice_what_it_may_have_taken(
    server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_hosted(monkeypatch, server.url)
    server.script = answering(HangUp())
    with client_of(server.url) as client, Executor(ENDPOINT, client=client) as executor:
        with pytest.raises(TaskUncertain, match="runs at most once"):
            executor.submit_to_registered_function(FUNCTION).result(TIMEOUT)
        assert len(submits(server)) == 1

        again = executor.options(retries=1, idempotent=True, backoff=0)
        server.script = answering(HangUp())
        future = again.submit_to_registered_function(FUNCTION)
        eventually(lambda: future.task_id, TIMEOUT)
        executor.shutdown(wait=False)
        future.cancel_remote()


def test_what_was_surely_never_sent_is_repeated_at_the_hosted_service_too(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    as_hosted(monkeypatch, f"http://127.0.0.1:{port}")
    with client_of(f"http://127.0.0.1:{port}") as client:
        executor = Executor(ENDPOINT, client=client)
        future = executor.submit_to_registered_function(FUNCTION)
        eventually(lambda: executor.stats().retries > 1, TIMEOUT)
        with RestServer(answering(), port=port):
            eventually(lambda: future.task_id, TIMEOUT)
            executor.shutdown(wait=False)
            future.cancel_remote()


def test_nobody_who_cancels_waits_for_patience(server: RestServer) -> None:
    server.script = lambda _request: refusal(503)
    with client_of(server.url) as client:
        executor = Executor(ENDPOINT, client=client)
        futures = [executor.submit_to_registered_function(FUNCTION) for _ in range(3)]
        eventually(lambda: executor.stats().retries > 3, TIMEOUT)
        for future in futures:
            future.cancel_remote()
        executor.shutdown()

        executor = Executor(ENDPOINT, client=client)
        future = executor.submit_to_registered_function(FUNCTION)
        eventually(lambda: executor.stats().retries > 3, TIMEOUT)
        executor.shutdown(cancel_futures=True)
        assert future.cancelled()


def test_a_registration_that_waits_is_let_go_by_shutdown(server: RestServer) -> None:
    server.script = lambda _request: refusal(503, message="under repair")
    raised: list[ServiceDown] = []
    with client_of(server.url) as client:
        executor = Executor(ENDPOINT, client=client, patience=3600)

        def submit() -> None:
            try:
                executor.submit(pow, 2, 2)
            except ServiceDown as error:
                raised.append(error)

        thread = threading.Thread(target=submit)
        thread.start()
        eventually(lambda: len(server.requests) > 3, TIMEOUT)
        executor.shutdown()
        thread.join(TIMEOUT)
    assert "under repair" in str(raised[0])


def test_shutdown_does_not_wait_for_the_first_contact(server: RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARPOOL_SERVICE_URL", server.url)
    monkeypatch.setenv("FARPOOL_TOKEN", "t")
    server.script = lambda _request: refusal(503)
    executor = Executor(ENDPOINT, patience=3600)
    raised: list[RuntimeError] = []

    def submit() -> None:
        try:
            executor.submit_to_registered_function(FUNCTION)
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=submit)
    thread.start()
    eventually(lambda: len(server.requests) > 2, TIMEOUT)

    executor.shutdown()
    assert thread.is_alive()

    server.script = lambda _request: VERSION
    thread.join(TIMEOUT)
    assert "after shutdown" in str(raised[0])
