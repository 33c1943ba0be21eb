"""Alarms ring in order, once, and for nobody who is done."""

from __future__ import annotations

import gc
import time
from typing import Any

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
