"""Tasks as bars, one lane for each worker. Pure: knows nothing of drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A task that ran; times in seconds since 1970.

    Attributes:
        kind: its label, if it has one.
    """

    worker: str | None
    endpoint_id: str | None
    started: float
    ended: float
    submitted: float | None
    received: float
    failed: bool
    kind: str = ""


@dataclass(slots=True)
class Lane:
    """What one worker did, in the order of time.

    Attributes:
        host, name: the worker's; without a name, it is a guess which tasks shared one. The host is without its domain.
    """

    host: str
    name: str | None
    bars: list[Bar] = field(default_factory=list[Bar])


def bars_of(futures: Iterable[Any]) -> tuple[list[Bar], int]:
    """Make a bar of each task that ran.

    Args:
        futures: of a farpool executor.

    Returns:
        The bars, and how many of the futures have none: not done, cancelled, or never run by a worker.

    Raises:
        TypeError: one is no future of farpool.
    """
    bars: list[Bar] = []
    without = 0
    for future in futures:
        timings = getattr(future, "timings", None)
        if timings is None:
            raise TypeError(
                f"timeline takes futures of a farpool executor, not {future!r}: only these know when a task ran"
            )
        if timings.started is None or timings.ended is None or not future.done() or future.cancelled():
            without += 1
            continue
        ended = max(timings.started, timings.ended)
        bars.append(
            Bar(
                timings.worker,
                future.endpoint_id,
                timings.started,
                ended,
                timings.submitted,
                ended if timings.received is None else timings.received,
                future.exception() is not None,
                future.label,
            )
        )
    return bars, without


def lanes_of(bars: Sequence[Bar]) -> list[Lane]:
    """Sort bars into lanes: those of a host together, whoever began first at the top.

    Tasks of endpoints that do not name their workers are put into as few lanes as it takes for them not to overlap.
    """
    named: dict[str, Lane] = {}
    free: dict[str, list[Lane]] = {}
    for bar in sorted(bars, key=lambda one: one.started):
        if bar.worker is not None:
            host, _, name = bar.worker.partition("/")
            lane = named.setdefault(bar.worker, Lane(host.partition(".")[0], name))
        else:
            lane = _free_lane(free.setdefault(bar.endpoint_id or "", []), bar)
        lane.bars.append(bar)
    lanes = [*named.values(), *(lane for some in free.values() for lane in some)]
    first: dict[str, float] = {}
    for lane in lanes:
        first[lane.host] = min(first.get(lane.host, lane.bars[0].started), lane.bars[0].started)
    return sorted(lanes, key=lambda lane: (first[lane.host], lane.host, lane.bars[0].started))


def _free_lane(lanes: list[Lane], bar: Bar) -> Lane:
    for lane in lanes:
        if lane.bars[-1].ended <= bar.started:
            return lane
    lane = Lane(f"endpoint {bar.endpoint_id[:8]}" if bar.endpoint_id else "endpoint", None)
    lanes.append(lane)
    return lane
