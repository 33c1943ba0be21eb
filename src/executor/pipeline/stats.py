"""The stats: what an executor has done so far, as figures. Starts no thread, does no I/O."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

#: The latest latencies that percentiles are taken from.
KEPT_LATENCIES = 10_000


@dataclass(frozen=True, slots=True)
class Stats:
    """What an executor has done so far; a snapshot.

    Attributes:
        submitted: calls submitted.
        in_flight: of these, the ones without an outcome yet.
        done: calls that gave a value.
        failed: calls that gave an error, after their last attempt.
        cancelled: calls that were cancelled.
        retried: attempts made beyond the first ones.
        moved: how often a task went to another endpoint, because the one that it waited at was offline.
        registered: functions registered.
        requests: requests that submitted tasks, each counted once.
        retries: requests of any kind that were sent again because of a fault.
        resubmissions: tasks in requests that were sent again; a farpool service takes them once all the same.
        reconnects: how often a result connection was opened again.
        bytes_sent: packed arguments submitted, in bytes, each call counted once.
        bytes_received: serialized results, in bytes.
        latency_p50_s, latency_p99_s: seconds from `submit` to the outcome, the median and the 99th percentile of the
            latest 10,000 calls; None before the first.
        throttled_s: for how many seconds requests have waited so that the hosted service's rate is kept, over all
            threads; with those of a client that was given to the executor.
    """

    submitted: int = 0
    in_flight: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    registered: int = 0
    requests: int = 0
    retries: int = 0
    resubmissions: int = 0
    reconnects: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    latency_p50_s: float | None = None
    latency_p99_s: float | None = None
    moved: int = 0
    throttled_s: float = 0.0


class Meter:
    """Counts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._submitted = self._done = self._failed = self._cancelled = 0
        self._registered = self._requests = 0
        self._retries = self._resubmissions = self._reconnects = 0
        self._bytes_sent = self._bytes_received = 0
        self._latencies_s: deque[float] = deque(maxlen=KEPT_LATENCIES)

    def submitted(self, size_bytes: int) -> None:
        """Count a call."""
        with self._lock:
            self._submitted += 1
            self._bytes_sent += size_bytes

    def settled(self, latency_s: float, size_bytes: int, *, failed: bool) -> None:
        """Count an outcome."""
        with self._lock:
            self._bytes_received += size_bytes
            self._latencies_s.append(latency_s)
            if failed:
                self._failed += 1
            else:
                self._done += 1

    def take_back(self, *, failed: bool) -> None:
        """Uncount an outcome that came too late: the call was cancelled meanwhile."""
        with self._lock:
            if failed:
                self._failed -= 1
            else:
                self._done -= 1

    def cancelled(self) -> None:
        """Count a cancelled call."""
        with self._lock:
            self._cancelled += 1

    def registered(self) -> None:
        """Count a registration."""
        with self._lock:
            self._registered += 1

    def requested(self) -> None:
        """Count a request that submits tasks."""
        with self._lock:
            self._requests += 1

    def sent_again(self, tasks: int) -> None:
        """Count a request that submits tasks and is sent again."""
        with self._lock:
            self._retries += 1
            self._resubmissions += tasks

    def reconnected(self) -> None:
        """Count a result connection that was opened again."""
        with self._lock:
            self._reconnects += 1

    def read(self, *, retried: int, retries: int = 0) -> Stats:
        """Give the figures as they are now.

        Args:
            retried: attempts beyond the first ones.
            retries: requests of other kinds that were sent again.
        """
        with self._lock:
            latencies_s = sorted(self._latencies_s)
            return Stats(
                submitted=self._submitted,
                in_flight=self._submitted - self._done - self._failed - self._cancelled,
                done=self._done,
                failed=self._failed,
                cancelled=self._cancelled,
                retried=retried,
                registered=self._registered,
                requests=self._requests,
                retries=self._retries + retries,
                resubmissions=self._resubmissions,
                reconnects=self._reconnects,
                bytes_sent=self._bytes_sent,
                bytes_received=self._bytes_received,
                latency_p50_s=_percentile(latencies_s, 50),
                latency_p99_s=_percentile(latencies_s, 99),
            )


def _percentile(ordered: list[float], percent: int) -> float | None:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None
