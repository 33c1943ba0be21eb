"""Messages and envelopes: what is written is read, what is damaged is refused as such and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from farpool.errors import WireError
from farpool.wire import EndpointStatusReport, ErrorDetails, Message, Result, Task, TaskCancel, decode, encode, new_id
from support.values import json_objects, json_values, messages, results

TYPES = (
    "task",
    "task_cancel",
    "result",
    "task_transition",
    "ep_status_report",
    "manager_status_report",
    "container",
    "containerimage",
)


def envelope(body: object) -> bytes:
    return b"\x01" + json.dumps(body).encode()


@given(messages)
def test_every_message_comes_back_as_it_was_sent(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages)
def test_an_envelope_is_the_version_and_one_line_of_json(message: Message) -> None:
    sent = encode(message)

    assert sent[:1] == b"\x01"
    assert b"\n" not in sent
    assert set(json.loads(sent[1:])) == {"message_type", "data"}


@given(messages, json_objects)
def test_unknown_fields_are_ignored(message: Message, more: dict[str, Any]) -> None:
    body = json.loads(encode(message)[1:])
    body["data"] = {f"unknown {key}": value for key, value in more.items()} | body["data"]

    assert decode(envelope({"unknown": more, **body})) == message


@given(st.binary())
@example(b"")
@example(b"\x01")
@example(b"\x01" + b"[" * 100_000)
@example(b'\x01{"data":' * 50_000)
@example(b'\x01{"message_type":[],"data":{}}')
@example(b'\x01{"message_type":{"a":1},"data":{}}')
@example('\x01{"message_type":"task","data":{}}'.encode("utf-16"))
@example(b'\x01{"message_type":"task_transition","data":{"state":[],"actor":{},"timestamp":1}}')
@example(b'\x01{"message_type":"task_transition","data":{"timestamp":' + b"9" * 5000 + b"}}")
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for candidate in (data, b"\x01" + data):
        with suppress(WireError):
            decode(candidate)


@given(st.sampled_from(TYPES), json_values)
def test_any_json_is_a_message_or_a_wire_error(message_type: str, data: Any) -> None:
    with suppress(WireError):
        decode(envelope({"message_type": message_type, "data": data}))


@given(messages, st.data())
def test_a_message_with_one_field_damaged_is_a_message_or_a_wire_error(message: Message, data: st.DataObject) -> None:
    body = json.loads(encode(message)[1:])
    fields: dict[str, Any] = body["data"]
    field = data.draw(st.sampled_from(sorted(fields)))
    if data.draw(st.booleans()):
        fields[field] = data.draw(json_values)
    else:
        del fields[field]

    with suppress(WireError):
        decode(envelope(body))


@given(results)
def test_a_result_is_an_error_when_it_has_error_details(result: Result) -> None:
    assert result.is_error == (result.error_details is not None)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(WireError, match="'task_buffer' is missing"):
        decode(envelope({"message_type": "task", "data": {"task_id": new_id()}}))


def test_a_field_of_the_wrong_type_is_named_with_both_types() -> None:
    with pytest.raises(WireError, match="'timestamp' is a float, not a int"):
        decode(
            envelope(
                {"message_type": "task_transition", "data": {"timestamp": 1.5, "state": "running", "actor": "worker"}}
            )
        )


def test_an_id_that_is_none_is_named() -> None:
    with pytest.raises(WireError, match="task_id 'seven' is not a UUID"):
        decode(envelope({"message_type": "task_cancel", "data": {"task_id": "seven"}}))


def test_another_version_is_refused() -> None:
    with pytest.raises(WireError, match="version"):
        decode(b"\x02" + encode(TaskCancel(new_id()))[1:])


def test_an_unknown_message_type_is_named_with_those_known() -> None:
    with pytest.raises(WireError, match="unknown message type 'tusk'; known: task, task_cancel, result"):
        decode(envelope({"message_type": "tusk", "data": {}}))


def test_the_older_name_of_a_reports_state_is_read_too() -> None:
    endpoint_id = new_id()
    data = {"endpoint_id": endpoint_id, "ep_status_report": {"active": True}, "task_statuses": {}}

    report = decode(envelope({"message_type": "ep_status_report", "data": data}))

    assert report == EndpointStatusReport(endpoint_id, {"active": True}, {})


def test_ids_in_the_other_case_are_read_as_the_same_id() -> None:
    task = Task(new_id(), "")

    assert decode(encode(task).replace(task.task_id.encode(), task.task_id.upper().encode())) == task


def test_what_a_real_worker_sends_is_read() -> None:
    # Source: docs/protocol.md, "Real result".
    real = (
        b'\x01{"message_type":"result","data":{"task_id":"359e2ec3-caef-4258-a149-a67767af0ee8",'
        b'"data":"00\\ngARLKi4=\\n","details":{"os":"Linux","python_version":"3.11.7","dill_version":"0.3.9",'
        b'"endpoint_id":"4b116d3c-1703-4f8f-9f6f-39921e5864df"},"error_details":null,"task_statuses":['
        b'{"timestamp":1700000000000000000,"state":"execution-start","actor":"worker"},'
        b'{"timestamp":1700000000000000001,"state":"execution-end","actor":"worker"}]}}'
    )

    result = decode(real)

    assert isinstance(result, Result)
    assert (result.data, result.is_error) == ("00\ngARLKi4=\n", False)
    assert encode(result) == real


def test_an_error_keeps_its_code_and_its_sentence() -> None:
    failed = Result(new_id(), "Traceback ...", error_details=ErrorDetails("RemoteExecutionError", "it raised"))

    assert decode(encode(failed)) == failed
