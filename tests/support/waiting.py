"""Waiting for what nobody tells of, such as a file that a task writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def eventually(is_so: Callable[[], object], timeout: float = 60) -> None:
    """Look every 10 ms whether something is so; fail when it never is."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.01)
