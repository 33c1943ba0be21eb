"""Users, groups and tokens, looked after from outside the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.errors import FarpoolError
from farpool.service import People
from support.callers import Caller
from support.house import NOW, Clock
from support.service import RunningService


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with People(tmp_path, make=True, clock=Clock()) as opened:
        yield opened


def test_where_no_service_has_run_there_are_no_people_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(FarpoolError, match=rf"no service has run in {tmp_path}/typo yet: start it once"):
        People(tmp_path / "typo")

    assert list(tmp_path.iterdir()) == []


def test_users_are_listed_with_their_groups_and_how_many_tokens_they_have(people: People) -> None:
    ann, bob = people.add_user("ann"), people.add_user("bob@example.org")
    people.add_group("lab", ["ann"])
    people.add_group("course", ["ann", "bob@example.org"])
    people.add_token("ann", "laptop")
    people.add_token("ann", "cluster")

    assert [(one.name, one.identity_id, one.groups, one.tokens) for one in people.users()] == [
        ("ann", ann.identity_id, ("course", "lab"), 2),
        ("bob@example.org", bob.identity_id, ("course",), 0),
    ]


@pytest.mark.parametrize("name", ["", " ann", "an n", "-ann", "ann\n", "a" * 101, "ann/bob"])
def test_a_name_that_none_can_have_is_refused_with_it(people: People, name: str) -> None:
    people.add_user("ann")
    for refused in (
        lambda: people.add_user(name),
        lambda: people.add_group(name),
        lambda: people.add_token("ann", name),
    ):
        with pytest.raises(ValueError, match="cannot be the name of") as caught:
            refused()
        assert repr(name) in str(caught.value)


def test_what_is_there_already_is_refused_with_what_to_do_instead(people: People) -> None:
    people.add_user("ann")
    people.add_group("lab")
    people.add_token("ann", "laptop")

    with pytest.raises(FarpoolError, match=r"there is a user 'ann' already.*farpool tokens add ann"):
        people.add_user("ann")
    with pytest.raises(FarpoolError, match=r"there is a group 'lab' already.*farpool groups join lab"):
        people.add_group("lab")
    with pytest.raises(FarpoolError, match=r"'ann' has a token labelled 'laptop' already.*remove ann --label laptop"):
        people.add_token("ann", "laptop")


def test_what_is_not_there_is_refused_with_what_is(people: People) -> None:
    people.add_user("ann")
    people.add_group("lab")
    people.add_token("ann", "laptop")

    for refused in (
        lambda: people.remove_user("bob"),
        lambda: people.add_token("bob", "laptop"),
        lambda: people.remove_token("bob", "laptop"),
        lambda: people.tokens("bob"),
        lambda: people.join("lab", ["ann", "bob"]),
        lambda: people.add_group("course", ["bob"]),
    ):
        with pytest.raises(FarpoolError, match=r"there is no user 'bob'; those there are: ann. .*farpool users add"):
            refused()
    for asked in (lambda: people.join("labb", ["ann"]), lambda: people.remove_group("labb")):
        with pytest.raises(FarpoolError, match=r"there is no group 'labb'; those there are: lab. .*farpool groups add"):
            asked()
    with pytest.raises(FarpoolError, match="'ann' has no token labelled 'cluster'; theirs: laptop"):
        people.remove_token("ann", "cluster")
    with pytest.raises(FarpoolError, match="'ann' is not in group 'lab'; its members: none"):
        people.leave("lab", ["ann"])
    assert [group.members for group in people.groups()] == [()]


def test_members_join_and_leave_by_the_groups_name_or_id(people: People) -> None:
    for name in ("ann", "bob", "carl"):
        people.add_user(name)
    made = people.add_group("lab", ["ann"])

    assert people.join(made.group_id, ["bob", "ann", "carl", "bob"]).members == ("ann", "bob", "carl")
    assert people.leave("lab", ["ann", "carl"]).members == ("bob",)
    assert people.groups()[0].members == ("bob",)


def test_a_removed_group_is_gone_for_its_members_too(people: People) -> None:
    people.add_user("ann")
    people.add_group("lab", ["ann"])

    assert people.remove_group("lab") == (0, 0)

    assert people.groups() == []
    assert people.users()[0].groups == ()


def test_a_user_who_comes_back_is_the_same_without_tokens_and_groups(people: People) -> None:
    before = people.add_user("ann")
    people.add_group("lab", ["ann"])
    people.add_token("ann", "laptop")
    people.remove_user("ann")
    assert people.users() == []
    assert people.groups()[0].members == ()

    assert people.add_user("ann").identity_id == before.identity_id

    (ann,) = people.users()
    assert (ann.groups, ann.tokens) == ((), 0)


def test_tokens_are_listed_with_when_they_expire_and_never_with_what_they_are(people: People) -> None:
    people.add_user("ann")
    people.add_user("bob")
    secret = people.add_token("ann", "laptop", lifetime_s=60)
    people.add_token("bob", "laptop")

    (listed,) = people.tokens("ann")

    assert (listed.user, listed.label, listed.created_at, listed.expires_at) == ("ann", "laptop", NOW, NOW + 60)
    assert secret not in repr(people.tokens())
    assert [one.user for one in people.tokens()] == ["ann", "bob"]


@pytest.mark.parametrize("lifetime_s", [0, -1, float("nan")])
def test_a_token_that_would_never_be_good_is_refused(people: People, lifetime_s: float) -> None:
    people.add_user("ann")

    with pytest.raises(ValueError, match="is of no use"):
        people.add_token("ann", "laptop", lifetime_s=lifetime_s)


@pytest.mark.parametrize("lifetime_s", [1e19, float("inf")])
def test_a_token_that_expires_on_no_date_is_refused(people: People, lifetime_s: float) -> None:
    people.add_user("ann")

    with pytest.raises(ValueError, match="over a hundred years; leave it out"):
        people.add_token("ann", "laptop", lifetime_s=lifetime_s)


def test_the_administrator_and_the_token_in_the_directory_stay(service: RunningService) -> None:
    with People(service.directory) as people:
        with pytest.raises(FarpoolError, match="'local' is the administrator"):
            people.remove_user("local")
        with pytest.raises(FarpoolError, match="delete the file 'token'"):
            people.remove_token("local", "directory")
        assert "local" in [user.name for user in people.users()]


def test_what_is_changed_beside_a_running_service_counts_with_the_next_request(service: RunningService) -> None:
    with People(service.directory) as people:
        user = people.add_user("dora")
        laptop, cluster = people.add_token("dora", "laptop"), people.add_token("dora", "cluster", lifetime_s=1000)
        with Caller(service, laptop) as one, Caller(service, cluster) as other:
            assert one.get("/v3/identity")["identity_id"] == user.identity_id
            other.get("/v3/identity")

            people.remove_token("dora", "laptop")
            one.get("/v3/identity", expect=401)
            other.get("/v3/identity")

            people.remove_user("dora")
            other.get("/v3/identity", expect=401)

            people.add_user("dora")
            other.get("/v3/identity", expect=401)
