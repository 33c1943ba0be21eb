"""What a task came to: the right error for what the wire says."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from farpool.client import failure_of
from farpool.client.results import failure_in, value_in
from farpool.errors import (
    DeserializationError,
    EndpointOffline,
    ResultTooLarge,
    TaskCancelled,
    TaskError,
    TaskExecutionFailed,
    TaskPending,
    TaskTimeout,
    WorkerLost,
)
from farpool.serialize import Serializer
from farpool.serialize.exceptions import describe
from farpool.wire.rest import TaskDocument

TASK = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
ENDPOINT = "5b116d3c-1703-4f8f-9f6f-39921e5864df"
FUNCTION = "6b116d3c-1703-4f8f-9f6f-39921e5864df"
TRACEBACK = 'Traceback (most recent call last):\n  File "<x>", line 1, in f\nValueError: no luck\n'
PARSL_LOST = (
    "+++++\nTraceback (most recent call last):\n"
    "parsl.executors.high_throughput.errors.WorkerLost: Task failure due to loss of worker 0 on host h\n-----"
)


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("RemoteExecutionError", "who knows", TaskExecutionFailed),
        (None, "who knows", TaskExecutionFailed),
        ("RemoteExecutionError", PARSL_LOST, WorkerLost),
        (None, PARSL_LOST, WorkerLost),
        ("MaxResultSizeExceeded", "MaxResultSizeExceeded(15581488, 10485760)", ResultTooLarge),
        (None, "MaxResultSizeExceeded(15581488, 10485760)", ResultTooLarge),
        ("RESULT_TOO_LARGE", "12 bytes", ResultTooLarge),
        ("WorkerLost", "the worker was killed by SIGKILL", WorkerLost),
        ("WORKER_LOST", "exit code 3", WorkerLost),
        ("TaskTimeout", "ran longer than 3 s", TaskTimeout),
        ("TASK_CANCELLED", "cancelled by its owner", TaskCancelled),
        ("ENDPOINT_OFFLINE", "away for 3 days", EndpointOffline),
        ("FUNCTION_NOT_ALLOWED", "Function X not permitted on endpoint Y", TaskError),
        ("UNKNOWN_TASK_FAILURE", "who knows", TaskError),
        ("SERIALIZATION_FAILED", "a generator cannot be serialized", TaskError),
        ("DESERIALIZATION_FAILED", "no module named x", TaskError),
        ("SomethingNew", "who knows", TaskError),
    ],
)
def test_an_error_code_becomes_the_error_of_its_kind(code: str | None, text: str, kind: type[TaskError]) -> None:
    error = failure_of(code, "for people", text, task_id=TASK, endpoint_id=ENDPOINT, function_id=FUNCTION)

    assert type(error) is kind
    assert isinstance(error, TaskError)
    assert (error.task_id, error.endpoint_id, error.function_id, error.code) == (TASK, ENDPOINT, FUNCTION, code)
    assert TASK in str(error)
    assert ENDPOINT in str(error)
    assert pickle.loads(pickle.dumps(error)).__dict__ == error.__dict__


def test_a_remote_traceback_of_a_type_that_is_not_here_is_in_the_message() -> None:
    text = TRACEBACK.replace("ValueError", "no_such_module.Wrong")

    error = failure_of("RemoteExecutionError", "An error occurred", text, task_id=TASK)

    assert type(error) is TaskExecutionFailed
    assert str(error) == f"the function raised (task {TASK}):\n{text.rstrip()}"


def test_a_remote_traceback_of_a_type_that_is_here_becomes_that_type_too() -> None:
    error = failure_of("RemoteExecutionError", "An error occurred", TRACEBACK, task_id=TASK)

    assert isinstance(error, ValueError)
    assert isinstance(error, TaskExecutionFailed)
    assert (error.args, error.task_id) == (("no luck",), TASK)
    assert TRACEBACK.rstrip() in str(error.__cause__)


def test_a_traceback_that_speaks_of_large_results_is_still_the_functions_own() -> None:
    text = TRACEBACK + "MaxResultSizeExceeded(1, 2)"

    assert isinstance(failure_of("RemoteExecutionError", None, text), ValueError)


def test_what_looks_like_a_lost_worker_may_have_been_raised_by_the_function() -> None:
    details = {"farpool_exception": describe(ValueError("no luck"))}

    error = failure_of("RemoteExecutionError", None, PARSL_LOST, details=details)

    assert isinstance(error, ValueError)
    assert not isinstance(error, WorkerLost)


def test_an_exception_that_cannot_be_rebuilt_leaves_the_text_and_the_reason() -> None:
    details = {"farpool_exception": {"version": 1, "nodes": [{"type": ["no_such_module", "Wrong"]}]}}

    error = failure_of("RemoteExecutionError", None, TRACEBACK, task_id=TASK, details=details)

    assert type(error) is TaskExecutionFailed
    assert str(error).startswith(f"the function raised (task {TASK}); no_such_module.Wrong cannot be rebuilt here")
    assert str(error).endswith(TRACEBACK.rstrip())


def test_a_result_that_is_too_large_is_told_with_both_sizes() -> None:
    error = failure_of("MaxResultSizeExceeded", None, "MaxResultSizeExceeded(15581488, 10485760)")

    assert "15,581,488 bytes" in str(error)
    assert "limit is 10,485,760" in str(error)


def test_what_is_said_twice_is_told_once() -> None:
    error = failure_of("WorkerLost", "killed by SIGKILL", "the worker was killed by SIGKILL (exit code -9)")

    assert str(error) == "the task failed: the worker was killed by SIGKILL (exit code -9)"


def _document(**fields: Any) -> TaskDocument:
    known: dict[str, Any] = {"task_id": TASK, "status": "success", "completion_t": "1.5"}
    return TaskDocument(**known | fields)


def test_a_document_with_a_result_holds_its_value() -> None:
    serializer = Serializer()

    assert value_in(_document(result=serializer.serialize([1, None])), serializer.deserialize) == [1, None]


def test_a_document_that_is_not_finished_is_pending() -> None:
    with pytest.raises(TaskPending, match="'waiting-for-ep': ask again later") as caught:
        value_in(_document(status="waiting-for-ep", completion_t=None), str)
    assert (caught.value.task_id, caught.value.status) == (TASK, "waiting-for-ep")


@pytest.mark.parametrize(
    ("fields", "kind", "said"),
    [
        ({"status": "failed", "exception": "no luck"}, TaskExecutionFailed, "no luck"),
        ({"status": "FAILED", "completion_t": None, "exception": "no luck"}, TaskExecutionFailed, "no luck"),
        (
            {"status": "failed", "exception": "killed", "error_details": {"code": "WorkerLost", "user_message": "m"}},
            WorkerLost,
            "killed",
        ),
        ({"status": "failed", "reason": "it could not start"}, TaskExecutionFailed, "it could not start"),
        ({"status": "cancelled"}, TaskCancelled, "ended as 'cancelled'"),
        ({"status": "success"}, TaskError, "kept no result"),
    ],
)
def test_a_document_without_a_result_tells_why(fields: dict[str, Any], kind: type[TaskError], said: str) -> None:
    failure = failure_in(_document(**fields))

    assert type(failure) is kind
    assert said in str(failure)


def test_a_value_that_cannot_be_rebuilt_is_told_with_the_versions_that_made_it() -> None:
    made_by = {"python_version": "3.99.0", "dill_version": "9.9"}

    with pytest.raises(DeserializationError, match=rf"task {TASK}.* made by Python 3\.99\.0 and dill 9\.9"):
        value_in(_document(result="00\n!!!", details=made_by), Serializer().deserialize)
