"""A program is killed, another one takes up what it submitted: nothing is lost, and nothing runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from farpool import Client, Executor, Future, TaskUncertain
from farpool.errors import ServiceDown
from farpool.executor.journal import JournalFile, Shelf
from support.callers import Agent, Caller
from support.campaigns import Site, program, site, wait_for_line
from support.recorder import Holder
from support.waiting import eventually

TIMEOUT_S = 60.0

#: Each call adds a line to a file of its own, so that one that runs twice shows.
WORK = """
import sys, threading
from pathlib import Path
from farpool import Executor

def work(directory, number):
    import time
    with (Path(directory) / str(number)).open("a") as file:
        file.write("ran\\n")
    time.sleep(0.01)
    return number * number
"""

SUBMITS = f"""{WORK}
directory, label, count, done = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ex = Executor(label=label)
futures = [ex.submit(work, directory, number) for number in range(count)]
for future in futures[:done]:
    future.result()
print("submitted", flush=True)
threading.Event().wait()
"""

RESUMES = f"""{WORK}
directory, label = sys.argv[1], sys.argv[2]
ex = Executor.resume(label)
futures = [*ex.futures, *(ex.submit(work, directory, number) for number in range(len(ex.futures), 100))]
for future in futures[:60]:
    future.result()
print("submitted", flush=True)
threading.Event().wait()
"""


MOVES = f"""{WORK}
directory, label, *endpoints = sys.argv[1:]
ex = Executor(label=label, endpoints=endpoints, policy="failover")
futures = [ex.submit(work, directory, number) for number in range(10)]
while not all(future.task_id for future in futures):
    threading.Event().wait(0.01)
