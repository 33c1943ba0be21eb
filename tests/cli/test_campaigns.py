"""`farpool tasks` for what programs on this machine submitted: from the journal, and from the service."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.campaigns import Site, program, site, wait_for_line
from support.command import FARPOOL, Command
from support.waiting import eventually

pytestmark = pytest.mark.slow

#: For what a busy machine takes a second for, as a rule.
TIMEOUT_S = 120

DONE = """
from farpool import Executor
with Executor(label="done") as ex:
    futures = [ex.submit(divmod, 7, number) for number in (2, 0, 3)]
    ex.options(label="other").submit(abs, -5)
"""

#: Submits a task, and two more when the service has gone away: one that is being sent, one that waits behind it.
STOPPED = """
import sys, threading
from farpool import Executor
ex = Executor(label="stopped", batch_size=1)
print(ex.submit(abs, -1).result(), flush=True)
sys.stdin.readline()
futures = [ex.submit(abs, -2), ex.submit(abs, -3)]
print("submitted", flush=True)
threading.Event().wait()
"""

SLOW = """
import sys, time
from farpool import Executor
with Executor(label="slow") as ex:
    futures = [ex.submit(time.sleep, 0.01) for _ in range(5)]
    futures[-1].result()
    print("waiting", flush=True)
    sys.stdin.readline()
    ex.submit(int, "no number")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as running:
        with program(running, DONE) as process:
            assert process.wait(TIMEOUT_S) == 0
        yield running


def test_campaigns_are_listed_with_how_they_stand(place: Site) -> None:
    (row,) = [row for row in _rows(place) if row["label"] == "done"]

    assert {name: row[name] for name in ("tasks", "success", "failed", "open", "is_at_work", "program")} == {
        "tasks": 4,
        "success": 3,
        "failed": 1,
        "open": 0,
        "is_at_work": False,
        "program": "-c",
    }
    assert re.search(r"\bdone +finished +4 +3 +1 +0 +0\b", place.command("tasks", "campaigns"))


def test_the_tasks_of_a_label_are_listed_newest_first_with_their_calls(place: Site) -> None:
    rows = place.command.json("tasks", "list", "--label", "done")

    assert [(row["call"], row["status"], row["label"]) for row in rows] == [
        ("abs(-5)", "success", "other"),
        ("divmod(7, 3)", "success", "done"),
        ("divmod(7, 0)", "failed", "done"),
        ("divmod(7, 2)", "success", "done"),
    ]
    failed = place.command("tasks", "list", "--label", rows[0]["task_group_id"], "--status", "failed", "--limit", 1)
    assert "divmod(7, 0)" in failed
    assert "divmod(7, 3)" not in failed


def test_the_results_of_a_label_come_in_the_order_of_submission(place: Site) -> None:
    lines = place.command("tasks", "results", "--label", "done", exit_code=1).splitlines()

    assert lines[0] == "divmod(7, 2)  (3, 1)"
    assert lines[1].startswith("divmod(7, 0)  ")
    assert "ZeroDivisionError" in " ".join(lines)
    assert lines[-2:] == ["divmod(7, 3)  (2, 1)", "abs(-5)  5"]
    assert place.command.json("tasks", "results", "--label", "other") == {
        "number": 4,
        "call": "abs(-5)",
        "task_id": place.command.json("tasks", "list", "--label", "other")[0]["task_id"],
        "status": "success",
        "result": "5",
    }


