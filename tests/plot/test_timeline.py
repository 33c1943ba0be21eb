"""The picture of a run. Drawn by matplotlib without a screen."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from farpool.executor.future import Future
from farpool.executor.timings import Told
from farpool.plot import timeline
from farpool.plot.lanes import bars_of, lanes_of
from support.environments import clean_environment
from support.libraries import library

EPOCH = 1_700_000_000.0


def ran(worker: str | None, started: float, ended: float, *, failed: bool = False, label: str = "") -> Future[Any]:
    """Make the future of a task that ran; times are seconds after the first was submitted."""
    future: Future[Any] = Future(endpoint_id="4b116d3c-1703", label=label, submitted_at=EPOCH)
    future.was_told(Told(EPOCH + started, EPOCH + ended, worker), EPOCH + ended + 0.1)
    future.settle(None, ValueError("failed") if failed else None)
    return future


def draw(futures: list[Future[Any]], **given: Any) -> Any:
    library("matplotlib")
    figure: Any = timeline(futures, **given)
    assert figure._repr_png_().startswith(b"\x89PNG")
    return figure


def texts(figure: Any) -> list[str]:
    """Give the names of lanes and all keys."""
    gantt, curve = figure.axes
    keys = [one.get_text() for axes in (gantt, curve) if axes.get_legend() for one in axes.get_legend().get_texts()]
    return [*(one.get_text() for one in gantt.get_yticklabels()), *keys]


def test_there_is_a_lane_for_each_worker_and_those_of_a_host_are_together() -> None:
    futures = [ran("a/1", 2, 3), ran("b/1", 1, 2), ran("a/2", 0, 1), ran("a/1", 0.5, 1), ran("b/1", 0, 1)]

    lanes = lanes_of(bars_of(futures)[0])

    assert [(lane.host, lane.name, len(lane.bars)) for lane in lanes] == [("a", "2", 1), ("a", "1", 2), ("b", "1", 2)]
    assert [bar.started - EPOCH for bar in lanes[1].bars] == [0.5, 2]


def test_tasks_of_workers_without_names_share_lanes_where_they_do_not_overlap() -> None:
    futures = [ran(None, 0, 2), ran(None, 1, 3), ran(None, 2, 4), ran(None, 3, 5), ran("a.example.org/7", 0, 1)]

    lanes = lanes_of(bars_of(futures)[0])

    assert [(lane.host, lane.name, len(lane.bars)) for lane in lanes] == [
        ("a", "7", 1),
        ("endpoint 4b116d3c", None, 2),
        ("endpoint 4b116d3c", None, 2),
    ]


def test_what_has_not_run_is_counted_and_left_out() -> None:
    waiting: Future[Any] = Future(submitted_at=EPOCH)
    cancelled: Future[Any] = Future(submitted_at=EPOCH)
    cancelled.cancel()

    bars, without = bars_of([waiting, cancelled, ran("a/1", 0, 1)])

    assert (len(bars), without) == (1, 2)


def test_the_picture_names_workers_and_marks_failures() -> None:
    figure = draw([ran("node1/7", 0, 2), ran("node1/8", 0.5, 2, failed=True), ran("node1/7", 2, 4)])

    assert texts(figure) == ["7", "8", "failed", "submitted", "done", "of these, failed"]
    gantt, curve = figure.axes
    assert gantt.get_ylabel() == "workers on\nnode1"
    assert curve.get_xlabel() == "seconds since the first task was submitted"
    assert figure.get_suptitle() == "3 tasks on 2 workers, busy 69% of 4 seconds"
    bars = [path.get_extents() for collection in gantt.collections[:2] for path in collection.get_paths()]
    assert [bar.x0 for bar in bars] == pytest.approx([0, 2, 0.5])
    assert [bar.x1 for bar in bars] == pytest.approx([2, 4, 2])
    done = curve.get_lines()[1]
    assert list(done.get_xdata()) == pytest.approx([0, 2.1, 2.1, 4.1, 4.1])
    assert list(done.get_ydata()) == [0, 1, 2, 3, 3]


def test_labels_have_colours_and_the_rare_ones_share_one() -> None:
    futures = [ran("a/1", n, n + 1, label=label) for n, label in enumerate("aaaaabbbbcccdddeefg")]

    assert texts(draw(futures))[1:7] == ["a", "b", "c", "d", "e", "2 others"]


def test_of_many_workers_the_hosts_are_named() -> None:
    figure = draw([ran(f"node{n // 20}/{n}", n * 60, n * 60 + 3000) for n in range(60)])

    assert texts(figure)[:3] == ["node0", "node1", "node2"]
    assert figure.axes[0].get_ylabel() == "60 workers on 3 hosts"
    assert figure.axes[1].get_xlabel() == "minutes since the first task was submitted"


def test_one_short_task_is_a_picture_too() -> None:
    figure = draw([ran("a/1", 0.001, 0.001)], title="my run")

    assert figure.get_suptitle() == "my run"
    assert figure.axes[1].get_xlabel() == "milliseconds since the first task was submitted"


def test_it_is_drawn_on_a_figure_that_is_given() -> None:
    library("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 4))

    assert timeline([ran("a/1", 0, 1)], figure=figure) is figure
    assert list(figure.get_size_inches()) == [3, 4]


def test_nothing_to_draw_is_told() -> None:
    with pytest.raises(ValueError, match="none of the 1 tasks has run to its end"):
        timeline([Future()])


def test_other_futures_are_told_from_ours() -> None:
    with pytest.raises(TypeError, match="takes futures of a farpool executor, not 'a word'"):
        timeline(["a word"])


def test_without_matplotlib_the_extra_is_named_when_it_is_drawn() -> None:
    program = """
import sys
sys.modules["matplotlib"] = None
import farpool
from farpool.executor.timings import Told
future = farpool.Future()
future.was_told(Told(1.0, 2.0, "a/1"), 3.0)
future.settle(1)
try:
    farpool.plot.timeline([future])
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=clean_environment(), check=False
    )

    assert (done.stderr, done.stdout.strip()) == (
        "",
        "farpool.plot draws with matplotlib, which is not installed: pip install 'farpool[plot]'",
    )
