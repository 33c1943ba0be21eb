"""Progress bars: one line each on the terminal's standard error, or in a notebook; nothing anywhere else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ...client import name_of


class Bar:
    """Counts what is done. This one shows nothing."""

    def follow(self, future: Future[Any], calls: int = 1) -> None:
        """Count `calls` as done when the future is."""

    def all_known(self) -> None:
        """Say that all there is is followed: its number is the total."""

    def stop(self) -> None:
        """Show no more: what is on the screen stays. Nothing happens the second time."""


class _Shown(Bar):
    """A bar on the screen. All it does for a future is to count: the screen asks for the count when it is redrawn."""

    def __init__(self, label: str, total: int | None) -> None:
        from .screen import screen  # noqa: PLC0415 - who shows no bar does not pay for rich

        self._lock = threading.RLock()  # entered again where this is collected as garbage in the middle of `count`
        self._followed = 0
        self._done = 0
        self._total = total
        self._stopped = False
        self._hide = screen.show(label, lambda: (self._done, self._total), notebook=in_notebook())

    def follow(self, future: Future[Any], calls: int = 1) -> None:
        self._followed += calls

        def count(_future: object) -> None:
            with self._lock:
                self._done += 0 if self._stopped else calls

        future.add_done_callback(count)

    def all_known(self) -> None:
        self._total = self._followed

    def stop(self) -> None:
        with self._lock:
            stopped, self._stopped = self._stopped, True
        if not stopped:
            self._hide()


def bar_for(progress: bool | str, fn: Callable[..., Any] | str, total: int | None) -> Bar:
    """Make a bar.

    Args:
        progress: whether to show it, or what to write in front of it.
        fn: what it is about: a function, or a word.
        total: how much there is, where that is known.

    Raises:
        TypeError: `progress` is neither.
    """
    if not isinstance(progress, (bool, str)):  # pyright: ignore[reportUnnecessaryIsInstance] - users may not check types
        raise TypeError(f"progress must be True, False or a label, not {progress!r} ({type(progress).__name__})")
    if progress is False or not (in_notebook() or _on_terminal()):
        return Bar()
    label = progress if isinstance(progress, str) else fn if isinstance(fn, str) else name_of(fn)
    return _Shown(label, total)


def in_notebook() -> bool:
    """Whether this program is the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _on_terminal() -> bool:
    stream: Any = sys.stderr
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
