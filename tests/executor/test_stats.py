"""The figures add up."""

from __future__ import annotations

import dataclasses

import pytest

from farpool.executor.pipeline.stats import Meter, Stats


def test_an_executor_that_has_done_nothing_has_no_latency() -> None:
    assert Meter().read(retried=0) == Stats()


def test_what_was_submitted_is_in_flight_until_it_has_an_outcome() -> None:
    meter = Meter()
    for size in (10, 20, 30, 40):
        meter.submitted(size)
    meter.settled(0.5, 7, failed=False)
    meter.settled(1.5, 0, failed=True)
    meter.cancelled()

    stats = meter.read(retried=2)

    assert (stats.submitted, stats.in_flight, stats.done, stats.failed, stats.cancelled) == (4, 1, 1, 1, 1)
    assert (stats.bytes_sent, stats.bytes_received, stats.retried) == (100, 7, 2)


def test_an_outcome_that_came_too_late_is_not_counted() -> None:
    meter = Meter()
    meter.submitted(1)
    meter.cancelled()
    meter.settled(0.5, 0, failed=False)
    meter.take_back(failed=False)

    assert meter.read(retried=0).done == 0
    assert meter.read(retried=0).in_flight == 0


def test_percentiles_are_those_of_the_latencies() -> None:
    meter = Meter()
    for number in range(1000):
        meter.settled(number / 1000, 0, failed=False)

    stats = meter.read(retried=0)

    assert stats.latency_p50_s == pytest.approx(0.5, abs=0.01)
    assert stats.latency_p99_s == pytest.approx(0.99, abs=0.01)


def test_a_snapshot_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Stats().done = 3  # type: ignore[misc]  # that it cannot be set is the point
