"""`farpool functions`, `farpool tasks` and `farpool endpoint` against a service with an endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

import pytest

from farpool import Executor, NotFound, TaskExecutionFailed
from farpool.service import People
from support.command import Command

from .conftest import Served

pytestmark = pytest.mark.slow

NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint in the background, and what was run on it."""

    served: Served
    farpool: Command
    endpoint_id: str
    group_id: str
    good_id: str
    bad_id: str
    function_id: str


@pytest.fixture(scope="module")
def site(served: Served) -> Iterator[Site]:
    farpool = served.command
    started = farpool.json("endpoint", "start", "laptop", "--workers", 1)
    try:
        with served.client() as client, Executor(started["endpoint_id"], client=client) as executor:
            function_id = executor.register_function(mean)
            good, bad = executor.submit(mean, [41.0, 43.0]), executor.submit(int, "seven")
            assert good.result(30) == 42
            with pytest.raises(TaskExecutionFailed):
                bad.result(30)
            assert executor.task_group_id is not None
            assert good.task_id is not None
            assert bad.task_id is not None
            yield Site(
                served,
                farpool,
                started["endpoint_id"],
                executor.task_group_id,
                good.task_id,
                bad.task_id,
                function_id,
            )
    finally:
        farpool("endpoint", "stop", "laptop")


def test_functions_are_listed_with_name_and_description(site: Site) -> None:
    listed = site.farpool.json("functions", "list")
    table = site.farpool("functions", "list")

    assert site.function_id in {one["function_uuid"] for one in listed}
    assert re.search(
        rf"{site.function_id}\s+mean\s+\d+ (s|min) ago\s+Return the sample arithmetic mean of data\.\n", table
    )


def test_functions_are_found_by_words_with_their_owner_and_how_they_are_shared(site: Site) -> None:
    with People(site.served.directory) as people:
        group_id = people.add_group("lab", ["local"]).group_id
    with site.served.client() as client:
        shared_id = client.register_function(mean, "Average of things", public=True, group=group_id)
    found = site.farpool.json("functions", "search", "ARITH", "mea")
    table = site.farpool("functions", "search", "average", "--owner", "local")

    assert site.function_id in {one["function_uuid"] for one in found}
    assert shared_id not in {one["function_uuid"] for one in found}
    assert re.search(
        rf"{shared_id}\s+mean\s+local\s+\d+ (s|min) ago\s+public, group {group_id}\s+Average of things\n", table
    )
    assert re.search(rf"{shared_id}\s+mean\s+\d+ (s|min) ago\s+public, group", site.farpool("functions", "list"))
    assert site.farpool("functions", "search", "--owner", "ann") == "There is no such function that you may run.\n"
    assert len(site.farpool.json("functions", "search", "mean", "--limit", 1, "--offset", 1)) == 1


def test_a_function_is_shown_with_its_code_only_when_asked(site: Site) -> None:
    assert "function_code" not in site.farpool.json("functions", "show", site.function_id)
    assert site.farpool.json("functions", "show", site.function_id, "--code")["function_code"]
    assert "mean" in site.farpool("functions", "show", site.function_id)


def test_a_deleted_function_is_gone(site: Site) -> None:
    with site.served.client() as client:
        function_id = client.register_function(mean)

        site.farpool("functions", "delete", function_id)

        with pytest.raises(NotFound):
            client.get_function(function_id)


def test_an_unknown_function_is_one_line(site: Site) -> None:
    error = site.farpool("functions", "show", NOBODY, exit_code=1)

    assert NOBODY in error
    assert error.count("\n") <= 2


def test_tasks_are_listed_newest_first(site: Site) -> None:
    listed = site.farpool.json("tasks", "list")
    table = site.farpool("tasks", "list")

    assert [one["task_id"] for one in listed] == [site.bad_id, site.good_id]
    assert [one["status"] for one in listed] == ["failed", "success"]
    assert re.search(rf"{site.good_id}\s+success", table)


def test_tasks_are_listed_by_group_endpoint_and_status(site: Site) -> None:
    def listed(*options: str) -> list[str]:
        found = site.farpool.json("tasks", "list", *options)
        return [one["task_id"] for one in found]

    assert listed("--status", "failed") == [site.bad_id]
    assert listed("--group", site.group_id, "--limit", "1") == [site.bad_id]
    assert listed("--endpoint", site.endpoint_id, "--status", "success") == [site.good_id]
    assert site.farpool("tasks", "list", "--status", "running") == "There are no such tasks.\n"


