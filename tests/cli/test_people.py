"""`farpool users`, `farpool groups` and `farpool tokens`."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from statistics import mean, median

import click
import pytest
from click.testing import CliRunner

from farpool import AccessDenied, Client, Executor
from farpool.cli.groups import groups
from farpool.cli.tokens import tokens
from farpool.cli.users import users
from farpool.errors import FarpoolError
from farpool.service import People
from support.command import Command

from .conftest import Served


@pytest.mark.slow
def test_a_user_is_let_in_and_out_beside_the_running_service(served: Served) -> None:
    farpool = served.command

    added = farpool.json("users", "add", "ann")
    token = farpool("tokens", "add", "ann").strip()
    with Client(service_url=served.url, token=token) as client:
        assert client.get_functions() == []
        farpool("users", "remove", "ann")
        with pytest.raises(AccessDenied, match="or no longer"):
            client.get_functions()

    assert added["name"] == "ann"
    assert "there is no user 'ann'" in farpool("tokens", "add", "ann", exit_code=1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of a service that does not run, with Ann and Bob."""
    with People(tmp_path, make=True) as people:
        people.add_user("ann")
        people.add_user("bob")
    return tmp_path


def run(command: click.Command, *arguments: object) -> str:
    done = CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_users_are_added_listed_and_removed(directory: Path) -> None:
    place = ("--directory", directory)

    assert "farpool tokens add carl" in run(users, "add", "carl", *place)
    assert "carl" in run(users, "list", *place)
    assert "refused from now on" in run(users, "remove", "carl", *place)
    assert "carl" not in run(users, "list", *place)


def test_groups_are_made_changed_listed_and_removed(directory: Path) -> None:
    place = ("--directory", directory)

    assert "its members: ann" in run(groups, "add", "lab", "--member", "ann", *place)
    assert "lab: ann, bob" in run(groups, "join", "lab", "ann", "bob", *place)
    assert "lab: bob" in run(groups, "leave", "lab", "ann", *place)
    assert "bob" in run(groups, "list", *place)
    assert "0 functions and 0 task groups" in run(groups, "remove", "lab", *place)
    assert run(groups, "list", *place) == "There are no groups.\n"


def test_a_token_is_all_that_is_printed_to_standard_output(directory: Path) -> None:
    token = run(tokens, "add", "ann", "--label", "laptop", "--directory", directory)

    assert len(token.split()) == 1
    assert len(token.strip()) > 40
    assert b"laptop" in (directory / "service.sqlite").read_bytes() + b"".join(
        path.read_bytes() for path in directory.glob("service.sqlite-*")
    )
    assert all(token.strip().encode() not in path.read_bytes() for path in directory.iterdir() if path.is_file())


def test_tokens_are_listed_with_their_expiry_and_removed_by_label(directory: Path) -> None:
    place = ("--directory", directory)
    run(tokens, "add", "ann", "--label", "laptop", *place)
    run(tokens, "add", "bob", "--expires-in", "30d", *place)

    listed = run(tokens, "list", *place)
    assert "never" in listed
    assert "20" in listed
    assert "laptop" not in run(tokens, "list", "bob", *place)
    run(tokens, "remove", "bob", *place)
    assert run(tokens, "list", "bob", *place) == "There are no tokens.\n"


@pytest.mark.parametrize("time", ["30", "d", "-1d", "1month", "1 d"])
def test_a_lifetime_that_is_none_is_refused_with_examples(directory: Path, time: str) -> None:
    done = CliRunner().invoke(tokens, ["add", "ann", f"--expires-in={time}", "--directory", str(directory)])

    assert done.exit_code == 2
    assert "90min, 12h, 30d or 8w" in done.output


def test_a_directory_without_a_service_is_named(tmp_path: Path) -> None:
    with pytest.raises(FarpoolError, match=f"no service has run in {tmp_path}"):
        run(users, "list", "--directory", tmp_path)


@pytest.mark.slow
def test_two_ordinary_users_share_an_endpoint_a_function_and_results(served: Served, tmp_path: Path) -> None:
    with People(served.directory) as people:
        people.add_user("carl")
        people.add_user("dora")
        group = people.add_group("course", ["carl", "dora"])
        carls, doras = people.add_token("carl", "test"), people.add_token("dora", "test")
    farpool = Command(tmp_path / "carl", FARPOOL_SERVICE_URL=served.url, FARPOOL_TOKEN=carls)
    endpoint_id = farpool.json("endpoint", "start", "shared", "--public", "--workers", 1)["endpoint_id"]
    try:
        with Client(service_url=served.url, token=carls) as carl, Client(service_url=served.url, token=doras) as dora:
            shared = carl.register_function(mean, group=group.group_id)
            with Executor(endpoint_id, client=dora) as executor:
                assert executor.submit_to_registered_function(shared, args=([1, 3],)).result(60) == 2
                first = executor.submit(median, [1.0, 2.0, 9.0])
                assert first.result(60) == 2
                _forget(served.directory, str(first.function_id))
                # It is a 403 for Dora, who may not know whether the function is there, and is registered again.
                again = executor.submit(median, [1.0, 2.0, 8.0])
                assert again.result(60) == 2
                assert again.function_id != first.function_id
                task_group = executor.task_group_id
            with pytest.raises(AccessDenied, match="there is no task group"):
                carl.get_task_group(task_group)

            doras_farpool = Command(tmp_path / "dora", FARPOOL_SERVICE_URL=served.url, FARPOOL_TOKEN=doras)
            said = doras_farpool("tasks", "share", task_group, "course")
            assert "the members of group course may see" in said
            found = carl.get_batch_result(carl.get_task_group(task_group))
            assert [one["result"] for one in found.values()] == [2, 2, 2]
            with Executor(endpoint_id, client=carl) as executor, pytest.raises(AccessDenied, match="somebody else's"):
                executor.reload_tasks(task_group)
            assert "no group 'lab'; those you are in: course" in doras_farpool(
                "tasks", "share", task_group, "lab", exit_code=1
            )

            carl.delete_endpoint(endpoint_id)
    finally:
        farpool("endpoint", "delete", "shared", "--force")


def _forget(directory: Path, function_id: str) -> None:
    """Have a service know nothing of a function, as if it had another store."""
    with contextlib.closing(sqlite3.connect(directory / "service.sqlite")) as store, store:
        assert store.execute("DELETE FROM functions WHERE function_id = ?", (function_id,)).rowcount == 1
