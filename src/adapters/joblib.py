"""joblib on farpool: `register()`, then `joblib.parallel_config(backend="farpool")`.

     joblib.Parallel --batches of calls--> FarpoolBackend.submit --one task each--> worker
        nested Parallel in the worker: threads there, as under joblib's own process backends

Needs joblib 1.5 or newer (`pip install 'farpool[joblib]'`), here and at the endpoint.
"""

# joblib is not typed:
# mypy: disable-error-code="misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor as AnyExecutor
from concurrent.futures import Future
from functools import partial
from typing import Any

from joblib.parallel import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    ThreadingBackend,
    register_parallel_backend,
)

from ..executor import Executor
from ..serialize import by_value

#: The name that `register` gives the backend.
NAME = "farpool"


def register(executor: AnyExecutor | None = None, *, make_default: bool = False) -> None:
    """Make joblib know the backend "farpool".

    Args:
        executor: where batches run; left out: what `parallel_config(backend="farpool", executor=...)` names, else an
            `Executor()` that lives as long as joblib keeps the backend.
        make_default: have joblib use it where no backend is named.
    """
    register_parallel_backend(NAME, partial(FarpoolBackend, registered=executor), make_default=make_default)


def _nested(level: int) -> Any:
    return (SequentialBackend if level > 1 else ThreadingBackend)(nesting_level=level)


def _run_batch(batch: Callable[[], Any], threads: int | None) -> Any:
    if threads is None:
        return batch()
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - in the worker, and only when it was asked for

    with threadpool_limits(threads):
        return batch()


class FarpoolBackend(AutoBatchingMixin, ParallelBackendBase):
    """A joblib backend whose batches are tasks of an executor.

    Args:
        executor: where batches run.
        registered: where they run if `executor` is left out; without either an `Executor()` is made.
        nesting_level: how many backends are above this one; joblib sets it.
        inner_max_num_threads: threads that BLAS and OpenMP may use in a batch; needs threadpoolctl in the worker.
    """

    default_n_jobs = -1
    supports_inner_max_num_threads = True
    supports_retrieve_callback = True
    uses_threads = False

    def __init__(
        self,
        executor: AnyExecutor | None = None,
        *,
        registered: AnyExecutor | None = None,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
    ) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._executor = executor or registered
        self._run = by_value(_run_batch)
        self._lock = threading.Lock()
        self._pending: set[Future[Any]] = set()

    @property
    def executor(self) -> AnyExecutor:
        """Where batches run."""
        with self._lock:
            if self._executor is None:
                self._executor = Executor()
            return self._executor

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_more: Any) -> int:
        """Be used by a `Parallel` call: nothing is started before the first batch.

        Returns:
            How many batches may run at once.
        """
        workers = self.effective_n_jobs(n_jobs)
        if self.nesting_level:
            # In a worker, whose code names this backend itself: it must not start another farpool there.
            raise FallbackToBackend(_nested(self.nesting_level))
        if workers == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        return workers

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Tell how many batches may run at once: what was asked for; negative numbers count down from all workers."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        return n_jobs if n_jobs > 0 else max(self._workers() + 1 + n_jobs, 1)

    def submit(self, func: Callable[[], Any], callback: Callable[[Future[Any]], Any] | None = None) -> Future[Any]:
        """Send a batch of calls as one task."""
        future = self.executor.submit(self._run, func, self.inner_max_num_threads)
        with self._lock:
            self._pending.add(future)
        future.add_done_callback(self._forget)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """Give the values of a batch, or raise what its call raised."""
        return out.result()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Call off all batches, also running ones where the executor can stop them; the backend stays usable."""
        del ensure_ready
        with self._lock:
            pending = list(self._pending)
        for future in pending:
            getattr(future, "cancel_remote", future.cancel)()

    def terminate(self) -> None:
        """End a `Parallel` call; the executor is kept for the next."""
        self.reset_batch_stats()

    def get_nested_backend(self) -> tuple[Any, None]:
        """Give what `Parallel` in a worker uses: threads, and below these nothing that is parallel."""
        return _nested((self.nesting_level or 0) + 1), None

    def _workers(self) -> int:
        if self.nesting_level:
            threads: int = _nested(self.nesting_level).effective_n_jobs(-1)
            return threads
        return getattr(self.executor, "_max_workers", None) or 1

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._pending.discard(future)
