"""Beginning and end: what starts when, what is left over, and what wrong use gets."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from typing import Any

import pytest

from farpool import Executor
from farpool.errors import AccessDenied, NotFound, ServiceDown, StreamError
from farpool.local import StackLease
from support.environments import clean_environment

TIMEOUT = 60
UNKNOWN = "99999999-9999-4999-8999-999999999999"


def farpool_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in {"farpool-submit", "farpool-results"}]


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        env=clean_environment(**environment),
    )


def test_nothing_starts_before_the_first_submit() -> None:
    before = farpool_threads()
    executor = Executor()

    assert farpool_threads() == before
    assert executor.endpoint_id is None
    executor.shutdown()


def test_shutdown_leaves_no_thread(stack: StackLease) -> None:
    before = farpool_threads()
    executor = Executor(max_workers=2)
    executor.submit(pow, 2, 2)
    executor.shutdown()

    assert farpool_threads() == before


def test_submit_after_shutdown_is_refused_in_the_standard_words(stack: StackLease) -> None:
    executor = Executor(max_workers=2)
    executor.submit(pow, 2, 2).result(TIMEOUT)
    executor.shutdown()

    with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
        executor.submit(pow, 2, 2)
    executor.shutdown()


def test_shutdown_of_an_executor_that_was_never_used_does_nothing() -> None:
    executor = Executor()
    executor.shutdown()

    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(pow, 2, 2)


def test_shutdown_waits_for_what_was_submitted(stack: StackLease) -> None:
    executor = Executor(max_workers=2)
    futures = [executor.submit(time.sleep, 0.2) for _ in range(4)]
    executor.shutdown()

    assert all(future.done() for future in futures)


def test_shutdown_without_waiting_returns_and_the_tasks_finish(stack: StackLease) -> None:
    executor = Executor(max_workers=2)
    future = executor.submit(time.sleep, 0.5)
    executor.shutdown(wait=False)

    assert not future.done()
    assert future.result(TIMEOUT) is None


def test_a_forgotten_executor_finishes_its_tasks_and_goes(stack: StackLease) -> None:
    executor = Executor(max_workers=2)
    future = executor.submit(pow, 2, 10)
    gone = weakref.ref(executor)
    del executor
    gc.collect()

    assert gone() is None
    assert future.result(TIMEOUT) == 1024
    for thread in threading.enumerate():
        if thread.name in {"farpool-submit", "farpool-results"}:
            thread.join(TIMEOUT)
    assert farpool_threads() == []


def test_a_script_that_never_shuts_down_still_gets_its_results_and_ends() -> None:
    done = run("""if 1:
        from farpool import Executor
        if __name__ == "__main__":
            ex = Executor(max_workers=1)
            ex.submit(pow, 2, 8).add_done_callback(lambda future: print(future.result(), flush=True))
    """)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "256\n"
    assert done.stderr == ""


def test_an_explicit_none_is_an_error_that_says_what_to_set() -> None:
    executor = Executor(endpoint_id=None)

    with pytest.raises(ValueError, match="endpoint_id is None: set endpoint_id"):
        executor.submit(pow, 2, 2)


def test_an_endpoint_set_before_the_first_submit_is_used(stack: StackLease) -> None:
    executor = Executor(endpoint_id=None, max_workers=2)
    executor.endpoint_id = "local"

    assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4
    executor.shutdown()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"endpoint_id": "nonsense"}, ValueError, "endpoint_id 'nonsense' is not a UUID"),
        ({"endpoint_id": 3}, TypeError, "endpoint_id must be a UUID"),
        ({"task_group_id": "x"}, ValueError, "task_group_id 'x' is not a UUID"),
        ({"max_workers": 0}, ValueError, "max_workers must be greater than 0"),
        ({"max_workers": "2"}, TypeError, "max_workers must be an integer"),
        ({"batch_size": -1}, ValueError, "batch_size must be greater than 0"),
        ({"amqp_port": 0}, ValueError, "amqp_port must be greater than 0"),
        ({"resource_specification": [1]}, TypeError, "resource_specification must be a dict"),
        ({"user_endpoint_config": {"a": object()}}, TypeError, "user_endpoint_config must be JSON-serializable"),
        ({"result_serializers": "one"}, TypeError, "result_serializers must be a list"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Executor(**arguments)


def at(stack: StackLease, monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    monkeypatch.setenv("FARPOOL_SERVICE_URL", changes.get("url", stack.service_url))
    monkeypatch.setenv("FARPOOL_TOKEN", changes.get("token", stack.token))


def test_the_environment_names_service_token_and_endpoint(stack: StackLease, monkeypatch: pytest.MonkeyPatch) -> None:
    at(stack, monkeypatch)
    monkeypatch.setenv("FARPOOL_ENDPOINT_ID", stack.endpoint_id)

    with Executor() as executor:
        assert executor.submit(pow, 2, 3).result(TIMEOUT) == 8
        assert executor.endpoint_id == stack.endpoint_id


def test_an_unknown_endpoint_fails_its_tasks_and_only_those(stack: StackLease, monkeypatch: pytest.MonkeyPatch) -> None:
    at(stack, monkeypatch)
    with Executor(endpoint_id=stack.endpoint_id) as executor:
        good = executor.submit(pow, 2, 2)
        executor.endpoint_id = UNKNOWN
        lost = executor.submit(pow, 2, 2)
        executor.endpoint_id = stack.endpoint_id
        also_good = executor.submit(pow, 3, 2)

        with pytest.raises(NotFound, match=UNKNOWN):
            lost.result(TIMEOUT)
        assert (good.result(TIMEOUT), also_good.result(TIMEOUT)) == (4, 9)


def test_an_unknown_function_fails_its_tasks_and_only_those(executor: Executor) -> None:
    futures = [executor.submit(pow, number, 2) for number in range(10)]
    lost = executor.submit_to_registered_function(UNKNOWN, (1,))
    futures += [executor.submit(pow, number, 2) for number in range(10)]

    with pytest.raises(NotFound, match=UNKNOWN):
        lost.result(TIMEOUT)
    assert [future.result(TIMEOUT) for future in futures] == [number**2 for number in range(10)] * 2
    with pytest.raises(ValueError, match="function_id 'x' is not a UUID"):
        executor.submit_to_registered_function("x")


def test_a_wrong_token_is_told_at_submit(stack: StackLease, monkeypatch: pytest.MonkeyPatch) -> None:
    at(stack, monkeypatch, token="wrong")
    with Executor(endpoint_id=stack.endpoint_id) as executor, pytest.raises(AccessDenied, match="token"):
        executor.submit(pow, 2, 2).result(TIMEOUT)


def test_a_service_without_a_token_says_where_to_put_one(stack: StackLease, monkeypatch: pytest.MonkeyPatch) -> None:
    at(stack, monkeypatch, token="")
    with Executor(endpoint_id=stack.endpoint_id) as executor, pytest.raises(AccessDenied, match="FARPOOL_TOKEN"):
        executor.submit(pow, 2, 2)


@pytest.mark.slow
def test_a_service_that_does_not_run_is_named(stack: StackLease, monkeypatch: pytest.MonkeyPatch) -> None:
    from farpool import Client
    from farpool.client import Patience

    client = Client(
        service_url="http://127.0.0.1:1",
        token="any",
        patience=Patience(0.3),
        do_version_check=False,
    )
    with (
        client,
        Executor(endpoint_id=UNKNOWN, client=client) as executor,
        pytest.raises(ServiceDown, match=r"127\.0\.0\.1:1"),
    ):
        executor.submit(pow, 2, 2).result(TIMEOUT)


@pytest.mark.slow
def test_a_closed_broker_port_fails_the_futures_with_an_error_that_names_it(
    stack: StackLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(stack, monkeypatch)
    with Executor(endpoint_id=stack.endpoint_id, amqp_port=1, patience=0.5) as executor:
        future = executor.submit(time.sleep, 3)

        with pytest.raises(StreamError, match=r"127\.0\.0\.1:1"):
            future.result(TIMEOUT)


@pytest.mark.slow
def test_results_come_another_way_where_the_broker_cannot_be_reached(
    stack: StackLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(stack, monkeypatch)
    with Executor(endpoint_id=stack.endpoint_id, amqp_port=1) as executor:
        assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4


def test_a_client_without_an_endpoint_is_refused(client: Any) -> None:
    with Executor(client=client) as executor, pytest.raises(ValueError, match="a client was given and no endpoint"):
        executor.submit(pow, 2, 2)


def test_a_stack_that_dies_fails_what_waits_for_it(home: Any) -> None:
    done = run(
        """if 1:
        import os, signal, time
        import psutil
        from farpool import Executor
        if __name__ == "__main__":
            ex = Executor(max_workers=1)
            ex.submit(time.sleep, 0).result(60)
            sent = ex.submit(time.sleep, 60)
            while sent.task_id is None:
                time.sleep(0.01)
            (service,) = (one for one in psutil.Process().children() if "serve" in one.cmdline())
            service.send_signal(signal.SIGSTOP)
            unanswered = ex.submit(time.sleep, 60)
            while not unanswered.running():
                time.sleep(0.01)
            service.kill()
            for future in (sent, unanswered):
                try:
                    future.result(60)
                except Exception as error:
                    print(type(error).__name__, error)
            try:
                ex.submit(pow, 2, 2)
            except Exception as error:
                print(type(error).__name__)
        """,
        FARPOOL_HOME=str(home),
    )

    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stdout + done.stderr
    for line in lines[:2]:
        assert line.startswith("BrokenExecutor the executor broke before this task's result came: the embedded service")
        assert "SIGKILL" in line
    assert lines[2] == "BrokenExecutor"
