"""Queue names, headers and credentials, in the shapes that the real programs read."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.errors import WireError
from farpool.wire import new_id
from farpool.wire.containers import Environment
from farpool.wire.queues import (
    QueueInfo,
    cancel_headers,
    cancel_queue,
    command_queue,
    heartbeats_routing_key,
    result_queue,
    results_routing_key,
    task_headers,
    task_queue,
)
from support.values import json_values, texts


@given(st.builds(QueueInfo, texts, texts) | st.builds(QueueInfo, texts, texts, texts, texts))
def test_credentials_come_back_from_json_as_they_were(info: QueueInfo) -> None:
    assert QueueInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


@given(
    json_values | st.fixed_dictionaries({"connection_url": texts, "queue": texts, "queue_publish_kwargs": json_values})
)
def test_any_json_is_credentials_or_a_wire_error(body: Any) -> None:
    with suppress(WireError):
        QueueInfo.from_json(body)


def test_what_is_published_to_carries_the_arguments_that_agents_pass_on_to_pika() -> None:
    info = QueueInfo("amqp://u:p@h:1/%2F", "results", "results", "e.results")

    assert info.to_json()["queue_publish_kwargs"] == {
        "exchange": "results",
        "routing_key": "e.results",
        "mandatory": True,
        "properties": {"delivery_mode": 2},
    }


def test_the_exchange_is_found_where_there_are_no_publish_arguments() -> None:
    assert QueueInfo.from_json({"connection_url": "u", "queue": "q", "exchange": "x"}).exchange == "x"


@pytest.mark.parametrize("key", ["connection_url", "queue"])
def test_credentials_without_a_required_key_are_refused_by_name(key: str) -> None:
    body = {"connection_url": "u", "queue": "q"}
    del body[key]

    with pytest.raises(WireError, match=key):
        QueueInfo.from_json(body)


def test_a_password_does_not_show_in_a_repr() -> None:
    assert "secret" not in repr(QueueInfo("amqp://user:secret@host/", "q"))


def test_a_clients_queue_is_the_prefix_and_the_task_group() -> None:
    group_id = new_id()

    assert result_queue("abc.", group_id) == f"abc.{group_id}"


def test_the_names_of_one_endpoint_are_four_different_ones() -> None:
    names = {name(new_id.__name__) for name in (task_queue, command_queue, results_routing_key, heartbeats_routing_key)}

    assert len(names) == 4


def test_a_task_always_has_the_two_headers_that_agents_require() -> None:
    assert task_headers("t", "f") == {"task_uuid": "t", "function_uuid": "f"}


def test_a_resource_specification_travels_as_json_text() -> None:
    headers = task_headers("t", "f", {"cores": 2}, ["farpool.serialize.JSONData"])

    assert headers["resource_specification"] == '{"cores": 2}'
    assert headers["result_serializers"] == ["farpool.serialize.JSONData"]


def test_time_outs_and_priorities_are_headers_that_are_left_out_where_there_are_none() -> None:
    assert set(task_headers("t", "f")) == {"task_uuid", "function_uuid"}
    assert task_headers("t", "f", timeout_s=2.5, priority=0)["timeout_s"] == "2.5"
    assert task_headers("t", "f", timeout_s=2.5, priority=0)["priority"] == "0"


def test_a_cancel_says_whether_what_runs_is_to_be_stopped() -> None:
    assert cancel_headers(running=False) == {"running": False}
    assert cancel_queue("e") == "e.cancels"


def test_the_header_of_a_container_stays_short_whatever_it_is_called() -> None:
    called = Environment(new_id(), "venv", "/opt/env", "x" * 100_000)

    assert Environment.from_header(called.to_header()) == replace(called, name="x" * 200)
