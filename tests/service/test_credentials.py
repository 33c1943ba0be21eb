from __future__ import annotations

import pytest

from farpool.service.credentials import reachable


@pytest.mark.parametrize(
    ("issued", "reached_at", "given"),
    [
        ("amqp://u:p@127.0.0.1:5672/%2F", "lab.example.org", "amqp://u:p@127.0.0.1:5672/%2F"),
        ("amqp://u:p@0.0.0.0:5672/%2F", "lab.example.org", "amqp://u:p@lab.example.org:5672/%2F"),
        ("amqp://u:p@[::]:5672/%2F", "fe80::1", "amqp://u:p@[fe80::1]:5672/%2F"),
        ("amqp://u:p@0.0.0.0:5672/%2F", None, "amqp://u:p@0.0.0.0:5672/%2F"),
    ],
)
def test_a_broker_on_all_addresses_is_where_the_service_was_reached(
    issued: str, reached_at: str | None, given: str
) -> None:
    assert reachable(issued, reached_at) == given
