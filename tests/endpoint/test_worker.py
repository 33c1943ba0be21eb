from __future__ import annotations

import platform
from typing import Any

import dill
import pytest

from farpool.endpoint.job import Job, Site
from farpool.endpoint.worker import Worker, traceback_of
from farpool.serialize import JSONData, Serializer
from farpool.wire import Actor, Result, Task, TaskCancel, TaskState, decode, encode, new_id, pack
from support.functions import FUNCTIONS

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.fixture
def worker() -> Worker:
    return Worker(Site(ENDPOINT, max_result_chars=10_000))


def job(name: str, *args: Any, serializers: tuple[str, ...] = (), **kwargs: Any) -> Job:
    serializer = Serializer()
    buffer = serializer.pack_function(FUNCTIONS[name]) + serializer.pack_arguments(args, kwargs)
    task_id = new_id()
    return Job(task_id, encode(Task(task_id, buffer)), serializers)


def run(worker: Worker, one: Job) -> Result:
    body = worker.run(one)
    assert isinstance(body, bytes)
    result = decode(body)
    assert isinstance(result, Result)
    assert result.task_id == one.task_id
    return result


def code_of(result: Result) -> str:
    assert result.error_details is not None, result
    return result.error_details.code


def test_a_value_comes_back_with_the_facts_of_the_worker(worker: Worker) -> None:
    result = run(worker, job("echo", value=[1, 2]))

    assert not result.is_error
    assert Serializer().deserialize(result.data) == [1, 2]
    assert result.details is not None
    assert result.details["python_version"] == platform.python_version()
    assert result.details["dill_version"] == dill.__version__
    assert result.details["endpoint_id"] == ENDPOINT
    assert {"os", "farpool_version"} <= set(result.details)


def test_start_and_end_of_the_execution_are_told(worker: Worker) -> None:
    statuses = run(worker, job("echo", 1)).task_statuses

    assert statuses is not None
    assert [one.state for one in statuses] == [TaskState.EXEC_START, TaskState.EXEC_END]
    assert {one.actor for one in statuses} == {Actor.WORKER}
    assert statuses[0].timestamp <= statuses[1].timestamp


def test_an_exception_comes_back_as_a_traceback_with_the_tasks_own_frames_only(worker: Worker) -> None:
    result = run(worker, job("fail", "bad value"))

    assert code_of(result) == "RemoteExecutionError"
    assert result.data.startswith("Traceback (most recent call last):\n")
    assert result.data.endswith("ValueError: bad value\n")
    assert ", in fail" in result.data
    assert ", in inner" in result.data
    assert "worker.py" not in result.data


@pytest.mark.parametrize(
    ("name", "args", "said"), [("leave", (4,), "SystemExit: 4"), ("interrupt", (), "KeyboardInterrupt")]
)
def test_exit_and_interrupt_inside_a_function_are_its_failure(
    worker: Worker, name: str, args: tuple[Any, ...], said: str
) -> None:
    result = run(worker, job(name, *args))

    assert code_of(result) == "RemoteExecutionError"
    assert said in result.data


def test_an_exception_that_cannot_be_shown_is_named_all_the_same(worker: Worker) -> None:
    result = run(worker, job("raise_unshowable"))

    assert code_of(result) == "RemoteExecutionError"
    assert "Unshowable" in result.data
    assert "raise_unshowable" in result.data


def test_a_result_that_cannot_be_serialized_is_named_by_its_type(worker: Worker) -> None:
    result = run(worker, job("give_generator"))

    assert code_of(result) == "SERIALIZATION_FAILED"
    assert "generator" in result.data


def test_a_result_over_the_limit_is_reported_with_both_sizes(worker: Worker) -> None:
    result = run(worker, job("give_text", 20_000))

    assert code_of(result) == "MaxResultSizeExceeded"
    assert result.data.startswith("MaxResultSizeExceeded(")
    assert result.data.endswith(", 10000)")


def test_the_limit_is_ten_mebi_characters() -> None:
    assert Site(ENDPOINT).max_result_chars == 10_485_760


def test_result_serializers_are_tried_in_order(worker: Worker) -> None:
    path = "globus_compute_sdk.serialize.JSONData"

    assert run(worker, job("echo", [1], serializers=(path,))).data == JSONData().serialize([1])
    # JSON has no complex numbers: the next one is asked.
    second = run(worker, job("echo", 1j, serializers=(path, "farpool.serialize.DillDataBase64")))
    assert Serializer().deserialize(second.data) == 1j


def test_result_serializers_of_which_none_can_are_all_named(worker: Worker) -> None:
    result = run(worker, job("echo", 1j, serializers=("JSONData", "NoSuchStrategy")))

    assert code_of(result) == "SERIALIZATION_FAILED"
    assert "JSONData" in result.data
    assert "NoSuchStrategy" in result.data


@pytest.mark.parametrize(
    "body", [b"", b"\x01nonsense", encode(TaskCancel(ENDPOINT))], ids=["empty", "damaged", "other"]
)
def test_what_is_not_a_task_is_said_to_be_none(worker: Worker, body: bytes) -> None:
    assert code_of(run(worker, Job(new_id(), body))) == "CouldNotExecuteUserTaskError"


@pytest.mark.parametrize(
    "buffer",
    ["", "3\nabc", "nonsense", pack(["xx\nabc", "00\n", "00\n"]), pack(["01\n!!!!", "00\ngAR9lC4=", "00\ngAR9lC4="])],
)
def test_a_task_that_cannot_be_read_says_what_is_wrong(worker: Worker, buffer: str) -> None:
    task_id = new_id()

    result = run(worker, Job(task_id, encode(Task(task_id, buffer))))

    assert code_of(result) == "DESERIALIZATION_FAILED"
    assert len(result.data) > 20


def test_a_function_that_is_returned_comes_back_as_code(worker: Worker) -> None:
    function = Serializer().deserialize(run(worker, job("echo", FUNCTIONS["echo"])).data)

    assert function(5) == 5


def test_a_very_long_exception_text_is_cut(worker: Worker) -> None:
    result = run(worker, job("fail", "x" * 3_000_000))

    assert len(result.data) < 1_100_000
    assert "characters left out" in result.data


def raise_chained() -> None:
    try:
        raise_inner()
    except KeyError as error:
        raise ValueError("outside") from error


def raise_inner() -> None:
    raise KeyError("inside")


def test_a_chained_exception_shows_its_cause() -> None:
    with pytest.raises(ValueError, match="outside") as caught:
        raise_chained()

    text = traceback_of(caught.value)

    assert "KeyError: 'inside'" in text
    assert "direct cause" in text
