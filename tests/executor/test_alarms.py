"""Alarms ring in order, once, and for nobody who is done."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import pytest

from farpool.amqp import Loop
from farpool.executor.future import Future
from farpool.executor.pipeline.alarms import Alarms


def run(loop: Loop, seconds: float) -> None:
    def begin() -> None:
        loop.call_later(seconds, loop.stop)

    loop.call(begin)
    loop.run()


def test_alarms_ring_in_the_order_of_their_time_and_not_for_what_is_done_or_gone() -> None:
    loop = Loop()
    alarms = Alarms(loop)
    rung: list[str] = []
    futures = {name: Future[Any](label=name) for name in ("late", "soon", "done", "gone")}
    now = time.monotonic()
    for name, wait_s in {"late": 0.05, "soon": 0.01, "done": 0.002, "gone": 0.003}.items():
        alarms.set(futures[name], now + wait_s, lambda one: rung.append(one.label))
    futures["done"].settle(1)
    del futures["gone"]
    gc.collect()

    run(loop, 0.2)

    assert rung == ["soon", "late"]


def test_an_alarm_may_set_another() -> None:
    loop = Loop()
    alarms = Alarms(loop)
    rung: list[float] = []
    future = Future[Any]()

    def ring(one: Future[Any]) -> None:
        rung.append(time.monotonic())
        if len(rung) < 3:
            alarms.set(one, time.monotonic(), ring)

    alarms.set(future, time.monotonic(), ring)
    run(loop, 0.2)

    assert len(rung) == 3


def test_what_is_cleared_does_not_ring() -> None:
    loop = Loop()
    alarms = Alarms(loop)
    rung: list[str] = []
    future = Future[Any](label="x")
    alarms.set(future, time.monotonic() + 0.01, lambda one: rung.append(one.label))

    alarms.clear()
    run(loop, 0.1)

    assert rung == []


def test_what_is_done_is_let_go_long_before_its_time(request: pytest.FixtureRequest) -> None:
    loop = Loop()
    request.addfinalizer(lambda: run(loop, 0.0))
    alarms = Alarms(loop)
    futures = [Future[Any]() for _ in range(3)]
    refs: list[weakref.ref[Ring]] = []

    def set_one(future: Future[Any]) -> None:
        ring = Ring()
        refs.append(weakref.ref(ring))
        alarms.set(future, time.monotonic() + 86_400, ring)

    for future in futures:
        set_one(future)
    for future in futures[:2]:
        future.settle(1)

    alarms.set(Future[Any](), time.monotonic() + 86_400, Ring())

    assert [ref() is None for ref in refs] == [True, True, False]


class Ring:
    """Is called for a future."""

    def __call__(self, future: Future[Any]) -> None:
        raise AssertionError("its time is a day away")
