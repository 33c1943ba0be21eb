"""How often functions are registered, counted at the door of a real service."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor, NotFound
from farpool.local import StackLease
from farpool.wire import new_id
from support.recorder import Recorder
from support.service import service_in_thread

TIMEOUT = 60
FUNCTIONS = "/v3/functions"


@pytest.fixture
def recorder(stack: StackLease) -> Iterator[Recorder]:
    with Recorder(stack.service_url) as one:
        yield one


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing is remembered."""
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def session(recorder: Recorder, stack: StackLease, own_home: Path) -> Callable[[], Executor]:
    """Make executors as programs of one user make them, one after the other."""
    assert own_home

    def make() -> Executor:
        client = Client(service_url=recorder.url, token=stack.token, do_version_check=False)
        return Executor(endpoint_id=stack.endpoint_id, client=client)

    return make


def adder(more: int) -> Callable[[int], int]:
    return lambda number: number + more


def test_a_thousand_equal_lambdas_made_in_a_loop_are_registered_once(
    session: Callable[[], Executor], recorder: Recorder
) -> None:
    with session() as ex:
        futures = [ex.submit(adder(1), number) for number in range(1000)]
        assert [future.result(TIMEOUT) for future in futures] == list(range(1, 1001))
        assert ex.stats().registered == 1

    assert recorder.count("POST", FUNCTIONS) == 1


def test_a_thousand_equal_partials_made_in_a_loop_are_registered_once(
    session: Callable[[], Executor], recorder: Recorder
) -> None:
    with session() as ex:
        futures = [ex.submit(functools.partial(pow, 2), number % 10) for number in range(1000)]
        assert [future.result(TIMEOUT) for future in futures] == [2 ** (number % 10) for number in range(1000)]

    assert recorder.count("POST", FUNCTIONS) == 1


def test_a_later_program_registers_nothing_that_is_registered_already(
    session: Callable[[], Executor], recorder: Recorder
) -> None:
    for _ in range(3):
        with session() as ex:
            assert ex.submit(adder(1), 1).result(TIMEOUT) == 2
            assert list(ex.map(adder(2), range(4), chunksize=2)) == [2, 3, 4, 5]

    assert recorder.count("POST", FUNCTIONS) == 2


def test_the_memory_is_switched_off_by_the_environment(
    session: Callable[[], Executor], recorder: Recorder, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    monkeypatch.setenv("FARPOOL_REMEMBER_FUNCTIONS", "0")
    for _ in range(2):
        with session() as ex:
            assert ex.submit(adder(1), 1).result(TIMEOUT) == 2

    assert recorder.count("POST", FUNCTIONS) == 2
    assert not (own_home / "functions.db").exists()


def test_an_embedded_stack_is_not_remembered(stack: StackLease, own_home: Path) -> None:
    with Executor(max_workers=2) as ex:
        assert ex.submit(adder(1), 1).result(TIMEOUT) == 2
        assert ex.endpoint_id == stack.endpoint_id

    assert not (own_home / "functions.db").exists()


def test_a_remembered_function_that_was_deleted_is_registered_anew_and_its_task_runs(
    session: Callable[[], Executor], recorder: Recorder, client: Client
) -> None:
    with session() as ex:
        old = ex.submit(adder(1), 1)
        assert old.result(TIMEOUT) == 2
    client.delete_function(old.function_id)

    with session() as ex:
        futures = [ex.submit(adder(1), number) for number in range(50)]
        assert [future.result(TIMEOUT) for future in futures] == list(range(1, 51))
        new = {future.function_id for future in futures}
        assert ex.submit(adder(1), 5).result(TIMEOUT) == 6

    assert len(new) == 1
    assert old.function_id not in new
    assert recorder.count("POST", FUNCTIONS) == 2


def test_a_deleted_function_disturbs_no_other_of_its_batch(
    session: Callable[[], Executor], recorder: Recorder, client: Client
) -> None:
    with session() as ex:
        firsts = [ex.submit(adder(more), 1) for more in range(4)]
        assert [first.result(TIMEOUT) for first in firsts] == [1, 2, 3, 4]
        client.delete_function(firsts[2].function_id)

        seconds = [ex.submit(adder(number % 4), 1) for number in range(40)]
        assert [second.result(TIMEOUT) for second in seconds] == [number % 4 + 1 for number in range(40)]

    kept = {second.function_id for second in seconds} & {first.function_id for first in firsts}
    assert len(kept) == 3
    assert recorder.count("POST", FUNCTIONS) == 5


def test_an_id_that_the_caller_gave_is_not_replaced(session: Callable[[], Executor], recorder: Recorder) -> None:
    def registered_by_hand() -> None: ...

    gone = new_id()
    with session() as ex:
        ex.register_function(registered_by_hand, gone)

        with pytest.raises(NotFound, match=gone):
            ex.submit(registered_by_hand).result(TIMEOUT)
        with pytest.raises(NotFound, match=gone):
            ex.submit_to_registered_function(gone).result(TIMEOUT)

    assert recorder.count("POST", FUNCTIONS) == 0


@pytest.mark.slow
def test_another_service_behind_the_same_address_gets_the_function_and_the_task(tmp_path: Path, own_home: Path) -> None:
    assert own_home

    def submit(address: str, endpoint_id: Any) -> Any:
        client = Client(service_url=address, token="whoever", do_version_check=False)
        with Executor(endpoint_id=endpoint_id, client=client) as ex:
            future = ex.submit(adder(1), 1)
            while future.task_id is None and not future.done():
                threading.Event().wait(0.01)
            ex.shutdown(wait=False, cancel_futures=True)
        return future.function_id

    ids: list[Any] = []
    with (
        service_in_thread(tmp_path / "one") as one,
        service_in_thread(tmp_path / "two") as two,
        Recorder(one.url, one.token) as recorder,
    ):
        for service in (one, two, two):
            recorder.target, recorder.token = service.url, service.token
            with Client(service_url=service.url, token=service.token) as client:
                endpoint_id = client.register_endpoint("nobody")["endpoint_id"]
            ids.append(submit(recorder.url, endpoint_id))
        assert recorder.count("POST", FUNCTIONS) == 2

    assert ids[0] != ids[1] == ids[2]
