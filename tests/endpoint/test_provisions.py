"""Jobs wait for what they refer to, results for what they refer to being kept; with a list in place of an engine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from endpoint.conftest import LoopThread
from farpool.endpoint import failures
from farpool.endpoint.blob_cache import BlobCache, Write
from farpool.endpoint.engine import Cancelled, EngineState, Loss, Outcome
from farpool.endpoint.job import Job, Outgoing, Site, outgoing_name
from farpool.endpoint.provisions import Provisions
from farpool.errors import NotFound, ServiceDown
from support.waiting import eventually

DATA = b"argument" * 10
DIGEST = hashlib.sha256(DATA).hexdigest()


class Engine:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.jobs: dict[str, Callable[[Outcome], None]] = {}
        self.site = Site("")

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        del failed
        ready()

    def place(self, site: Site) -> None:
        self.site = site

    def submit(self, job: Job, done: Callable[[Outcome], None]) -> None:
        self.jobs[job.task_id] = done

    def withdraw(self) -> list[str]:
        return []

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        if not running or task_id not in self.jobs:
            return None
        del self.jobs[task_id]
        return Cancelled.STOPPED

    def state(self) -> EngineState:
        return EngineState(1, 0, 0, list(self.jobs))

    def stop(self) -> None:
        self.jobs.clear()


class Service:
    """Gives blobs when it may, and takes them."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.faults: list[Exception] = []
        self.fetched = 0
        self.sent: dict[str, bytes] = {}

    def fetch_blob(self, digest: str, size_bytes: int, write: Write) -> None:
        assert self.may.wait(60)
        if self.faults:
            raise self.faults.pop(0)
        assert (digest, size_bytes) == (DIGEST, len(DATA))
        self.fetched += 1
        write(0, DATA)

    def has_blob(self, digest: str) -> bool:
        return digest in self.sent

    def put_blob(self, digest: str, piece: memoryview) -> None:
        assert self.may.wait(60)
        if self.faults:
            raise self.faults.pop(0)
        self.sent[digest] = bytes(piece)


class Desk:
    """Provisions on a loop, and what came of the jobs."""

    def __init__(self, directory: Path) -> None:
        self.engine, self.service = Engine(), Service()
        self.outgoing, self.cache = directory / "outgoing", directory / "blobs"
        self.outcomes: dict[str, Outcome] = {}
        self._thread = LoopThread()
        self.provisions = Provisions(
            self._thread.loop,
            self.engine,
            cache=BlobCache(self.cache, max_bytes=1_000_000),
            outgoing=self.outgoing,
            service=lambda: self.service,
        )
        self.do = self._thread.do
        self.do(lambda: self.provisions.start(ready=lambda: None, failed=lambda _what: None))

    def submit(self, task_id: str, *, refers: bool = True, takes_blobs: bool = True) -> None:
        job = Job(task_id, b"", blobs={DIGEST: len(DATA)} if refers else {}, takes_blobs=takes_blobs)
        self.do(lambda: self.provisions.submit(job, lambda outcome: self.outcomes.update({task_id: outcome})))

    def wait_begun(self, task_id: str) -> None:
        eventually(lambda: self.do(lambda: task_id in self.engine.jobs), 60)

    def wait_outcome(self, task_id: str) -> Outcome:
        eventually(lambda: self.do(lambda: task_id in self.outcomes), 60)
        return self.outcomes[task_id]

    def end(self, task_id: str, outcome: Outcome) -> None:
        self.do(lambda: self.engine.jobs.pop(task_id)(outcome))

    def is_needed(self) -> bool:
        """Whether the blob is held in the cache."""
        self.do(lambda: BlobCache(self.cache, max_bytes=0).trim(0))
        return (self.cache / DIGEST).exists()

    def result(self, task_id: str, data: bytes) -> Outgoing:
        digest = hashlib.sha256(data).hexdigest()
        (self.outgoing / outgoing_name(task_id, digest)).write_bytes(data)
        return Outgoing(b"message", {digest: len(data)})

    def close(self) -> None:
        self.service.may.set()
        self.do(self.provisions.stop)
        self._thread.close()


def test_workers_are_told_of_whole_paths_as_tasks_may_go_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(Path("home"))
    try:
        desk.do(lambda: desk.provisions.place(Site("")))
        site = desk.engine.site
    finally:
        desk.close()

    assert (site.blobs, site.outgoing) == (f"{tmp_path}/home/blobs", f"{tmp_path}/home/outgoing")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def test_a_job_that_refers_to_nothing_is_begun_at_once(desk: Desk) -> None:
    desk.submit("plain", refers=False, takes_blobs=False)

    assert list(desk.engine.jobs) == ["plain"]