def test_a_state_that_is_none_names_those_that_are(site: Site) -> None:
    assert "waiting-for-ep" in site.farpool("tasks", "list", "--status", "sleeping", exit_code=1)


def test_a_failed_task_is_shown_with_its_traceback(site: Site) -> None:
    text = site.farpool("tasks", "show", site.bad_id)

    assert "invalid literal for int() with base 10: 'seven'" in text
    assert "farpool_" not in re.sub("farpool_version", "", text)
    assert re.search(r"worker +\S+/\d+\n", text)
    shown = site.farpool.json("tasks", "show", site.bad_id)
    assert shown["status"] == "failed"
    assert "farpool_exception" not in shown["details"]


def test_an_unknown_task_is_an_error(site: Site) -> None:
    assert f"knows no task {NOBODY}" in site.farpool("tasks", "show", NOBODY, exit_code=1)


def test_results_are_printed_and_a_failure_is_the_exit_code(site: Site) -> None:
    assert site.farpool("tasks", "results", site.good_id) == f"{site.good_id}  42.0\n"

    good, bad = site.farpool.json("tasks", "results", "--group", site.group_id, exit_code=1)

    assert good == {"task_id": site.good_id, "status": "success", "result": "42.0"}
    assert bad["task_id"] == site.bad_id
    assert bad["error"] == "ValueError: invalid literal for int() with base 10: 'seven'"


def test_results_of_nothing_are_wrong_use(site: Site) -> None:
    assert "name tasks, or a task group" in site.farpool("tasks", "results", exit_code=2)


def test_the_endpoint_is_listed_here_and_at_the_service(site: Site) -> None:
    (here,) = (one for one in site.farpool.json("endpoint", "list") if one["name"] == "laptop")
    there = site.farpool.json("endpoint", "list", "--remote")

    assert here["status"] == "running"
    assert here["endpoint_id"] == site.endpoint_id
    assert here["service_url"] == site.served.url
    assert [one["status"] for one in there if one["endpoint_id"] == site.endpoint_id] == ["online"]
    assert re.search(rf"laptop\s+{site.endpoint_id}\s+running\s+{here['pid']}", site.farpool("endpoint", "list"))
    assert re.search(rf"laptop\s+{site.endpoint_id}\s+online", site.farpool("endpoint", "list", "--remote"))


def test_the_status_joins_what_is_known_here_and_there(site: Site) -> None:
    facts = site.farpool.json("endpoint", "status", "laptop")
    by_id = site.farpool.json("endpoint", "status", site.endpoint_id)

    assert facts["at_the_service"] == by_id["at_the_service"] == "online"
    assert facts["max_workers"] == 1
    assert "laptop" in site.farpool("endpoint", "status", "laptop")


def test_the_functions_that_an_endpoint_runs_are_listed_and_changed(site: Site) -> None:
    only = site.farpool.json("endpoint", "allow", "laptop", site.function_id)
    without = site.farpool("endpoint", "allow", site.endpoint_id, site.function_id, "--remove")
    free = site.farpool("endpoint", "allow", "laptop", "--any")

    assert only == {"endpoint_id": site.endpoint_id, "restricted": True, "functions": [site.function_id]}
    assert without == f"endpoint {site.endpoint_id} runs no function\n"
    assert free == f"endpoint {site.endpoint_id} runs any function\n"
    assert "--any takes none" in site.farpool("endpoint", "allow", "laptop", site.function_id, "--any", exit_code=2)


def test_doctor_finds_all_well(site: Site) -> None:
    findings = site.farpool.json("doctor", "--endpoint", site.endpoint_id)

    assert {one["check"]: one["status"] for one in findings} == {
        "python": "ok",
        "state directory": "ok",
        "service": "ok",
        "token": "ok",
        "results (AMQP)": "ok",
        "endpoint": "ok",
        "versions": "ok",
    }


def test_doctor_misses_an_endpoint_that_is_not_there(site: Site) -> None:
    findings = site.farpool.json("doctor", "--endpoint", NOBODY, exit_code=1)

    assert findings[-1]["check"] == "endpoint"
    assert findings[-1]["status"] == "fail"
    assert "farpool endpoint list --remote" in findings[-1]["advice"]
