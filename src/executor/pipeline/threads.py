"""Threads: the one place that starts them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def start(name: str, target: Callable[[], None], crashed: Callable[[BaseException], None]) -> threading.Thread:
    """Start a thread.

    Args:
        name: shown in debuggers.
        target: a loop that returns when its source closes.
        crashed: called in the thread when `target` raises: nobody may be left waiting for it.
    """

    def guarded() -> None:
        try:
            target()
        except BaseException as error:  # a dead loop must fail its futures, whatever killed it
            log.exception("thread %s died", name)
            crashed(error)

    thread = threading.Thread(target=guarded, name=f"farpool-{name}", daemon=True)
    thread.start()
    return thread
