"""`timeline`: which worker ran what when, and how the work came to its end, as one picture."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .lanes import Bar, Lane, bars_of, lanes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours that stay apart for whoever confuses red and green; failures have one of their own.
_COLOURS = ("#4477aa", "#ccbb44", "#66ccee", "#228833", "#aa3377", "#999999")
_FAILED = "#d62728"
_SUBMITTED = "#888888"

_WIDTH_IN = 10.0
_LANE_IN = 0.28
_MIN_GANTT_IN, _MAX_GANTT_IN = 1.2, 9.0
_CURVE_IN = 1.9
_MARGINS_IN = 1.5

#: More lanes than these are numbered instead of named, and fewer bars than these have edges between them.
_MAX_NAMED = 32
_MAX_EDGED = 400

#: Where keys are: above, on the right, where nothing is drawn.
_ABOVE: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}

_UNITS = ((0.5, 1e-3, "milliseconds"), (300.0, 1.0, "seconds"), (3 * 3600.0, 60.0, "minutes"))


def timeline(futures: Iterable[Any], *, title: str = "", figure: Figure | None = None) -> Figure:
    """Draw which worker ran which task when, and how many were done by then.

    Above, a bar for each task in the lane of its worker; failed ones are red, with a cross. Below, how many were
    submitted, and how many had their outcome here. Colours tell labels apart, where there are several.

    Args:
        futures: of farpool executors, done or not: what has not run yet is left out.
        title: the first line above; left out: how much work it was.
        figure: a matplotlib figure to draw on, such as ``plt.figure(figsize=(10, 6))``; left out: a new one.

    Returns:
        The figure: ``timeline(futures).savefig("run.png")``. A notebook shows it.

    Raises:
        ValueError: none of the tasks has run.
        TypeError: these are no futures of farpool.
        ImportError: matplotlib is not installed.
    """
    bars, without = bars_of(futures)
    if not bars:
        raise ValueError(f"there is nothing to draw: none of the {without} tasks has run to its end")
    drawn: Any = _figure() if figure is None else figure  # as Any: matplotlib is typed in parts
    lanes = lanes_of(bars)
    span = _span(bars)
    gantt_in = min(max(_LANE_IN * len(lanes), _MIN_GANTT_IN), _MAX_GANTT_IN)
    if figure is None:
        drawn.set_size_inches(_WIDTH_IN, gantt_in + _CURVE_IN + _MARGINS_IN)
    grid = drawn.add_gridspec(2, 1, height_ratios=[gantt_in, _CURVE_IN])
    gantt = drawn.add_subplot(grid[0])
    curve = drawn.add_subplot(grid[1], sharex=gantt)
    _draw_lanes(gantt, lanes, span)
    _key(gantt, bars)
    drawn.suptitle(title or _headline(bars, lanes, without), x=0.01, ha="left", fontweight="bold", fontsize="medium")
    _draw_curve(curve, bars, span)
    curve.set_xlim(0, span.width * 1.01)
    curve.set_xlabel(f"{span.unit} since the first task was submitted")
    picture: Figure = drawn
    return picture


def _figure() -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra, and large
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "farpool.plot draws with matplotlib, which is not installed: pip install 'farpool[plot]'"
        ) from error
    figure: Any = Figure(layout="constrained")
    FigureCanvasAgg(figure)

    def png() -> bytes:
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=110)
        return picture.getvalue()

    figure._repr_png_ = png  # notebooks ask for it: the figure is not one of pyplot's, which they know
    return figure


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that is drawn: where it begins, and how wide it is, in its unit."""

    origin: float
    scale: float
    unit: str
    width: float

    def place(self, time: float) -> float:
        """Say where on the axis a time is."""
        return (time - self.origin) / self.scale


def _span(bars: Sequence[Bar]) -> _Span:
    submitted = [bar.submitted for bar in bars if bar.submitted is not None]
    origin = min(*submitted, *(bar.started for bar in bars), float("inf"))  # clocks may differ
    last = max(max(bar.received, bar.ended) for bar in bars)
    scale, unit = _unit(last - origin)
    return _Span(origin, scale, unit, (last - origin) / scale or 1.0)


def _unit(span_s: float) -> tuple[float, str]:
    for limit_s, scale, name in _UNITS:
        if span_s < limit_s:
            return scale, name
    return 3600.0, "hours"


def _kinds(bars: Sequence[Bar]) -> dict[str, str]:
    """Give each label its colour: the most frequent ones have one of their own, the rest share the last."""
    counts: dict[str, int] = {}
    for bar in bars:
        counts[bar.kind] = counts.get(bar.kind, 0) + 1
    ordered = sorted(counts, key=lambda kind: -counts[kind])
    return {kind: _COLOURS[min(place, len(_COLOURS) - 1)] for place, kind in enumerate(ordered)}


