"""Tells the service how this endpoint is: at the start, each period, soon after tasks began to run, and at the end.

Owns when a report is due and what is in it; publishing it is somebody else's.
"""

from __future__ import annotations

import platform
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from os import getpid
from typing import Any

from ..amqp import Loop, Timer
from ..version import __version__
from ..wire.envelope import encode
from ..wire.messages import EndpointStatusReport, TaskTransition
from ..wire.states import Actor, TaskState
from .engine import EngineState

#: Tasks that began to run are reported at most this often; those that end within it need not be reported at all.
NEWS_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What there is to tell of.

    Attributes:
        engine: how the engine is.
        outstanding: tasks that were taken and whose results are not confirmed.
        total: tasks taken since the start.
    """

    engine: EngineState
    outstanding: int
    total: int


def host_facts(engine: str) -> dict[str, Any]:
    """Give what does not change while an agent runs."""
    return {
        "engine_type": engine,
        "hostname": socket.gethostname(),
        "pid": getpid(),
        "python_version": platform.python_version(),
        "sys_version": sys.version,
        "dill_version": version("dill"),
        "farpool_version": __version__,
        "start_unix": time.time(),
    }


class Heartbeat:
    """Publishes the reports of one endpoint; lives on a loop.

    Args:
        loop: where its timers live.
        endpoint_id: the endpoint.
        period_s: seconds between reports when there is no news.
        facts: what every report says, such as `host_facts`.
        workload: gives what there is to tell of now.
        publish: sends a report; the second argument is to be called when the broker has it.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        endpoint_id: str,
        period_s: float,
        facts: Mapping[str, Any],
        workload: Callable[[], Workload],
        publish: Callable[[bytes, Callable[[], None]], None],
    ) -> None:
        self._loop = loop
        self._endpoint_id = endpoint_id
        self._period_s = period_s
        self._facts = facts
        self._workload = workload
        self._publish = publish
        self._reported: set[str] = set()
        self._last = 0.0
        self._period: Timer | None = None
        self._news: Timer | None = None
        self._is_open = False

    def open(self, confirmed: Callable[[], None]) -> None:
        """Report now and from now on: there is a (new) connection, and the service may know nothing of us."""
        self._is_open = True
        self._reported.clear()
        self._beat(confirmed)

    def pause(self) -> None:
        """Report nothing until `open`: the connection is gone, and old reports are worth nothing."""
        self._is_open = False
        self._cancel_timers()

    def close(self, confirmed: Callable[[], None]) -> None:
        """Report that the endpoint goes offline, and nothing after that."""
        was_open = self._is_open
        self.pause()
        if was_open:
            state = self._state(self._workload()) | {"heartbeat_period": 0, "active": False}
            self._publish(encode(EndpointStatusReport(self._endpoint_id, state, {})), confirmed)

    def news(self) -> None:
        """Say that tasks may have begun to run: a report follows soon."""
        if self._news is None and self._is_open:
            wait_s = self._last + NEWS_INTERVAL_S - time.monotonic()
            self._news = self._loop.call_later(max(wait_s, 0.1), self._tell_news)

    def announce(self, task_ids: Sequence[str], confirmed: Callable[[], None]) -> None:
        """Report that tasks may begin to run from now on; `confirmed` is called when the service knows."""
        statuses = dict.fromkeys(task_ids, _running())
        state = self._state(self._workload())
        self._publish(encode(EndpointStatusReport(self._endpoint_id, state, statuses)), confirmed)

    def _tell_news(self) -> None:
        self._news = None
        workload = self._workload()
        if set(workload.engine.running) - self._reported:
            self._beat(_nothing, workload)
        if workload.engine.pending:
            self.news()

    def _beat(self, confirmed: Callable[[], None], workload: Workload | None = None) -> None:
        self._cancel_timers()
        self._last = time.monotonic()
        self._period = self._loop.call_later(self._period_s, lambda: self._beat(_nothing))
        workload = workload or self._workload()
        running = set(workload.engine.running)
        statuses = dict.fromkeys(sorted(running - self._reported), _running())
        self._reported = running
        self._publish(encode(EndpointStatusReport(self._endpoint_id, self._state(workload), statuses)), confirmed)

    def _state(self, workload: Workload) -> dict[str, Any]:
        engine = workload.engine
        return {
            **self._facts,
            "heartbeat_period": self._period_s,
            "active": True,
            "total_workers": engine.total_workers,
            "idle_workers": engine.idle_workers,
            "pending_tasks": engine.pending,
            "outstanding_tasks": workload.outstanding,
            "total_tasks": workload.total,
        }

    def _cancel_timers(self) -> None:
        for timer in (self._period, self._news):
            if timer is not None:
                timer.cancel()
        self._period = self._news = None


def _running() -> tuple[TaskTransition, ...]:
    return (TaskTransition(time.time_ns(), TaskState.RUNNING, Actor.ENDPOINT),)


def _nothing() -> None:
    pass
