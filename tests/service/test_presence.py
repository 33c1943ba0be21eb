from __future__ import annotations

from typing import Any

import pytest

from farpool.service.presence import Presence, read_report

NOW = 1_000_000.0


def test_an_endpoint_that_never_reported_is_neither_online_nor_away_for_a_time() -> None:
    presence = Presence()

    assert not presence.is_online(NOW)
    assert presence.away_s(NOW) is None


@pytest.mark.parametrize(("period_s", "online_for_s"), [(30, 65), (5, 15), (1, 15), (120, 245)])
def test_an_endpoint_is_online_for_two_periods_and_some_grace(period_s: float, online_for_s: float) -> None:
    presence = read_report({"heartbeat_period": period_s}, NOW)

    assert presence.is_online(NOW)
    assert presence.is_online(NOW + online_for_s - 0.1)
    assert not presence.is_online(NOW + online_for_s)


def test_an_endpoint_that_is_away_tells_for_how_long() -> None:
    presence = read_report({"heartbeat_period": 30}, NOW)

    assert presence.away_s(NOW + 60) is None
    assert presence.away_s(NOW + 100) == 100


@pytest.mark.parametrize(
    "state",
    [
        {"heartbeat_period": 0},
        {"heartbeat_period": 30, "active": False},
        {"heartbeat_period": 3, "error": "no such template"},
    ],
)
def test_an_endpoint_that_ends_or_could_not_start_is_offline_at_once(state: dict[str, Any]) -> None:
    presence = read_report(state, NOW)

    assert not presence.is_online(NOW)
    assert presence.expires_at is None


def test_a_failure_report_is_kept_with_its_text() -> None:
    assert read_report({"error": "no such template"}, NOW).error == "no such template"


@pytest.mark.parametrize("period", [None, "30", float("nan"), float("inf"), True, [30]])
def test_a_period_that_is_no_number_counts_as_the_default(period: Any) -> None:
    presence = read_report({"heartbeat_period": period}, NOW)

    assert presence.is_online(NOW + 64)
    assert not presence.is_online(NOW + 66)
