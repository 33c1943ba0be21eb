"""What the agent asks of the service about blobs: patient with one that is away, short with one that refuses."""

from __future__ import annotations

import logging
import mmap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from ..amqp import Backoff
from ..errors import ServiceDown
from .blob_cache import Write

log = logging.getLogger(__name__)

T = TypeVar("T")

_BACKOFF = Backoff(base_s=0.2, cap_s=3.0)
#: How often a service is asked that answers, and has a fault of its own.
MOST_FAULTS = 5


class BlobService(Protocol):
    """The part of `farpool.client.Client` that is needed here."""

    def fetch_blob(self, digest: str, size_bytes: int, write: Write) -> None:
        """Fetch a blob."""

    def has_blob(self, digest: str) -> bool:
        """Ask whether a blob is there."""
        ...

    def put_blob(self, digest: str, piece: memoryview) -> None:
        """Send a blob."""


class Stopped(Exception):
    """The agent ends: nobody waits for this any more."""


class BlobCalls:
    """Fetches and sends blobs, however long the service is away.

    Args:
        service: gives the service.
        stopping: set when nobody waits any more.
    """

    def __init__(self, service: Callable[[], BlobService], stopping: threading.Event) -> None:
        self._service = service
        self._stopping = stopping

    def fetch(self, digest: str, size_bytes: int, write: Write) -> None:
        """Fetch a blob.

        Raises:
            FarpoolError: the service refuses it, or it is damaged.
            Stopped: the agent ends.
        """
        self._patiently(f"fetch blob {digest[:12]}", lambda: self._service().fetch_blob(digest, size_bytes, write))

    def send(self, digest: str, path: Path) -> None:
        """Send a blob that is a file.

        Raises:
            FarpoolError: the service refuses it, or has no room.
            Stopped: the agent ends.
        """
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory,
            memoryview(memory) as piece,
        ):
            self._patiently(f"send blob {digest[:12]}", lambda: self._send(digest, piece))

    def _send(self, digest: str, piece: memoryview) -> None:
        service = self._service()
        if not service.has_blob(digest):
            service.put_blob(digest, piece)

    def _patiently(self, what: str, call: Callable[[], T]) -> T:
        faults = attempt = 0
        while True:
            try:
                return call()
            except ServiceDown as error:
                faults += error.http_status is not None
                if faults >= MOST_FAULTS or error.http_status == 507:
                    raise
                log.log(logging.INFO if attempt else logging.WARNING, "cannot %s now, trying again: %s", what, error)
            attempt += 1
            if self._stopping.wait(_BACKOFF.delay(attempt)):
                raise Stopped
