from __future__ import annotations

import pytest

from farpool.endpoint.lines import TURN_S, Demand, Key, Lines, successor

PLAIN: Key = None
VENV: Key = ("venv", "/v")
IMAGE: Key = ("podman", "image")


def lines(*jobs: tuple[str, Key, int]) -> Lines[str]:
    made: Lines[str] = Lines()
    for name, key, priority in jobs:
        made.put(name, name, key=key, priority=priority)
    return made


def test_each_environment_has_a_line_and_the_lines_come_in_the_order_of_their_first_jobs() -> None:
    some = lines(("a", PLAIN, 0), ("b", VENV, 0), ("c", PLAIN, 0), ("d", IMAGE, 5))

    demands = some.demands({VENV: 1}, {PLAIN: 2, VENV: 1})

    assert demands == [Demand(IMAGE, 1, 5, 0, 0), Demand(PLAIN, 2, 0, 0, 2), Demand(VENV, 1, 0, 1, 1)]
    assert [some.pop(PLAIN), some.pop(PLAIN), some.pop(VENV)] == ["a", "c", "b"]
    assert some.only(IMAGE)
    assert not some.has(PLAIN)
    assert (len(some), list(some)) == (1, ["d"])


def test_jobs_are_taken_out_put_back_in_front_and_dropped_line_by_line() -> None:
    some = lines(("a", PLAIN, 0), ("b", VENV, 0), ("c", VENV, 0))
    some.put("again", "again", key=VENV, is_first=True)

    assert [one.key for one in some.demands({}, {})] == [VENV, PLAIN]
    assert some.take("b") == "b"
    assert "b" not in some
    assert some.drop(VENV) == ["again", "c"]
    assert some.drop(VENV) == []
    some.clear()
    assert not some
    with pytest.raises(KeyError):
        some.pop(PLAIN)


def test_a_worker_stays_with_its_line_while_something_is_in_it() -> None:
    demands = [Demand(VENV, 9), Demand(PLAIN, 9, workers=2)]

    assert successor(PLAIN, demands, total=2, served_s=0.0) == PLAIN


def test_a_worker_with_nothing_to_do_goes_where_something_is() -> None:
    assert successor(PLAIN, [Demand(VENV, 1)], total=2, served_s=0.0) == VENV
    assert successor(PLAIN, [], total=2, served_s=0.0) == PLAIN
    assert successor(PLAIN, [Demand(VENV, 1, starting=1)], total=2, served_s=0.0) == PLAIN


def test_a_line_without_its_share_of_workers_gets_one_when_a_turn_is_over() -> None:
    short = [Demand(PLAIN, 9, workers=2), Demand(VENV, 9)]
    fair = [Demand(PLAIN, 9, workers=1), Demand(VENV, 9, workers=1)]

    assert successor(PLAIN, short, total=2, served_s=TURN_S) == VENV
    assert successor(PLAIN, fair, total=2, served_s=TURN_S) == PLAIN


def test_with_more_lines_than_workers_they_take_turns() -> None:
    demands = [Demand(PLAIN, 9, workers=1), Demand(VENV, 9), Demand(IMAGE, 9)]

    assert successor(PLAIN, demands, total=1, served_s=TURN_S) == VENV
    demands = [Demand(VENV, 9, workers=1), Demand(IMAGE, 9), Demand(PLAIN, 9)]
    assert successor(VENV, demands, total=1, served_s=TURN_S) == IMAGE


def test_a_higher_priority_goes_first_at_once() -> None:
    demands = [Demand(VENV, 1, priority=1), Demand(PLAIN, 9, workers=2)]

    assert successor(PLAIN, demands, total=2, served_s=0.0) == VENV
