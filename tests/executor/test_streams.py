"""How often a result connection that is away is tried, on a simulated clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import cast

import pytest

from farpool.amqp import Link, Loop, Patience
from farpool.errors import AccessDenied, FarpoolError, ServiceDown, StreamError
from farpool.executor.pipeline.patience import of_threads
from farpool.executor.pipeline.streams import BACKOFF


class SimulatedLoop:
    """A loop whose time passes as it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def call_later(self, seconds: float, fn: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now + seconds, next(self._numbers), fn))

    def run_until(self, end: float) -> None:
        while self._timers and self._timers[0][0] <= end:
            due, _, fn = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            fn()
        self.now = max(self.now, end)


class Tries:
    """A link to a service that is away, and when it was tried."""

    def __init__(self, error: FarpoolError, patience: Patience) -> None:
        self.loop = SimulatedLoop()
        self.at: list[float] = []
        self.gave_up: list[StreamError] = []
        self.refused = 0
        self._error = error
        self.link = Link(
            cast("Loop", self.loop),
            "results",
            locate=self._locate,
            set_up=lambda _channel: None,
            lost=lambda: None,
            refused=self._refuse,
            gave_up=self.gave_up.append,
            patience=patience,
            backoff=BACKOFF,
            clock=lambda: self.loop.now,
        )
        self.link.open()

    def _locate(self) -> str:
        self.at.append(self.loop.now)
        raise self._error

    def _refuse(self) -> None:
        self.refused += 1


def test_after_five_minutes_the_connection_is_tried_within_three_seconds_of_its_return() -> None:
    tries = Tries(ServiceDown("away"), of_threads(None))
    tries.loop.run_until(300)

    assert tries.at[1] == 0, "the first retry is at once"
    assert max(late - early for early, late in itertools.pairwise(tries.at)) <= 3
    assert tries.at[-1] > 297
    assert not tries.gave_up


def test_a_laptop_that_slept_for_longer_than_the_patience_tries_again_when_it_wakes() -> None:
    tries = Tries(ServiceDown("away"), of_threads(None))
    tries.loop.run_until(10)
    before = len(tries.at)
    tries.loop.now += 8 * 3600
    tries.loop.run_until(tries.loop.now)

    assert len(tries.at) > before
    tries.loop.run_until(tries.loop.now + 60)
    assert not tries.gave_up


def test_patience_ends_with_an_error_that_says_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    tries = Tries(ServiceDown("under repair"), of_threads(60))
    tries.loop.run_until(100)

    (error,) = tries.gave_up
    assert "under repair" in str(error)
    assert isinstance(error.__cause__, ServiceDown)
    assert 55 < tries.at[-1] <= 60
    assert "trying for up to" in caplog.text


def test_who_is_refused_says_so_before_each_try() -> None:
    tries = Tries(AccessDenied("no"), of_threads(10))
    tries.loop.run_until(5)

    assert tries.refused == len(tries.at)