def _draw_lanes(axes: Any, lanes: Sequence[Lane], span: _Span) -> None:
    every = [bar for lane in lanes for bar in lane.bars]
    colours = _kinds(every)
    edge = {"edgecolor": "white", "linewidth": 0.6} if len(every) <= _MAX_EDGED else {"linewidth": 0}
    for place, lane in enumerate(lanes):
        spans = [(span.place(bar.started), (bar.ended - bar.started) / span.scale) for bar in lane.bars]
        shades = [_FAILED if bar.failed else colours[bar.kind] for bar in lane.bars]
        axes.broken_barh(spans, (place - 0.4, 0.8), facecolors=shades, **edge)
    failed = [(span.place(bar.ended), place) for place, lane in enumerate(lanes) for bar in lane.bars if bar.failed]
    if failed:
        axes.scatter(*zip(*failed, strict=True), marker="x", s=28, linewidths=1.6, color="black", zorder=3)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    _name_lanes(axes, lanes)
    axes.tick_params(axis="x", labelbottom=False)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _name_lanes(axes: Any, lanes: Sequence[Lane]) -> None:
    hosts: dict[str, list[int]] = {}
    for place, lane in enumerate(lanes):
        hosts.setdefault(lane.host, []).append(place)
    names = [lane.name or "" for lane in lanes]
    if len(lanes) > _MAX_NAMED:
        _name_hosts(axes, hosts)
    elif len(hosts) == 1:
        axes.set_yticks(range(len(lanes)), names)
        axes.set_ylabel(f"workers on\n{lanes[0].host}")
    else:
        told = [lane.host + (f"/{lane.name}" if lane.name else "") for lane in lanes]
        shown = [label if place == 0 or label != told[place - 1] else "" for place, label in enumerate(told)]
        axes.set_yticks(range(len(lanes)), shown)
        axes.set_ylabel("workers")


def _name_hosts(axes: Any, hosts: Mapping[str, Sequence[int]]) -> None:
    """Name the hosts alone, each beside the middle of its lanes; where they are many, too, leave it at the number."""
    if len(hosts) <= _MAX_NAMED:
        axes.set_yticks([(places[0] + places[-1]) / 2 for places in hosts.values()], list(hosts))
        axes.tick_params(axis="y", length=0)
        for places in list(hosts.values())[1:]:
            axes.axhline(places[0] - 0.5, color="black", linewidth=0.5)
    count = sum(map(len, hosts.values()))
    axes.set_ylabel(f"{count:,} workers on {_count(len(hosts), 'host')}")


def _key(axes: Any, bars: Sequence[Bar]) -> None:
    """Say what the colours of bars mean, where there are several."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - an extra, and large
    from matplotlib.patches import Patch  # noqa: PLC0415

    named: dict[str, list[str]] = {}
    for kind, colour in _kinds(bars).items():
        named.setdefault(colour, []).append(kind or "no label")
    keys: list[Any] = [
        Patch(color=colour, label=kinds[0] if len(kinds) == 1 else f"{len(kinds)} others")
        for colour, kinds in named.items()
        if len(named) > 1
    ]
    if any(bar.failed for bar in bars):
        cross: dict[str, Any] = {"marker": "x", "markeredgecolor": "black", "markersize": 5, "markeredgewidth": 1.6}
        keys.append(Line2D([], [], color=_FAILED, linewidth=8, label="failed", **cross))
    if keys:
        axes.legend(handles=keys, ncols=len(keys), frameon=False, **_ABOVE)


def _draw_curve(axes: Any, bars: Sequence[Bar], span: _Span) -> None:
    def step(times: Iterable[float], **style: Any) -> None:
        at = sorted(map(span.place, times))
        axes.step([0, *at, span.width], [*range(len(at) + 1), len(at)], where="post", **style)

    submitted = [bar.submitted for bar in bars if bar.submitted is not None]
    if submitted:
        step(submitted, color=_SUBMITTED, linestyle="--", label="submitted")
    step([bar.received for bar in bars], color=_COLOURS[0], linewidth=2, label="done")
    failed = [bar.received for bar in bars if bar.failed]
    if failed:
        step(failed, color=_FAILED, linewidth=1.5, label="of these, failed")
    axes.set_ylim(0, len(bars) * 1.06)
    axes.set_ylabel("tasks")
    axes.grid(alpha=0.3)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(ncols=3, frameon=False, **_ABOVE)


def _headline(bars: Sequence[Bar], lanes: Sequence[Lane], without: int) -> str:
    begun, ended = min(bar.started for bar in bars), max(bar.ended for bar in bars)
    busy_s = sum(bar.ended - bar.started for bar in bars)
    told = f"{_count(len(bars), 'task')} on {_count(len(lanes), 'worker')}"
    if ended > begun:
        told += f", busy {busy_s / (ended - begun) / len(lanes):.0%} of {_duration(ended - begun)}"
    return told + (f"; {without:,} not run" if without else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    scale, unit = _unit(seconds)
    number = seconds / scale
    return f"{number:,.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"
