"""The way to the service: connections, threads, proxies, processes."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from farpool.client import Client
from farpool.errors import ServiceDown
from farpool.settings import Settings
from support.rest_server import VERSION, Reply, Request, RestServer


def test_one_connection_is_kept_for_calls_one_after_the_other(server: RestServer, client: Client) -> None:
    for _ in range(5):
        client.version_check()

    assert len({request.connection for request in server.requests}) == 1


def test_both_api_versions_share_the_connection(server: RestServer, client: Client) -> None:
    server.answer(body={"functions": [], "queue_prefix": "q.", "connection_url": "amqp://x"})

    client.get_result_amqp_url()
    client.get_functions()

    assert [request.path.split("/")[1] for request in server.requests] == ["v2", "v3"]
    assert len({request.connection for request in server.requests}) == 1


def test_calls_of_several_threads_run_at_the_same_time(server: RestServer, client: Client) -> None:
    everybody_is_here = threading.Barrier(8, timeout=10)

    def answer(_request: Request) -> Reply:
        everybody_is_here.wait()  # passes only when 8 requests are being answered at once
        return VERSION

    server.script = answer
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(client.version_check) for _ in range(8)]
    for call in calls:
        call.result()

    assert len(server.requests) == 8


def test_threads_that_come_and_go_reuse_connections(server: RestServer, client: Client) -> None:
    for _ in range(10):
        thread = threading.Thread(target=client.version_check)
        thread.start()
        thread.join()

    assert len({request.connection for request in server.requests}) == 1


def test_a_connection_that_the_service_closed_is_replaced(server: RestServer, client: Client) -> None:
    client.version_check()
    server.hang_up()
    client.version_check()

    assert len({request.connection for request in server.requests}) == 2


def test_a_loopback_service_is_not_reached_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, settings: Settings
) -> None:
    with RestServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with Client(service_url=server.url, token="t", settings=settings):
            pass

    assert len(server.requests) == 1
    assert not proxy.requests


def test_another_service_is_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    with RestServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with Client(service_url="http://farpool.example:5000", token="t", settings=settings):
            pass

    assert [request.target for request in proxy.requests] == ["http://farpool.example:5000/v2/version?service=all"]


def test_a_closed_client_says_so(server: RestServer, client: Client) -> None:
    client.close()

    with pytest.raises(RuntimeError, match="closed"):
        client.version_check()
    assert not server.requests


def test_closing_ends_the_wait_for_a_service_that_is_away(server: RestServer, settings: Settings) -> None:
    with Client(service_url=server.url, token="t", settings=settings) as client, ThreadPoolExecutor(1) as threads:
        server.answer(503, {"code": "AWAY", "message": "away"}, {"Retry-After": "30"})
        asking = threads.submit(client.version_check)
        while len(server.requests) < 2:
            threading.Event().wait(0.005)
        client.close()

        with pytest.raises(ServiceDown):
            asking.result(timeout=5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_opens_a_connection_of_its_own(server: RestServer, client: Client) -> None:
    client.version_check()

    child = os.fork()
    if child == 0:  # pragma: no cover - the child
        status = 1
        try:
            client.version_check()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    client.version_check()

    assert status == 0
    connections = [request.connection for request in server.requests]
    assert connections[0] == connections[2] != connections[1]


def test_the_client_says_what_it_is(server: RestServer, client: Client) -> None:
    client.version_check()

    assert "farpool-" in server.last.headers["User-Agent"]
    assert server.last.headers["Authorization"] == "Bearer secret-1"
