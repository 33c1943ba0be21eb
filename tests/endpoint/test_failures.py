from __future__ import annotations

import pytest

from farpool.endpoint.failures import WORKER_LOST, ending, failure, shortened
from farpool.wire import Result, decode, new_id


def test_a_failure_is_a_result_message_with_code_message_and_text() -> None:
    task_id = new_id()

    result = decode(failure(task_id, WORKER_LOST, "it died", "it died at once", details={"endpoint_id": "x"}))

    assert isinstance(result, Result)
    assert result.is_error
    assert result.error_details is not None
    assert (result.task_id, result.data, result.details) == (task_id, "it died at once", {"endpoint_id": "x"})
    assert (result.error_details.code, result.error_details.user_message) == ("WORKER_LOST", "it died")


def test_a_text_that_is_too_long_loses_its_middle_and_says_so() -> None:
    text = "a" * 50 + "b" * 900 + "c" * 50

    short = shortened(text, 100)

    assert short == "a" * 50 + "\n... (900 characters left out) ...\n" + "c" * 50
    assert shortened(text, 1000) == text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "exited with code 0"),
        (3, "exited with code 3"),
        (-9, "died with signal SIGKILL (9)"),
        (-11, "died with signal SIGSEGV (11)"),
        (-63, "died with signal 63"),
    ],
)
def test_an_exit_code_is_said_in_words(code: int, said: str) -> None:
    assert ending(code) == said