def test_jobs_begin_when_what_they_refer_to_is_there_and_it_is_fetched_once(desk: Desk) -> None:
    desk.service.may.clear()
    for name in ("one", "two", "three"):
        desk.submit(name)
    assert not desk.engine.jobs
    assert desk.do(desk.provisions.state).pending == 3

    desk.service.may.set()
    for name in ("one", "two", "three"):
        desk.wait_begun(name)

    assert desk.service.fetched == 1
    assert (desk.cache / DIGEST).read_bytes() == DATA


def test_a_blob_stays_as_long_as_a_job_needs_it(desk: Desk) -> None:
    desk.submit("one")
    desk.submit("two")
    desk.wait_begun("one")
    desk.wait_begun("two")

    desk.end("one", b"message")
    assert desk.is_needed()
    assert desk.do(lambda: desk.provisions.cancel("two", running=True)) is Cancelled.STOPPED
    assert not desk.is_needed()
    assert desk.outcomes == {"one": b"message"}


def test_a_job_that_waits_can_be_cancelled_and_withdrawn(desk: Desk) -> None:
    desk.service.may.clear()
    desk.submit("one")
    desk.submit("two")

    assert desk.do(lambda: desk.provisions.cancel("one", running=False)) is Cancelled.WAITED
    assert desk.do(desk.provisions.withdraw) == ["two"]
    desk.service.may.set()
    desk.submit("three")
    desk.wait_begun("three")

    assert list(desk.engine.jobs) == ["three"]
    assert not desk.outcomes


def test_a_blob_that_was_asked_for_twice_is_held_once(desk: Desk) -> None:
    desk.service.may.clear()
    desk.submit("one")
    desk.do(lambda: desk.provisions.cancel("one", running=False))
    desk.submit("two")
    desk.service.may.set()
    desk.wait_begun("two")

    desk.end("two", b"message")

    eventually(lambda: not desk.is_needed(), 60)


def test_what_the_service_does_not_have_fails_the_jobs_that_wait_for_it(desk: Desk) -> None:
    desk.service.faults = [NotFound("you have no blob")]
    desk.submit("one")

    outcome = desk.wait_outcome("one")

    assert isinstance(outcome, Loss)
    assert (outcome.code, outcome.message) == (
        failures.BLOB_UNAVAILABLE,
        "the endpoint cannot have an argument of the task: you have no blob",
    )
    desk.submit("two")
    desk.wait_begun("two")


def test_a_service_that_is_away_is_waited_for(desk: Desk) -> None:
    desk.service.faults = [ServiceDown("away"), ServiceDown("away")]

    desk.submit("one")

    desk.wait_begun("one")


def test_a_large_result_is_sent_before_it_is_told(desk: Desk) -> None:
    desk.submit("one", refers=False)
    desk.service.may.clear()
    desk.end("one", desk.result("one", b"result"))
    assert "one" in desk.do(desk.provisions.state).running
    assert not desk.outcomes
    assert desk.do(lambda: desk.provisions.cancel("one", running=True)) is None

    desk.service.may.set()

    assert desk.wait_outcome("one") == b"message"
    assert list(desk.service.sent.values()) == [b"result"]
    assert not list(desk.outgoing.iterdir())


def test_a_result_that_the_service_has_no_room_for_fails_its_task(desk: Desk) -> None:
    desk.service.faults = [ServiceDown("no room", http_status=507)]
    desk.submit("one", refers=False)
    desk.end("one", desk.result("one", b"result"))

    outcome = desk.wait_outcome("one")

    assert isinstance(outcome, Loss)
    assert "its result cannot be kept: no room" in outcome.message
    assert not list(desk.outgoing.iterdir())


def test_what_a_worker_has_written_that_was_lost_is_cleared_away(desk: Desk) -> None:
    desk.submit("one", refers=False)
    desk.result("one", b"half of a result")

    desk.end("one", Loss(failures.WORKER_LOST, "died"))

    assert isinstance(desk.wait_outcome("one"), Loss)
    assert not list(desk.outgoing.iterdir())


def test_workers_are_told_where_blobs_are(desk: Desk) -> None:
    desk.do(lambda: desk.provisions.place(Site("here")))

    assert desk.engine.site == Site("here", blobs=str(desk.cache), outgoing=str(desk.outgoing))
