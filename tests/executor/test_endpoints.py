"""Which of several endpoints takes a task, and what a bad list of them gets."""

from __future__ import annotations

from typing import Any

import pytest

from farpool import Executor
from farpool.executor.endpoints import Endpoints, Load, Policy, choose
from farpool.executor.options import Options

A, B, C = (f"4b116d3c-1703-4f8f-9f6f-39921e5864d{digit}" for digit in "123")


def chosen(policy: Policy, **load: Any) -> list[str]:
    """Choose four times in a row."""
    return [choose(Endpoints(("a", "b", "c"), policy), Load(turn, **load)) for turn in range(4)]


def test_round_robin_takes_those_that_are_online_in_turn() -> None:
    assert chosen("round-robin") == ["a", "b", "c", "a"]
    assert chosen("round-robin", away={"b"}) == ["a", "c", "a", "c"]


def test_failover_takes_the_first_that_is_online() -> None:
    assert chosen("failover") == ["a"] * 4
    assert chosen("failover", away={"a", "b"}) == ["c"] * 4


def test_least_pending_takes_the_one_with_the_fewest_tasks_and_the_first_of_equals() -> None:
    assert chosen("least-pending", pending={"a": 3, "b": 1, "c": 2}) == ["b"] * 4
    assert chosen("least-pending", pending={"a": 1, "b": 0, "c": 0}) == ["b"] * 4
    assert chosen("least-pending", pending={"a": 3, "b": 1, "c": 2}, away={"b"}) == ["c"] * 4


def test_least_pending_counts_per_worker_where_all_have_said_how_many_they_have() -> None:
    pending = {"a": 20, "b": 3, "c": 4}

    assert chosen("least-pending", pending=pending, workers={"a": 32, "b": 1, "c": 2})[0] == "a"
    assert chosen("least-pending", pending=pending, workers={"a": 32, "b": 1})[0] == "b"
    assert chosen("least-pending", pending=pending, workers={"a": 32, "b": 1}, away={"c"})[0] == "a"


@pytest.mark.parametrize("policy", ["round-robin", "least-pending", "failover"])
def test_where_none_is_online_one_is_chosen_all_the_same(policy: Policy) -> None:
    everyone = {"a", "b", "c"}

    assert chosen(policy, away=everyone) == chosen(policy)


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        ({"endpoints": []}, ValueError, "at least one endpoint"),
        ({"endpoints": A}, TypeError, "endpoint_id="),
        ({"endpoints": 3}, TypeError, "must be a list"),
        ({"endpoints": [A, "cluster"]}, ValueError, "cluster"),
        ({"endpoints": [A, B, A.upper()]}, ValueError, f"{A} twice"),
        ({"endpoints": [A, "local"]}, ValueError, "service of its own"),
        ({"endpoints": [A], "endpoint_id": B}, ValueError, "one of the two"),
        ({"endpoints": [A], "policy": "random"}, ValueError, "'round-robin', 'least-pending', 'failover'"),
        ({"policy": "failover"}, ValueError, r"endpoints=\[...\]"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_set(given: dict[str, Any], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        Executor(**given)


def test_an_executor_of_many_shows_them_and_gives_the_first_as_its_endpoint() -> None:
    ex = Executor(endpoints=(A, B), label="both")

    assert ex.endpoint_id == A
    assert repr(ex) == f"<Executor 'both' endpoints={[A, B]!r}>"

    ex.endpoint_id = C
    assert (ex.endpoint_id, repr(ex)) == (C, f"<Executor 'both' endpoint_id={C!r}>")


def test_a_view_may_have_one_endpoint_others_or_another_policy() -> None:
    many = Options().but({"endpoints": [A, B], "policy": "least-pending"})

    assert many.spread == Endpoints((A, B), "least-pending")
    assert many.but({"policy": "failover"}).spread == Endpoints((A, B), "failover")
    assert many.but({"endpoints": [C]}).spread == Endpoints((C,), "least-pending")
    assert (many.but({"endpoint_id": C}).spread, many.but({"endpoint_id": C}).home) == (None, C)
    assert many.but({"label": "x"}).spread == many.spread
