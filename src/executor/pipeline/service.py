"""What an executor asks of the web service, as functions: a part is given those that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...wire.rest import ResultQueue, SubmitReply, SubmitRequest, TaskDocument


@dataclass(frozen=True, slots=True)
class Service:
    """What an executor asks of the web service; each call blocks, tries once and raises a `FarpoolError`.

    Attributes:
        submit: submits tasks to an endpoint, under an idempotency key.
        attach: sees that a task group has a queue.
        cancel: cancels tasks, running ones too or not; None where the service cannot.
        strand: cancels those whose endpoint is away and that have not begun; says which. None where it cannot.
        paced: whether the client keeps to a rate of requests (to the hosted service's it must): few are better then.
        pace: has a given function wait until one more request would keep an even pace within that rate.
        throttled_s: for how many seconds requests have waited for their turn, so far.
        repeats: whether a request whose answer was lost can be sent again, under its key, and be taken once.
        retries: how many requests beside these were sent again.
        user_runtime: facts about this Python, sent with every batch.
    """

    submit: Callable[[str, SubmitRequest, str], SubmitReply]
    find_queue: Callable[[], ResultQueue]
    attach: Callable[[str], object]
    get_status: Callable[[Sequence[str]], dict[str, TaskDocument]]
    get_endpoint_status: Callable[[str], Mapping[str, Any]]
    cancel: Callable[[Sequence[str], bool], object] | None
    strand: Callable[[Sequence[str]], Mapping[str, str]] | None
    paced: bool
    pace: Callable[[Callable[[float], object]], None]
    throttled_s: Callable[[], float]
    repeats: bool
    retries: Callable[[], int]
    user_runtime: Mapping[str, Any]
