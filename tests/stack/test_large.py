"""Large arguments and results by reference, on a service and two endpoints of one home, each a process of its own."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farpool import Client, Executor, Future
from farpool.errors import NotFound, ServiceDown, ServiceError, TaskError
from support.command import Command
from support.embedded import TIMEOUT
from support.service import RunningService, ServiceProcess
from support.waiting import eventually

pytestmark = pytest.mark.slow

#: 2 MB: by reference, and quick.
SIZE = 250_000


@dataclass
class Place:
    """A service and two endpoints of one home.

    Attributes:
        client: of the service.
        endpoints: their ids.
    """

    process: ServiceProcess
    service: RunningService
    client: Client
    endpoints: list[str]
    home: Path

    def count(self, what: str, digest: str) -> int:
        """Count what the service has logged of a blob."""
        return (self.process.directory / "log").read_text().count(f"{what} blob {digest} ")

    def file(self, digest: str) -> Path:
        """Give the file of a blob at the service."""
        [path] = (self.process.directory / "blobs").glob(f"??/{digest}.*")
        return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("large")
    home = directory / "home"
    with ExitStack() as stack:
        process = stack.enter_context(ServiceProcess(directory / "service"))
        service = process.start()
        command = Command(home, FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=service.token)
        start = ("endpoint", "start", "--workers", "1", "--foreground")
        ids = [stack.enter_context(command.running(*start, name))["endpoint_id"] for name in ("one", "two")]
        client = stack.enter_context(Client(service_url=service.url, token=service.token))
        yield Place(process, service, client, ids, home)


@pytest.fixture
def executors(place: Place) -> Iterator[list[Executor]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Executor(one, client=place.client, journal=False)) for one in place.endpoints]


def digest_of(array: Any) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def changed(values: Any) -> tuple[float, bool]:
    values[0] += 1
    return float(values.sum()), bool(values.flags.writeable)


def made(value: float, count: int) -> Any:
    import numpy

    return numpy.full(count, value)


def made_later(value: float, count: int, started: str, gate: str) -> Any:
    import os
    import pathlib
    import time

    import numpy

    pathlib.Path(started).touch()
    while not os.path.exists(gate):
        time.sleep(0.01)
    return numpy.full(count, value)


def local(function: Any) -> Any:
    """Give a function of its own code: a worker cannot import a test."""
    function.__module__ = None
    return function


def test_an_array_of_100_tasks_on_two_endpoints_goes_to_the_service_once_and_to_the_machine_once(
    place: Place, executors: list[Executor]
) -> None:
    array = np.arange(1_000_000, dtype=float)
    digest = digest_of(array)

    def submit(number: int) -> Future[Any]:
        return executors[number % 2].submit(local(changed), array)

    with ThreadPoolExecutor(4) as threads:  # four at once that find it missing
        futures = list(threads.map(submit, range(100)))

    assert {future.result(TIMEOUT) for future in futures} == {(float(array.sum()) + 1, True)}
    assert array[0] == 0
    assert place.count("took in", digest) == 1
    assert place.count("gives out", digest) == 1
    assert all(future.size_bytes < 2000 for future in futures)


def test_what_is_large_inside_an_argument_is_shared_by_tasks_that_differ_in_the_rest(
    place: Place, executors: list[Executor]
) -> None:
    array, text = np.full(SIZE, 0.5), "x" * 1_500_000

    def use(call: Any) -> tuple[int, float, int]:
        return call["number"], float(call["data"][0].sum()), len(call["text"])

    calls = [{"number": number, "data": [array], "text": text} for number in range(3)]
    found = [executors[0].submit(use, call).result(TIMEOUT) for call in calls]

    assert found == [(number, SIZE * 0.5, 1_500_000) for number in range(3)]
    assert place.count("took in", digest_of(array)) == 1


def test_a_large_result_comes_back_whole_to_the_future_the_client_and_whoever_reloads(
    place: Place, executors: list[Executor]
) -> None:
    future = executors[0].submit(local(made), 7.0, 2_000_000)  # over the limit of what travels along

    result = future.result(TIMEOUT)

    assert (result.shape, float(result[-1]), result.flags.writeable) == ((2_000_000,), 7.0, True)
    assert place.client.get_result(future.task_id).sum() == result.sum()
    assert future.task_group_id is not None
    with Executor(place.endpoints[0], client=place.client, journal=False) as another:
        [again] = another.reload_tasks(future.task_group_id)
        assert again.result(TIMEOUT).sum() == result.sum()
    assert not list(place.home.glob("endpoints/*/outgoing/*")), "nothing is left of it at the endpoint"


def test_a_campaign_that_is_resumed_has_its_large_arguments_and_results(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HOME", str(tmp_path)), ("SERVICE_URL", place.service.url), ("TOKEN", place.service.token)):
        monkeypatch.setenv(f"FARPOOL_{name}", value)
    array = np.full(SIZE, 10.0)
    started, gate = tmp_path / "started", tmp_path / "gate"
    first = Executor(place.endpoints[1], label="large", on_exit="detach")
    done = first.submit(local(made), 11.0, SIZE)
    assert done.result(TIMEOUT)[0] == 11.0
    first.submit(local(made_later), 12.0, SIZE, str(started), str(gate))
    first.submit(local(changed), array)
    gate.touch()
    first.shutdown()

    with Executor.resume("large") as again:
        one, two, three = again.futures
        assert (one.result(TIMEOUT)[0], two.result(TIMEOUT)[0]) == (11.0, 12.0)
        assert three.result(TIMEOUT) == (10.0 * SIZE + 1, True)


def test_results_by_reference_that_come_together_all_find_their_futures(executors: list[Executor]) -> None:
    futures = [executor.submit(local(made), float(number), SIZE) for number in range(6) for executor in executors]

    assert [future.result(TIMEOUT)[0] for future in futures] == [number // 2 for number in range(12)]


def test_a_task_whose_argument_is_gone_from_the_service_fails_and_says_so(
    place: Place, executors: list[Executor]
) -> None:
    array = np.full(SIZE, 3.0)
    digest = place.client.keep_blob(array.data.cast("B"))
    place.file(digest).unlink()

    lost = executors[0].submit(local(changed), array)

    with pytest.raises(TaskError, match="you have no blob"):
        lost.result(TIMEOUT)
    place.client.forget_blobs()
    assert executors[0].submit(local(changed), array).result(TIMEOUT) == (3.0 * SIZE + 1, True)


def test_a_damaged_argument_fails_its_tasks_before_they_begin(place: Place, executors: list[Executor]) -> None:
    array = np.full(SIZE, 4.0)
    digest = place.client.keep_blob(array.data.cast("B"))
    place.file(digest).write_bytes(b"\0" * array.nbytes)

    futures = [executor.submit(local(changed), array) for executor in executors]

    for future in futures:
        with pytest.raises(TaskError, match="has the SHA-256"):
            future.result(TIMEOUT)


def test_a_damaged_result_is_an_error_and_no_value(place: Place, executors: list[Executor]) -> None:
    future = executors[0].submit(local(made), 5.0, SIZE)
    digest = digest_of(future.result(TIMEOUT))
    file = place.file(digest)

    file.write_bytes(b"\0" * SIZE * 8)
    with pytest.raises(ServiceError, match="has the SHA-256"):
        place.client.get_result(future.task_id)
    file.unlink()
    with pytest.raises(NotFound, match="you have no blob"):
        place.client.get_result(future.task_id)


def test_a_service_without_room_says_so_at_submit_and_serves_on(place: Place, executors: list[Executor]) -> None:
    array = np.random.default_rng(1).random(12_000_000 // 8)
    pid = place.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (10_000_000, before[1]))
    try:
        with pytest.raises(ServiceDown, match="no room for the blob"):
            executors[0].submit(local(changed), array)
        assert executors[0].submit(pow, 2, 5).result(TIMEOUT) == 32
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    assert executors[0].submit(local(changed), array).result(TIMEOUT)[1]


def test_arguments_and_results_by_reference_outlive_the_service(
    place: Place, executors: list[Executor], tmp_path: Path
) -> None:
    array = np.full(SIZE, 6.0)
    started, gate = tmp_path / "started", tmp_path / "gate"
    running = executors[0].submit(local(made_later), 8.0, SIZE, str(started), str(gate))
    place.client.keep_blob(array.data.cast("B"))
    eventually(started.exists, TIMEOUT)

    place.process.kill()
    gate.touch()  # its result finds no service
    assert place.process.start().url == place.service.url

    assert executors[1].submit(local(changed), array).result(TIMEOUT) == (6.0 * SIZE + 1, True)
    assert running.result(TIMEOUT)[0] == 8.0
    assert place.count("took in", digest_of(array)) == 1


def test_a_task_that_waits_with_its_arguments_can_be_cancelled(
    place: Place, executors: list[Executor], tmp_path: Path
) -> None:
    array = np.full(SIZE, 9.0)
    started, gate = tmp_path / "started", tmp_path / "gate"
    executors[0].submit(local(made_later), 1.0, 1, str(started), str(gate))  # keeps the only worker busy
    eventually(started.exists, TIMEOUT)
    place.client.keep_blob(array.data.cast("B"))
    future = executors[0].submit(local(changed), array)

    future.cancel_remote()
    gate.touch()

    assert future.cancelled()
    assert executors[0].submit(local(changed), array).result(TIMEOUT) == (9.0 * SIZE + 1, True)