def test_what_never_got_out_is_told_and_can_be_cancelled(place: Site) -> None:
    with program(place, STOPPED) as process:
        wait_for_line(process, "1")
        os.kill(place.service.pid, signal.SIGSTOP)  # it answers nothing from here on
        try:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            wait_for_line(process, "submitted")
            eventually(lambda: _states(place, "stopped") == ["waiting", "sending", "success"], TIMEOUT_S)
            process.kill()
            process.wait()
        finally:
            os.kill(place.service.pid, signal.SIGCONT)

    told = place.command("tasks", "watch", "stopped", exit_code=1)
    rows = place.command.json("tasks", "list", "--label", "stopped")
    answers = place.command.json("tasks", "cancel", "--label", "stopped", exit_code=1)

    assert told.startswith("stopped: 1 of 3 done (1 ")
    assert "; 2 not taken by the service: Executor.resume('stopped') sends them" in told
    assert [(row["call"], row["status"]) for row in rows] == [
        ("abs(-3)", "waiting"),
        ("abs(-2)", "sending"),
        ("abs(-1)", "success"),
    ]
    assert sorted(row["status"] for row in answers) == ["cancelled", "unknown"]
    assert _campaign(place, "stopped")["open"] == 1


def test_a_running_campaign_is_followed_to_its_end_in_json(place: Site) -> None:
    with program(place, SLOW) as process:
        wait_for_line(process, "waiting")
        with subprocess.Popen(
            [*FARPOOL, "tasks", "watch", "--json"], stdout=subprocess.PIPE, text=True, env=place.command.environment
        ) as watch:
            assert watch.stdout is not None
            first = watch.stdout.readline()
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            rest = watch.stdout.readlines()
            assert watch.wait(TIMEOUT_S) == 1
        assert process.wait(TIMEOUT_S) == 0

    assert '"label": "slow", "is_at_work": true' in first
    assert '"is_at_work": false, "tasks": 6, "done": 6, "unsent": 0' in rest[-1]
    assert '"success": 5' in rest[-1]
    assert '"failed": 1' in rest[-1]


def test_a_task_is_shown_with_what_it_printed(place: Site) -> None:
    code = "from farpool import Executor\nwith Executor(label='said') as ex: ex.submit(print, 'from afar').result()"
    with program(place, code) as process:
        assert process.wait(TIMEOUT_S) == 0
    (row,) = place.command.json("tasks", "list", "--label", "said")

    assert place.command("tasks", "show", row["task_id"]).endswith("\nstandard output:\nfrom afar\n")


def test_without_a_terminal_it_is_lines(place: Site) -> None:
    lines = place.command("tasks", "watch", "done", exit_code=1).splitlines()

    assert lines == ["done: 4 of 4 done (3 success, 1 failed)"]


def test_a_terminal_shows_a_bar_and_the_latest_failures(place: Site) -> None:
    ours, theirs = os.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.append(data)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        [*FARPOOL, "tasks", "watch", "done"],
        stdout=theirs,
        env={**place.command.environment, "TERM": "xterm", "LINES": "40"},
        check=False,
        timeout=TIMEOUT_S,
    )
    os.close(theirs)
    reader.join(10)
    os.close(ours)

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(seen).decode())
    assert done.returncode == 1
    assert re.search(r"done +━+ +4/4", text)
    assert "3 success, 1 failed" in text
    assert "divmod(7, 0): " in text
    assert "ZeroDivisionError" in text


def test_a_name_that_is_not_known_is_told_with_those_that_are(place: Site) -> None:
    for command in ("list", "results", "cancel"):
        told = place.command("tasks", command, "--label", "another", exit_code=1)
        assert "knows no campaign 'another'; it knows: " in told
    assert "knows no campaign 'another'" in place.command("tasks", "watch", "another", exit_code=1)
    assert "knows no campaign" in place.command("tasks", "list", "--label", "9" * 40, exit_code=1)


def test_a_label_and_other_names_exclude_each_other(place: Site) -> None:
    assert "not both" in place.command("tasks", "results", "--label", "done", "--group", "x", exit_code=2)


def test_without_a_journal_it_is_told(tmp_path: Path) -> None:
    assert "there is no journal" in Command(tmp_path / "home")("tasks", "campaigns", exit_code=1)


def _rows(place: Site) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = place.command.json("tasks", "campaigns")
    return rows


def _states(place: Site, label: str) -> list[str]:
    return [row["status"] for row in place.command.json("tasks", "list", "--label", label)]


def _campaign(place: Site, label: str) -> dict[str, object]:
    return next(row for row in _rows(place) if row["label"] == label)
