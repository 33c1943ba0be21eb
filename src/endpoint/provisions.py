"""Provisions: an engine whose jobs find what they refer to, and whose large results go to the service on their own.

    submit(job) -- its blobs are here? -- yes ------------------------------> engine --> outcome --> done
                        '--- no: fetched once, however many jobs want it ------^            |
                                                                     large: sent, then -----'

The blobs of a job stay in the cache until the job is over. What blocks runs in the threads of `Errands`; all else
belongs to the loop's thread.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..amqp import Loop
from ..errors import FarpoolError
from . import failures
from .blob_cache import BlobCache, Lease
from .blob_calls import BlobCalls, BlobService, Stopped
from .engine import Cancelled, Engine, EngineState, Loss, Outcome
from .errands import Errands
from .job import Job, Outgoing, Site, outgoing_name

log = logging.getLogger(__name__)

Done = Callable[[Outcome], None]


@dataclass(slots=True)
class _Blob:
    """A blob that jobs want, and the lease on it once it is here."""

    jobs: set[str] = field(default_factory=set[str])
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    done: Done


class Provisions:
    """An `Engine` over another one.

    Args:
        loop: where it lives.
        engine: runs the jobs.
        cache: where blobs are.
        outgoing: a directory of this agent's own, for results on their way.
        service: gives the service; called in a thread.
    """

    def __init__(
        self, loop: Loop, engine: Engine, *, cache: BlobCache, outgoing: Path, service: Callable[[], BlobService]
    ) -> None:
        self._loop = loop
        self._engine = engine
        self._cache = cache
        self._outgoing = outgoing
        self._errands = Errands()
        self._calls = BlobCalls(service, self._errands.stopping)
        self._blobs: dict[str, _Blob] = {}
        self._wants: dict[str, Job] = {}  # jobs with blobs, from submit to their end
        self._waiting: dict[str, _Waiting] = {}  # those of them whose blobs are not all here
        self._sending: set[str] = set()

    # ---- the engine's methods

    def start(self, *, ready: Callable[[], None], failed: Callable[[str], None]) -> None:
        """Start the workers."""
        with contextlib.suppress(OSError):  # told when something is written there
            self._outgoing.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._outgoing.iterdir():
                path.unlink()
        self._engine.start(ready=ready, failed=failed)

    def place(self, site: Site) -> None:
        """Tell the workers where they are, and where blobs are."""
        self._engine.place(
            replace(site, blobs=str(self._cache.directory.absolute()), outgoing=str(self._outgoing.absolute()))
        )

    def submit(self, job: Job, done: Done) -> None:
        """Have a job run when its blobs are here."""
        if job.takes_blobs:
            done = partial(self._finished, job.task_id, done)
        if not job.blobs:
            self._engine.submit(job, done)
            return
        self._wants[job.task_id] = job
        self._waiting[job.task_id] = _Waiting(job, partial(self._over, job.task_id, done))
        for digest, size_bytes in job.blobs.items():
            if digest not in self._blobs:
                self._blobs[digest] = _Blob()
                self._errands.put(partial(self._fetch, digest, size_bytes))
            self._blobs[digest].jobs.add(job.task_id)
        self._go_on(job.task_id)

    def withdraw(self) -> list[str]:
        """Drop all jobs that no worker has begun."""
        dropped = [*self._waiting, *self._engine.withdraw()]
        for task_id in dropped:
            self._release(task_id)
        return dropped

    def cancel(self, task_id: str, *, running: bool) -> Cancelled | None:
        """Drop one job; one whose result is being sent goes on."""
        cancelled = Cancelled.WAITED if task_id in self._waiting else self._engine.cancel(task_id, running=running)
        if cancelled is not None:
            self._release(task_id)
        if cancelled is Cancelled.STOPPED:
            self._clear(task_id)
        return cancelled

    def state(self) -> EngineState:
        """Say how it is; a job whose result is being sent still runs."""
        state = self._engine.state()
        return replace(state, pending=state.pending + len(self._waiting), running=[*state.running, *self._sending])

    def stop(self) -> None:
        """End the workers at once, and everything that is under way."""
        self._errands.stop()
        self._engine.stop()
        for task_id in tuple(self._wants):
            self._release(task_id)

    # ---- what comes in

    def _fetch(self, digest: str, size_bytes: int) -> None:
        found: Lease | Loss
        try:
            found = self._cache.lease(digest, size_bytes, lambda write: self._calls.fetch(digest, size_bytes, write))
        except Stopped:
            return
        except OSError as error:
            found = Loss(
                failures.BLOB_UNAVAILABLE,
                f"the endpoint cannot keep blob {digest[:12]} of {size_bytes:,} "
                f"bytes in {self._cache.directory}: {error.strerror or error}",
            )
        except Exception as error:  # noqa: BLE001 - the jobs that wait must hear of it, whatever it is
            found = Loss(failures.BLOB_UNAVAILABLE, f"the endpoint cannot have an argument of the task: {error}")
        if not self._loop.call(partial(self._fetched, digest, found)) and isinstance(found, Lease):
            found.close()

    def _fetched(self, digest: str, found: Lease | Loss) -> None:
        blob = self._blobs.get(digest)
        if isinstance(found, Lease):
            if blob is None or blob.lease is not None:
                found.close()  # nobody wants it any more, or it was asked for twice
                return
            blob.lease = found
            for task_id in tuple(blob.jobs):
                self._go_on(task_id)
            return
        for task_id in tuple(() if blob is None else blob.jobs):
            waiting = self._waiting.get(task_id)
            self._release(task_id)
            if waiting is not None:
                waiting.done(found)

    def _go_on(self, task_id: str) -> None:
        waiting = self._waiting.get(task_id)
        if waiting is not None and all(self._blobs[digest].lease for digest in waiting.job.blobs):
            del self._waiting[task_id]
            self._engine.submit(waiting.job, waiting.done)

    def _over(self, task_id: str, done: Done, outcome: Outcome) -> None:
        self._release(task_id)
        done(outcome)

    def _release(self, task_id: str) -> None:
        self._waiting.pop(task_id, None)
        job = self._wants.pop(task_id, None)
        for digest in () if job is None else job.blobs:
            blob = self._blobs[digest]
            blob.jobs.discard(task_id)
            if not blob.jobs:
                del self._blobs[digest]
                if blob.lease is not None:
                    blob.lease.close()

    # ---- what goes out

    def _finished(self, task_id: str, done: Done, outcome: Outcome) -> None:
        if isinstance(outcome, Outgoing):
            self._sending.add(task_id)
            self._errands.put(partial(self._send, task_id, done, outcome))
        else:
            if isinstance(outcome, Loss):
                self._clear(task_id)
            done(outcome)

    def _clear(self, task_id: str) -> None:
        """Delete what a worker that did not come to its end has written."""
        for path in self._outgoing.glob(f"{task_id}.*"):
            path.unlink(missing_ok=True)

    def _send(self, task_id: str, done: Done, outgoing: Outgoing) -> None:
        outcome: Outcome = outgoing.body
        try:
            for digest in outgoing.blobs:
                path = self._outgoing / outgoing_name(task_id, digest)
                self._calls.send(digest, path)
                path.unlink()
        except Stopped:
            return
        except FarpoolError as error:
            outcome = Loss(failures.BLOB_UNAVAILABLE, f"the task ran, and its result cannot be kept: {error}")
        except Exception as error:
            log.exception("the result of task %s could not be sent", task_id)
            outcome = Loss(failures.BLOB_UNAVAILABLE, f"the task ran, and its result was lost: {error!r}")
        if isinstance(outcome, Loss):
            self._clear(task_id)
        self._loop.call(partial(self._sent, task_id, done, outcome))

    def _sent(self, task_id: str, done: Done, outcome: Outcome) -> None:
        self._sending.discard(task_id)
        done(outcome)
