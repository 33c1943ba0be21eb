from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest
import requests

from farpool.errors import FarpoolError
from farpool.service import Server, ServiceAddress, run
from support.callers import PAYLOAD, Agent, Caller, task_ids_of
from support.service import ServiceProcess, service_in_thread, service_options


def is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return True
    return False


def test_the_address_says_where_everything_is(tmp_path: Path) -> None:
    addresses: list[ServiceAddress] = []
    server = Server(service_options(tmp_path / "service", ready=addresses.append))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not addresses and thread.is_alive():
        thread.join(0.01)
    (address,) = addresses

    assert requests.get(f"{address.url}/v2/version", timeout=10).status_code == 200
    with socket.create_connection(("127.0.0.1", address.amqp_port), timeout=10):
        pass
    assert address.directory == tmp_path / "service"
    assert address.token_file == tmp_path / "service" / "token"
    assert stat.S_IMODE(address.token_file.stat().st_mode) == 0o600
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_ports_are_released_at_the_end_and_had_again_at_the_next_start(tmp_path: Path) -> None:
    with service_in_thread(tmp_path) as first:
        port = int(first.url.rpartition(":")[2])
    assert is_free(port)
    assert is_free(first.amqp_port)

    with service_in_thread(tmp_path) as second:
        assert (second.url, second.amqp_port) == (first.url, first.amqp_port)


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    with service_in_thread(tmp_path) as first:
        pass
    port = int(first.url.rpartition(":")[2])
    with (
        socket.create_server(("127.0.0.1", port)),
        socket.create_server(("127.0.0.1", first.amqp_port)),
        service_in_thread(tmp_path) as second,
    ):
        assert second.url != first.url
        assert second.amqp_port != first.amqp_port


@pytest.mark.parametrize("name", ["port", "amqp_port"])
def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(FarpoolError, match=rf"listen on 127\.0\.0\.1:{port} .*choose another port"):
            run(service_options(tmp_path, **{name: port}))


def test_an_address_that_is_none_of_this_machine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FarpoolError, match=r"listen on 192\.0\.2\.1:0"):
        run(service_options(tmp_path, host="192.0.2.1"))


def test_a_directory_in_use_is_an_error_and_leaves_the_first_service_alone(tmp_path: Path) -> None:
    with service_in_thread(tmp_path) as running, Caller(running) as caller:
        with pytest.raises(FarpoolError, match="another service"):
            run(service_options(tmp_path))

        caller.get("/v3/identity")


def test_a_service_that_is_told_to_stop_before_it_serves_ends(tmp_path: Path) -> None:
    addresses: list[ServiceAddress] = []
    server = Server(service_options(tmp_path, ready=addresses.append))
    server.stop()

    asyncio.run(server.serve())

    assert addresses == []


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    with service_in_thread(tmp_path):
        pass
    store = sqlite3.connect(tmp_path / "service.sqlite")
    store.execute("UPDATE counters SET next = 99 WHERE name = 'schema'")
    store.commit()
    store.close()

    with pytest.raises(FarpoolError, match="version 99"):
        run(service_options(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with ServiceProcess(tmp_path / "service") as process:
        running = process.start()
        with Caller(running) as caller:
            endpoint = caller.register_endpoint()
            reply = caller.submit(endpoint["endpoint_id"], caller.register_function(), [PAYLOAD] * 10)
            with Agent(endpoint) as agent:
                agent.take(10)
                os.kill(running.pid, number)
                assert process.wait() == 0
        assert is_free(running.amqp_port)

        with Caller(process.start()) as caller, Agent(endpoint) as agent:
            assert [task.task_id for task in agent.take(10)] == task_ids_of(reply)


def test_a_durable_service_works_alike(tmp_path: Path) -> None:
    with service_in_thread(tmp_path, durable=True) as running, Caller(running) as caller:
        endpoint = caller.register_endpoint()
        reply = caller.submit(endpoint["endpoint_id"], caller.register_function())
        with Agent(endpoint) as agent:
            agent.succeed(*agent.take())
            caller.wait_for_status(task_ids_of(reply)[0], "success")


def test_a_service_on_all_addresses_names_one_that_can_be_reached(tmp_path: Path) -> None:
    with service_in_thread(tmp_path, host="0.0.0.0") as running, Caller(running) as caller:
        assert running.url.startswith("http://127.0.0.1:")
        endpoint = caller.register_endpoint()
        assert f"@127.0.0.1:{running.amqp_port}/" in endpoint["task_queue_info"]["connection_url"]
        with Agent(endpoint) as agent:
            agent.report()
        caller.wait_for_endpoint(endpoint["endpoint_id"], "online")
