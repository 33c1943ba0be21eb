"""What a client remembers of finished tasks: asking for a result again within a session asks nobody.

Kept is the text that came from the service, and the bytes of the blobs that it refers to, never a value: each caller
gets one of its own, and what one does with it no other sees. Does no I/O.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

from ..wire.jsontext import dumps
from ..wire.rest import TaskDocument

#: How many results and blobs are remembered, and how many bytes of them together; the least recently used go first.
MOST_KEPT = 10_000
MOST_BYTES = 64 * 1024 * 1024

#: What an entry costs besides its text: the objects that it is made of, about.
_ENTRY_BYTES = 1024


class Session:
    """Documents of finished tasks by task id, and blobs by digest, within bounds. Thread-safe.

    Args:
        most_kept: how many of both together.
        most_bytes: how many bytes of both together; what is larger by itself is not remembered.
    """

    def __init__(self, most_kept: int = MOST_KEPT, most_bytes: int = MOST_BYTES) -> None:
        self._most_kept = most_kept
        self._most_bytes = most_bytes
        self._clear()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def kept_bytes(self) -> int:
        """How many bytes are remembered, about."""
        return self._bytes

    def find(self, task_id: str) -> TaskDocument | None:
        """Give the document of a finished task, or None where it is not known."""
        found = self._find(task_id)
        return found if isinstance(found, TaskDocument) else None

    def keep(self, document: TaskDocument) -> None:
        """Remember a document, if it tells of an outcome: nothing changes that any more."""
        if document.is_finished and not (document.result is None and document.exception is None):
            self._keep(document.task_id, document, _size_of(document))

    def find_blob(self, digest: str) -> bytearray | None:
        """Give a copy of a blob, or None where it is not known."""
        found = self._find(digest)
        return bytearray(found) if isinstance(found, bytes) else None

    def keep_blob(self, digest: str, memory: bytearray) -> None:
        """Remember a copy of a blob."""
        if len(memory) <= self._most_bytes - _ENTRY_BYTES:
            self._keep(digest, bytes(memory), len(memory))

    def forget(self) -> None:
        """Remember nothing any more: somebody else may be asking from now on."""
        with self._held():
            self._kept.clear()
            self._bytes = 0

    def _clear(self) -> None:
        self._kept: OrderedDict[str, tuple[TaskDocument | bytes, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._process = os.getpid()

    def _held(self) -> threading.Lock:
        if os.getpid() != self._process:
            # Another thread may have held the lock at the fork; it is not here to give it back.
            self._clear()
        return self._lock

    def _find(self, name: str) -> TaskDocument | bytes | None:
        with self._held():
            entry = self._kept.get(name)
            if entry is None:
                return None
            self._kept.move_to_end(name)
            return entry[0]

    def _keep(self, name: str, what: TaskDocument | bytes, size: int) -> None:
        size += _ENTRY_BYTES
        if size > self._most_bytes:
            return
        with self._held():
            self._bytes += size - self._kept.pop(name, (b"", 0))[1]
            self._kept[name] = (what, size)
            while self._bytes > self._most_bytes or len(self._kept) > self._most_kept:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed


def _size_of(document: TaskDocument) -> int:
    # Of text that is not ASCII this counts characters, which is near enough.
    told = len(document.result or "") + len(document.exception or "")
    return told + (len(dumps(dict(document.details))) if document.details else 0)
