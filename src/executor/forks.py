"""Forks: how an object finds out that it was inherited from the process that forked this one.

A forked child has the parent's objects and none of its threads: nobody answers, and a lock that another thread held at
the moment of the fork stays locked for ever. So what holds locks remembers the generation it was made in, and makes
them anew when it finds itself in another one.
"""

from __future__ import annotations

import os
import threading


class Generation:
    """Counts the forks between the first process and this one.

    Attributes:
        number: the count.
        lock: for making inherited objects fit for this process: never held across a fork.
    """

    def __init__(self) -> None:
        self.number = 0
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.number += 1
        self.lock = threading.Lock()


#: Of this process.
generation = Generation()
