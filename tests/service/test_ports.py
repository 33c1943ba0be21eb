from __future__ import annotations

import socket

import pytest

from farpool.errors import FarpoolError
from farpool.service.ports import CHOICE, free_port, listen


def test_any_port_is_one_that_no_outgoing_connection_is_given() -> None:
    with listen("127.0.0.1", 0, 0) as one, listen("127.0.0.1", 0, 0) as two:
        ports = {one.getsockname()[1], two.getsockname()[1], free_port("127.0.0.1", 0)}

    assert len(ports) == 3
    assert all(port in CHOICE for port in ports)


def test_the_remembered_port_is_preferred_where_it_is_free() -> None:
    port = free_port("127.0.0.1", 0)

    assert free_port("127.0.0.1", port) == port
    with listen("127.0.0.1", 0, port) as listener:
        listener.listen()
        assert listener.getsockname()[1] == port
        assert free_port("127.0.0.1", port) != port
        with listen("127.0.0.1", 0, port) as other:
            assert other.getsockname()[1] != port


def test_a_port_that_was_asked_for_is_had_or_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(FarpoolError, match=rf"127\.0\.0\.1:{port} .*choose another port"):
            listen("127.0.0.1", port, 0)


def test_an_address_of_another_machine_is_refused() -> None:
    assert free_port("192.0.2.1", 0) == 0
    with pytest.raises(FarpoolError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0, 0)
