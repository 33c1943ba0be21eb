"""Retries: whether a task that failed is tried again, and when. Decides; waits for nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..errors import EndpointOffline, TaskError, TaskExecutionFailed, TaskTimeout, TaskUncertain, WorkerLost

if TYPE_CHECKING:
    from tenacity.wait import wait_base

F = TypeVar("F", bound=Callable[..., Any])

#: Seconds until the next attempt: always the same, or by the number of attempts made, or as tenacity says.
Backoff: TypeAlias = "float | Callable[[int], float] | wait_base"

#: The kinds of failure after which it is not known how far the function came.
_LOST = (WorkerLost, EndpointOffline, TaskUncertain)

_MARK = "__farpool_idempotent__"

#: Seconds before the second attempt, and the most between two attempts.
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 30.0


def idempotent(fn: F) -> F:
    """Mark a function that may run twice without harm, so that retries may follow a lost worker or endpoint.

    Example:
        >>> @idempotent
        ... def fetch(url): ...
    """
    setattr(fn, _MARK, True)
    return fn


def is_idempotent(fn: object) -> bool:
    """Say whether `idempotent` has marked a callable, or the function inside a partial or a method."""
    while not hasattr(fn, _MARK):
        fn = getattr(fn, "func", None) or getattr(fn, "__func__", None)
        if fn is None:
            return False
    return bool(getattr(fn, _MARK))


@dataclass(frozen=True, slots=True)
class Retry:
    """When a task is tried again.

    Attributes:
        retries: attempts after the first, at most.
        retry_on: the errors that are worth another attempt; None: whatever the function raises. What ran into its
            time-out is always tried again while there are attempts left.
        backoff: how long to wait before an attempt; None: 0.1 s, twice as long each time, up to 30 s, with jitter.
        idempotent: whether the function may run twice without harm: then also when its worker or endpoint was lost.
    """

    retries: int = 0
    retry_on: tuple[type[BaseException], ...] | None = None
    backoff: Backoff | None = None
    idempotent: bool = False

    def wait_s(self, attempt: int, error: BaseException) -> float | None:
        """Say how long to wait before the next attempt; None when there is to be none.

        Args:
            attempt: how many have been made.
            error: how the last one failed.
        """
        if attempt > self.retries or not self._is_worth_it(error):
            return None
        return max(0.0, _wait_s(self.backoff, attempt, error))

    def by_worker(self) -> list[Any] | None:
        """Say, as plain data, how a worker tries each of several calls in one task again; None: not at all.

        It holds the seconds to wait before each attempt, and the names of the exceptions worth one: None for all.
        """
        kinds = (TaskExecutionFailed,) if self.retry_on is None else self.retry_on
        names = [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if not issubclass(kind, TaskError)]
        everything = any(issubclass(TaskExecutionFailed, kind) for kind in kinds)
        if not (self.retries and (names or everything)):
            return None
        failed = TaskExecutionFailed("a call in a task of many")
        waits = [max(0.0, _wait_s(self.backoff, attempt, failed)) for attempt in range(1, self.retries + 1)]
        return [waits, None if everything else names]

    def of_chunk(self) -> Retry:
        """Give what is left to be done for a task of many calls, when the worker does `by_worker`."""
        kinds = [kind for kind in self.retry_on or () if issubclass(kind, TaskError)]
        kept = [kind for kind in kinds if not issubclass(TaskExecutionFailed, kind)]
        return replace(self, retry_on=tuple(kept))

    def _is_worth_it(self, error: BaseException) -> bool:
        if isinstance(error, TaskExecutionFailed):  # also a TaskTimeout that the function raised
            return self.retry_on is None or isinstance(error, self.retry_on)
        if isinstance(error, TaskTimeout):
            return True
        if isinstance(error, _LOST):
            named = any(issubclass(kind, TaskError) and kind is not TaskError for kind in self.retry_on or ())
            return self.idempotent or (named and isinstance(error, self.retry_on or ()))
        return isinstance(error, self.retry_on or ())


NO_RETRY = Retry()


def _wait_s(backoff: Backoff | None, attempt: int, error: BaseException) -> float:
    if isinstance(backoff, (int, float)):
        return float(backoff)
    # Imported here: who never tries again does not pay for it.
    from tenacity import RetryCallState, Retrying, wait_exponential, wait_random  # noqa: PLC0415
    from tenacity.wait import wait_base  # noqa: PLC0415

    if backoff is None:
        # By chance in part, so that tasks that failed together do not come back together.
        backoff = wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S)
    elif not isinstance(backoff, wait_base):
        return float(backoff(attempt))
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    state.set_exception((type(error), error, error.__traceback__))
    return float(backoff(state))
