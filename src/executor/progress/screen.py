"""The screen: one rich display for all progress bars of the process, there while one of them is."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from typing_extensions import override

#: Gives how much is done, and how much there is: None while that is not known.
Count = Callable[[], "tuple[int, int | None]"]


class _Display(Progress):
    """Bars that are read when they are drawn, some times a second, and not told of each step."""

    def __init__(self, console: Console, refresh_per_second: float = 10) -> None:
        self._counts: dict[TaskID, Count] = {}
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=refresh_per_second,
            # What is printed meanwhile goes above the bars, if it goes to the same place at all, and not to a file.
            redirect_stdout=console.is_terminal and sys.stdout.isatty(),
            redirect_stderr=console.is_terminal,
        )

    def follow(self, label: str, count: Count) -> TaskID:
        done, total = count()
        task = self.add_task(label, total=total, completed=done)
        self._counts[task] = count
        return task

    def leave(self, task: TaskID) -> None:
        self._read()
        self._counts.pop(task, None)
        self.stop_task(task)

    @override
    def get_renderables(self) -> Iterable[RenderableType]:
        self._read()
        yield from super().get_renderables()

    def _read(self) -> None:
        for task, count in list(self._counts.items()):
            done, total = count()
            self.update(task, completed=done, total=total)


class _NotebookDisplay(_Display):
    """Bars in the output of a cell.

    rich's own way needs ipywidgets and its browser part. Here the output is replaced: every notebook can do that, and
    keeps the last one when it is saved.
    """

    def __init__(self) -> None:
        super().__init__(Console(quiet=True), refresh_per_second=4)
        self._output: Any = None
        self.live.refresh = self._draw  # type: ignore[method-assign]  # called by rich's thread

    def _draw(self) -> None:
        display: Any = importlib.import_module("IPython.display").display  # it is there: this is a notebook
        bundle: Any = cast("Any", self)._repr_mimebundle_((), ())
        if self._output is None:
            self._output = display(bundle, raw=True, display_id=True)
        else:
            self._output.update(bundle, raw=True)

    @override
    def stop(self) -> None:
        super().stop()
        self._draw()


class Screen:
    """Shows bars. Thread-safe."""

    def __init__(self) -> None:
        # Entered again where a bar is collected as garbage in the middle of this.
        self._lock = threading.RLock()
        self._shown: set[TaskID] = set()
        self._display: _Display | None = None
        os.register_at_fork(after_in_child=self._leave)

    def show(self, label: str, count: Count, *, notebook: bool = False) -> Callable[[], None]:
        """Show a bar.

        Args:
            label: what is written in front of it.
            count: asked whenever the bar is drawn.
            notebook: whether in the output of a cell.

        Returns:
            What ends it; the line stays.
        """
        with self._lock:
            display = self._display
            if display is None:
                display = self._display = _NotebookDisplay() if notebook else _Display(Console(stderr=True))
                # A program that ends with a bar on the screen gets its cursor back.
                atexit.register(self.close)
            bar = display.follow(label, count)
            self._shown.add(bar)
            display.start()
            return lambda: self._end(display, bar)

    def _end(self, display: _Display, bar: TaskID) -> None:
        with self._lock:
            if display is self._display:
                display.leave(bar)
                self._shown.discard(bar)
                if not self._shown:
                    self.close()

    def close(self) -> None:
        """Take everything from the screen but the lines as they are."""
        with self._lock:
            display, self._display = self._display, None
            self._shown.clear()
            if display is not None:
                atexit.unregister(self.close)
                display.stop()

    def _leave(self) -> None:
        # What is on the screen is the parent's, and so is the thread that draws it.
        atexit.unregister(self.close)
        self._lock = threading.RLock()
        self._shown.clear()
        self._display = None


screen = Screen()