print("submitted", flush=True)
threading.Event().wait()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def here(place: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site, for executors of this process, too."""
    for name in ("FARPOOL_HOME", "FARPOOL_SERVICE_URL", "FARPOOL_TOKEN", "FARPOOL_ENDPOINT_ID"):
        monkeypatch.setenv(name, place.command.environment[name])
    return place


@pytest.fixture
def holder(here: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Holder]:
    """Stands before the service, for programs of the test and for this process."""
    with Holder(here.service.url) as holder:
        monkeypatch.setenv("FARPOOL_SERVICE_URL", holder.url)
        yield holder
        holder.let_go()


def runs(directory: Path, count: int) -> list[str]:
    return [(directory / str(number)).read_text() for number in range(count)]


def remembered(here: Site, label: str) -> int:
    """Count the tasks of a campaign that are in the journal."""
    file = JournalFile(here.home / "journal.db")
    with file.opened() as connection:
        shelf = Shelf(file, connection)
        return sum(len(shelf.entries(campaign.campaign)) for campaign in shelf.find(label)[:1])


def killed_while_it_submits(
    here: Site, holder: Holder, directory: Path, count: int, *, label: str, text: str = SUBMITS
) -> None:
    """Submit tasks in a program, and kill it while the answer to the first request is held."""
    with program(here, text, directory, label, count, 0, FARPOOL_SERVICE_URL=holder.url) as process:
        assert holder.is_holding.wait(TIMEOUT_S)
        wait_for_line(process, "submitted")
        eventually(lambda: remembered(here, label) == count)
        process.kill()
    holder.let_go()


@pytest.mark.slow
def test_a_hundred_tasks_in_flight_at_a_kill_give_a_hundred_results_and_ran_once(here: Site, tmp_path: Path) -> None:
    with program(here, SUBMITS, tmp_path, "kill", 100, 10) as process:
        wait_for_line(process, "submitted")
        process.kill()

    with Executor.resume("kill") as ex:
        results = [future.result(TIMEOUT_S) for future in ex.futures]
        calls = [future.call for future in ex.futures]

    assert results == [number * number for number in range(100)]
    assert calls[7].startswith("work('")
    assert calls[7].endswith("', 7)")
    assert {future.label for future in ex.futures} == {"kill"}
    assert runs(tmp_path, 100) == ["ran\n"] * 100


@pytest.mark.slow
def test_a_campaign_goes_on_over_several_kills(here: Site, tmp_path: Path) -> None:
    with program(here, SUBMITS, tmp_path, "often", 50, 5) as process:
        wait_for_line(process, "submitted")
        process.kill()
    with program(here, RESUMES, tmp_path, "often") as process:
        wait_for_line(process, "submitted")
        process.kill()

    with Executor.resume("often") as ex:
        group = ex.task_group_id
        results = [future.result(TIMEOUT_S) for future in ex.futures]

    assert results == [number * number for number in range(100)]
    assert runs(tmp_path, 100) == ["ran\n"] * 100
    assert {future.task_group_id for future in ex.futures} == {group}


@pytest.mark.slow
@pytest.mark.parametrize("held", ["answer", "request"])
def test_a_request_whose_answer_never_came_is_sent_again_and_its_tasks_run_once(
    here: Site, holder: Holder, tmp_path: Path, held: str
) -> None:
    holder.holds = held
    killed_while_it_submits(here, holder, tmp_path, 10, label=f"its {held}")

    with Executor.resume(f"its {held}") as ex:
        results = [future.result(TIMEOUT_S) for future in ex.futures]

    assert results == [number * number for number in range(10)]
    assert runs(tmp_path, 10) == ["ran\n"] * 10
    keys = [one.headers["Idempotency-Key"] for one in holder.requests if one.path.endswith("/submit")]
    assert keys[0] in keys[1:]


@pytest.mark.slow
def test_what_waited_behind_a_request_is_submitted(here: Site, holder: Holder, tmp_path: Path) -> None:
    holder.holds = "request"
    batches = f"import farpool.executor.executor as e; e.BATCH_SIZE = 4\n{SUBMITS}"
    killed_while_it_submits(here, holder, tmp_path, 30, label="behind", text=batches)

    with Executor.resume("behind") as ex:
        results = [future.result(TIMEOUT_S) for future in ex.futures]

    assert results == [number * number for number in range(30)]
    assert runs(tmp_path, 30) == ["ran\n"] * 30


@pytest.mark.slow
def test_on_the_hosted_service_what_was_being_sent_is_not_sent_again(
    here: Site, holder: Holder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.holds = "answer"
    killed_while_it_submits(here, holder, tmp_path, 10, label="hosted")
    monkeypatch.setattr("farpool.client.transport.HOSTED_SERVICE_URL", holder.url)

    with Executor.resume("hosted") as ex:
        (error,) = {str(future.exception(TIMEOUT_S)).replace(future.call, "CALL") for future in ex.futures[:1]}
        kinds = {type(future.exception(TIMEOUT_S)) for future in ex.futures if future.task_id is None}

    assert TaskUncertain in kinds
    assert error.startswith(
        "the program ended while CALL was being sent: the hosted service cannot say whether it took"
    )
    files = [tmp_path / str(number) for number in range(10)]
    eventually(lambda: all(file.exists() and file.read_text() for file in files))
    assert runs(tmp_path, 10) == ["ran\n"] * 10


@pytest.mark.slow
def test_a_service_that_is_away_leaves_everything_as_it_was(here: Site, holder: Holder, tmp_path: Path) -> None:
    with program(here, SUBMITS, tmp_path, "away", 5, 1, FARPOOL_SERVICE_URL=holder.url) as process:
        wait_for_line(process, "submitted")
        process.kill()
    address = holder.target
    holder.target = "http://127.0.0.1:9"

    with pytest.raises(ServiceDown):
        Executor.resume("away")

    holder.target = address
    with Executor.resume("away") as ex:
        assert [future.result(TIMEOUT_S) for future in ex.futures] == [0, 1, 4, 9, 16]
    assert runs(tmp_path, 5) == ["ran\n"] * 5


@pytest.mark.slow
def test_a_program_that_is_at_work_keeps_its_campaign(here: Site, tmp_path: Path) -> None:
    with program(here, SUBMITS, tmp_path, "busy", 3, 3) as process:
        wait_for_line(process, "submitted")

        with pytest.raises(RuntimeError, match=rf"'busy' is at work: process {process.pid} on"):
            Executor.resume("busy")

    with Executor.resume("busy") as ex:
        assert [future.result(TIMEOUT_S) for future in ex.futures] == [0, 1, 4]


@pytest.mark.slow
def test_two_programs_at_once_each_take_up_their_own(here: Site, tmp_path: Path) -> None:
    for label in ("left", "right"):
        (tmp_path / label).mkdir()
    with (
        program(here, SUBMITS, tmp_path / "left", "left", 40, 1) as left,
        program(here, SUBMITS, tmp_path / "right", "right", 40, 1) as right,
    ):
        for process in (left, right):
            wait_for_line(process, "submitted")
            process.kill()

    with Executor.resume("left") as one, Executor.resume("right") as other:
        results = [[future.result(TIMEOUT_S) for future in ex.futures] for ex in (one, other)]

    assert results == [[number * number for number in range(40)]] * 2
    assert runs(tmp_path / "left", 40) == runs(tmp_path / "right", 40) == ["ran\n"] * 40


@pytest.mark.slow
def test_outcomes_come_back_as_they_were(here: Site) -> None:
    with Executor(label="outcomes") as ex:
        done = ex.submit(abs, -15)
        failed = ex.submit(int, "no number")
        large = ex.submit(bytes, 100_000)
        cancelled = ex.submit(abs, -6)
        cancelled.cancel_remote()
        ex.options(label="other").submit(abs, -21).result(TIMEOUT_S)
        assert done.result(TIMEOUT_S) == 15
        assert failed.exception(TIMEOUT_S) is not None
        assert len(large.result(TIMEOUT_S)) == 100_000

    with Executor.resume("outcomes") as again:
        first, second, third, fourth, fifth = again.futures
        assert again.label == "outcomes"
    with Executor.resume("other") as again:
        (only,) = again.futures
    with Executor.resume(str(fifth.task_group_id)) as again:
        assert len(again.futures) == 5

    assert first.result(0) == 15
    with pytest.raises(ValueError, match="invalid literal for int"):
        second.result(0)
    assert third.result(TIMEOUT_S) == bytes(100_000)
    with pytest.raises(CancelledError):
        fourth.result(0)
    assert [fifth.result(0), only.result(0)] == [21, 21]
    assert [future.call for future in (first, second, third)] == ["abs(-15)", "int('no number')", "bytes(100000)"]
    assert first.task_id == done.task_id
    for now, then in ((first, done), (second, failed), (third, large)):
        assert (now.stdout, now.timings.worker) == (then.stdout, then.timings.worker)
        assert (now.timings.started, now.timings.ended) == (then.timings.started, then.timings.ended)
        assert None not in {now.timings.submitted, now.timings.sent, now.timings.started, now.timings.received}


@pytest.mark.slow
def test_a_refusal_comes_back_as_it_was(here: Site) -> None:
    with Executor(label="refused", client=Client()) as ex:
        function_id = ex.register_function(abs)
        nobodys = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
        error = ex.options(endpoint_id=nobodys).submit_to_registered_function(function_id, (1,)).exception(TIMEOUT_S)

    with Executor.resume("refused") as again:
        (future,) = again.futures

    assert type(future.exception(0)) is type(error)
    assert str(future.exception(0)) == str(error)
    assert future.call == f"{function_id}(1)"


@pytest.mark.slow
def test_a_resumed_executor_is_an_executor(here: Site) -> None:
    with Executor(label="more") as ex:
        ex.submit(abs, -3).result(TIMEOUT_S)

    with Executor.resume("more", batch_size=10) as again:
        assert again.submit(abs, -6).result(TIMEOUT_S) == 6
        assert again.task_group_id == ex.task_group_id
        assert again.stats().in_flight == 0

    with Executor.resume("more") as last:
        assert [future.result(TIMEOUT_S) for future in last.futures] == [3, 6]


@pytest.mark.slow
def test_what_is_not_to_be_remembered_is_not(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with Executor(label="told") as ex:
        ex.submit(abs, -3).result(TIMEOUT_S)
    with Executor(label="secret", journal=False) as ex:
        future: Future[int] = ex.submit(abs, -3)
        assert future.result(TIMEOUT_S) == 3
        assert future.call == ""
    monkeypatch.setenv("FARPOOL_JOURNAL", "0")
    with Executor(label="secret") as ex:
        ex.submit(abs, -3).result(TIMEOUT_S)
    monkeypatch.delenv("FARPOOL_JOURNAL")

    with pytest.raises(LookupError, match="knows no campaign 'secret'"):
        Executor.resume("secret")


def test_there_is_nothing_to_resume_without_a_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path))

    with pytest.raises(LookupError, match="there is no journal in"):
        Executor.resume("campaign")


def test_the_embedded_stack_has_no_journal(executor: Executor) -> None:
    future = executor.submit(abs, -6)

    assert future.result(TIMEOUT_S) == 6
    assert (future.call, future.number) == ("", None)


@pytest.mark.parametrize(("name", "error"), [("", ValueError), (None, TypeError), (True, TypeError), (1.5, TypeError)])
def test_a_name_that_cannot_be_is_told(name: object, error: type[Exception], here: Site) -> None:
    with Executor(label="any") as ex:
        ex.submit(abs, -3).result(TIMEOUT_S)

    with pytest.raises(error, match="resume takes a label, a task group id or the number"):
        Executor.resume(name)  # type: ignore[arg-type] # that is what is tested


def test_the_journal_cannot_be_left_out_of_a_resumed_executor() -> None:
    with pytest.raises(ValueError, match="leave out journal="):
        Executor.resume("campaign", journal=False)


@pytest.mark.slow
def test_tasks_that_were_called_off_to_be_moved_when_the_program_was_killed_are_moved_by_the_next(
    here: Site, holder: Holder, tmp_path: Path
) -> None:
    holder.path, holder.holds = "/tasks/cancel", "answer"
    with Caller(here.service) as caller:
        leaving = caller.register_endpoint(metadata={"takes_cancels": True, "tells_begun": True})
        endpoints = [leaving["endpoint_id"], here.endpoint_id]
        with Agent(leaving) as agent:
            agent.report()
            caller.wait_for_endpoint(leaving["endpoint_id"], "online")
            with program(here, MOVES, tmp_path, "moves", *endpoints, FARPOOL_SERVICE_URL=holder.url) as process:
                wait_for_line(process, "submitted")
                agent.report(active=False)
                assert holder.is_holding.wait(TIMEOUT_S)
                process.kill()
    holder.let_go()

    with Executor.resume("moves", endpoints=endpoints) as ex:
        assert [future.result(TIMEOUT_S) for future in ex.futures] == [number * number for number in range(10)]
        assert {future.endpoint_id for future in ex.futures} == {here.endpoint_id}
    assert runs(tmp_path, 10) == ["ran\n"] * 10
